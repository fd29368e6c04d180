"""A variant of which nobody stands: a real nginx says when to come, and counts it as no error."""

import re
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from r1_on_eks.plan.nginx.answers import ANSWERS_SERIES, METRICS_PATH, statuses
from r1_on_eks.plan.nginx.settings import Sleeper

sys.path.insert(0, str(Path(__file__).parent))
from gateway_process import RunningGateway
from test_gateway import SECTION, chat, send

pytestmark = pytest.mark.rehearsal

ASLEEP, AWAKE = "14b", "7b"
TOLD = "no server of this model stands now; it answers in about 16 minutes"


@pytest.fixture
def gateway(tmp_path):
    """Nobody stands for 14b and 70b, which never sleeps; 7b may sleep, and does not."""
    section = SECTION | {"fallback": {"32b": "7b"}}
    gateway = RunningGateway.with_servers(
        tmp_path, section, ["70b", "32b", "14b", "7b"], up=["7b"],
        sleepers={
            "14b": Sleeper(told=TOLD, again_in=925),
            "7b": Sleeper(told="7b sleeps", again_in=400),
            "32b": Sleeper(told="32b sleeps", again_in=1800),
        },
        metrics_port=9114,
    )  # fmt: skip
    yield gateway
    gateway.stop()


def ask(gateway, variant, told="hello", key="r1-alice"):
    path = f"/api/v1/{variant}/chat/completions"
    return send(gateway, "POST", path, chat(variant, told), key=key)


def counted(gateway):
    """By variant and status, of those that were asked for."""
    address = f"http://127.0.0.1:{gateway.metrics_port}{METRICS_PATH}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        text = answer.read().decode()
    found = re.findall(rf'{ANSWERS_SERIES}\{{variant="([^"]+)",status="([^"]+)"\}} (\d+)', text)
    return {(variant, status): int(count) for variant, status, count in found if count != "0"}


def until_counted(gateway, wanted):
    # An answer is counted when the client has it already.
    deadline = time.monotonic() + 5
    while (found := counted(gateway)) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == wanted


def test_whoever_asks_for_a_sleeper_is_told_when_to_come(gateway):
    reply = ask(gateway, ASLEEP)
    assert (reply.status, reply.error["code"]) == (503, "model_asleep")
    assert reply.error["message"] == TOLD
    assert reply.headers["Retry-After"] == "925"


def test_an_answer_in_place_of_a_sleeper_is_counted_as_such_and_no_other(gateway):
    for _ in range(3):
        ask(gateway, ASLEEP)
    ask(gateway, AWAKE)
    ask(gateway, AWAKE, "status 503")
    ask(gateway, AWAKE, "reset 0")
    ask(gateway, "70b")
    until_counted(gateway, {
        ("14b", "asleep"): 3, ("7b", "200"): 1, ("7b", "503"): 1, ("7b", "502"): 1,
        ("70b", "503"): 1,
    })  # fmt: skip


def test_a_request_by_the_name_in_its_body_or_to_a_split_wakes_as_well(gateway):
    send(gateway, "POST", "/v1/chat/completions", chat(ASLEEP))
    until_counted(gateway, {("14b", "asleep"): 1})
    kinds = {200: (AWAKE, "200"), 503: (ASLEEP, "asleep")}
    got = [kinds[ask(gateway, "compare").status] for _ in range(20)]
    until_counted(gateway, Counter([(ASLEEP, "asleep"), *got]))


def test_a_sleeper_is_woken_though_another_answers_in_its_place(gateway):
    assert ask(gateway, "32b").status == 200
    until_counted(gateway, {("32b", "200"): 1})


def test_strangers_wake_nobody(gateway):
    assert ask(gateway, ASLEEP, key="r1-nobody").status == 401
    until_counted(gateway, {("none", "401"): 1})


def test_who_is_there_and_full_is_not_called_asleep(gateway):
    reply = ask(gateway, AWAKE, "status 503")
    assert reply.status == 503
    assert reply.headers.get("Retry-After") != "400"
    assert "asleep" not in reply.body.decode()


def test_who_never_sleeps_is_told_of_as_before(gateway):
    reply = ask(gateway, "70b")
    assert (reply.status, reply.error["code"]) == (503, "model_unavailable")
    assert reply.headers["Retry-After"] == "10"


def test_where_nobody_sleeps_nothing_is_said_of_it(tmp_path):
    gateway = RunningGateway(tmp_path, SECTION, ["70b", "14b", "7b"], {}, metrics_port=9114)
    assert "asleep" not in gateway.deployed
    assert "asleep" not in statuses(gateway.site)
