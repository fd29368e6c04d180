"""A variant of which nobody stands: a real nginx counts who asks for it, and says when to come."""

import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from r1_on_eks.plan.nginx.waking import ASKED_SERIES, METRICS_PATH

sys.path.insert(0, str(Path(__file__).parent))
from gateway_process import RunningGateway
from test_gateway import SECTION, chat, send

pytestmark = pytest.mark.rehearsal

ASLEEP, AWAKE = "14b", "7b"


@pytest.fixture
def gateway(tmp_path):
    """Nobody stands for 14b and 70b, which never sleeps; 7b may sleep, and does not."""
    section = SECTION | {"fallback": {"32b": "7b"}}
    gateway = RunningGateway.with_servers(
        tmp_path, section, ["70b", "32b", "14b", "7b"], up=["7b"],
        waking={"14b": 925, "7b": 400, "32b": 1800}, metrics_port=9114,
    )  # fmt: skip
    yield gateway
    gateway.stop()


def ask(gateway, variant, told="hello", key="r1-alice"):
    path = f"/api/v1/{variant}/chat/completions"
    return send(gateway, "POST", path, chat(variant, told), key=key)


def counted(gateway):
    address = f"http://127.0.0.1:{gateway.metrics_port}{METRICS_PATH}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        text = answer.read().decode()
    assert text.startswith(f"# TYPE {ASKED_SERIES} counter\n")
    lines = [line.split() for line in text.splitlines()[1:]]
    return {name.partition('"')[2].partition('"')[0]: int(value) for name, value in lines}


def test_whoever_asks_for_a_sleeper_is_told_in_how_many_minutes_to_come(gateway):
    reply = ask(gateway, ASLEEP)
    assert (reply.status, reply.error["code"]) == (503, "model_asleep")
    assert "in about 16 minutes" in reply.error["message"]
    assert reply.headers["Retry-After"] == "925"


def test_everybody_who_may_sleep_is_counted_from_none_on_and_no_other(gateway):
    assert counted(gateway) == {"14b": 0, "7b": 0, "32b": 0}
    for _ in range(3):
        ask(gateway, ASLEEP)
    ask(gateway, AWAKE)
    ask(gateway, "70b")
    assert counted(gateway) == {"14b": 3, "7b": 1, "32b": 0}


def test_a_request_by_the_name_in_its_body_or_to_a_split_wakes_as_well(gateway):
    send(gateway, "POST", "/v1/chat/completions", chat(ASLEEP))
    assert counted(gateway)["14b"] == 1
    for _ in range(20):
        ask(gateway, "compare")
    found = counted(gateway)
    assert found["14b"] + found["7b"] == 21


def test_a_sleeper_is_woken_though_another_answers_in_its_place(gateway):
    assert ask(gateway, "32b").status == 200
    assert counted(gateway)["32b"] == 1


def test_strangers_wake_nobody(gateway):
    assert ask(gateway, ASLEEP, key="r1-nobody").status == 401
    assert counted(gateway)["14b"] == 0


def test_who_is_there_and_full_is_not_called_asleep(gateway):
    reply = ask(gateway, AWAKE, "status 503")
    assert reply.status == 503
    assert reply.headers.get("Retry-After") != "400"
    assert "asleep" not in reply.body.decode()


def test_who_never_sleeps_is_told_of_as_before(gateway):
    reply = ask(gateway, "70b")
    assert (reply.status, reply.error["code"]) == (503, "model_unavailable")
    assert reply.headers["Retry-After"] == "10"


def test_counts_are_not_for_clients(gateway):
    assert send(gateway, "GET", METRICS_PATH).status == 404
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{gateway.metrics_port}/v1/models", timeout=5)
