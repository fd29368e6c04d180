"""A real nginx counts what clients are answered: as its log has it, over workers and reloads."""

import json
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from r1_on_eks.plan.nginx.answers import (
    ANSWERS_LABELS,
    ANSWERS_SERIES,
    METRICS_PATH,
    NO_VARIANT,
    statuses,
    variants,
)

sys.path.insert(0, str(Path(__file__).parent))
from gateway_process import RunningGateway
from test_gateway import OK, SECTION, V70, VARIANTS, chat, padded, send, send_raw

pytestmark = pytest.mark.rehearsal

UP = ["70b", "14b", "8b", "7b"]
LINE = re.compile(rf'{ANSWERS_SERIES}\{{variant="([^"]+)",status="([^"]+)"\}} (\d+)')


@pytest.fixture
def gateway(tmp_path):
    """Of 32b and 1.5b nobody stands; a server may be silent for 2 s; metrics are asked for."""
    gateway = RunningGateway.with_servers(
        tmp_path, SECTION, VARIANTS, up=UP,
        longest_answer_seconds=2, body_mib=1, routed_body_kib=64, metrics_port=9114,
    )  # fmt: skip
    yield gateway
    gateway.stop()


def told(gateway):
    address = f"http://127.0.0.1:{gateway.metrics_port}{METRICS_PATH}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
        return answer.read().decode()


def counted(gateway):
    """By variant and status, without those of which there was none."""
    found = LINE.findall(told(gateway))
    return {(variant, status): int(count) for variant, status, count in found if count != "0"}


def until_counted(gateway, wanted):
    # A line is written, and counted, when the client has its answer already.
    deadline = time.monotonic() + 5
    while (found := counted(gateway)) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == wanted


def ask(gateway, path=V70, body=OK, method="POST", **more):
    return send(gateway, method, path, body, **more).status


def path_of(variant):
    return V70.replace("70b", variant)


def test_every_series_is_there_from_none_on(gateway):
    head, kind, *lines = told(gateway).splitlines()
    assert head.startswith(f"# HELP {ANSWERS_SERIES} ")
    assert kind == f"# TYPE {ANSWERS_SERIES} counter"
    assert re.findall(r'(\w+)="', lines[0]) == [*ANSWERS_LABELS]
    assert [LINE.fullmatch(line).groups() for line in lines] == [
        (variant, status, "0")
        for variant in variants(gateway.site)
        for status in statuses(gateway.site)
    ]


def test_each_kind_of_answer_is_counted_for_whom_it_was_meant(gateway):
    asked = [
        (ask(gateway), "70b", 200),
        (ask(gateway, "/v1/chat/completions", chat("7b")), "7b", 200),
        (ask(gateway, path_of("1.5b"), chat("1.5b")), "1.5b", 503),
        # Its stand-in answers: the client has what it asked for.
        (ask(gateway, path_of("32b"), chat("32b")), "32b", 200),
        (ask(gateway, body=chat("70b", "reset")), "70b", 200),
        (ask(gateway, body=chat("70b", "reset 0")), "70b", 502),
        (ask(gateway, body=chat("70b", "sleep 4")), "70b", 504),
        (ask(gateway, body=chat("70b", "status 500")), "70b", 500),
        # Of the server alone.
        (ask(gateway, body=chat("70b", "status 422")), "70b", 422),
        (ask(gateway, body=chat("70b", "status 507")), "70b", 507),
        (ask(gateway, key="r1-nobody"), NO_VARIANT, 401),
        (ask(gateway, "/api/v1/9b/chat/completions"), NO_VARIANT, 404),
        (ask(gateway, "/v1/chat/completions", chat("gpt-4")), NO_VARIANT, 404),
        (ask(gateway, "/v1/models", None, "GET"), NO_VARIANT, 200),
        (ask(gateway, V70, padded("70b", 2 * 2**20)), NO_VARIANT, 413),
        (ask(gateway, method="PUT"), NO_VARIANT, 405),
    ]
    known = set(statuses(gateway.site))
    assert [got for got, _, _ in asked] == [status for _, _, status in asked]
    until_counted(gateway, Counter(
        (variant, str(status) if str(status) in known else f"{status // 100}xx")
        for _, variant, status in asked
    ))  # fmt: skip


def test_who_asks_too_much_is_counted_for_the_variant_that_he_asked(gateway):
    got = Counter(ask(gateway, key="r1-limited") for _ in range(4))
    assert got[429] >= 2
    until_counted(gateway, {("70b", str(status)): count for status, count in got.items()})


def test_a_draw_is_counted_for_whom_it_fell_on(gateway):
    body = chat("assistant")
    for _ in range(60):
        assert ask(gateway, path_of("assistant"), body) == 200
    reached = gateway.upstream_requests()
    assert sum(reached.values()) == 60
    until_counted(gateway, {(name, "200"): n for name, n in reached.items() if n})


def test_probes_questions_of_its_own_and_scrapes_are_no_answers(gateway):
    for path in ("/healthz", "/livez"):
        assert ask(gateway, path, None, "GET", key=None) == 200
    (gateway.folder / "draining").touch()
    assert ask(gateway, "/healthz", None, "GET", key=None) == 503
    told(gateway)
    # Asks every variant whether it is well; that is one answer.
    assert ask(gateway, "/v1/models", None, "GET") == 200
    until_counted(gateway, {(NO_VARIANT, "200"): 1})


def test_what_is_no_request_and_who_leaves_are_counted(gateway):
    assert send_raw(gateway, b"nonsense\r\n\r\n")[0] == [400]
    until_counted(gateway, {(NO_VARIANT, "400"): 1})
    head = f"POST {V70} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer r1-alice\r\n"
    body = chat("70b", "sleep 1.5")
    send_raw(gateway, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    until_counted(gateway, {(NO_VARIANT, "400"): 1, ("70b", "499"): 1})


def logged(gateway):
    lines = map(json.loads, (gateway.folder / "access.log").read_text().splitlines())
    return Counter(line["status"] for line in lines)


def test_counts_are_those_of_the_log_whichever_worker_answered_and_survive_reloads(gateway):
    text = gateway.configuration.read_text()
    assert "worker_processes auto;" in text
    gateway.configuration.write_text(text.replace("processes auto;", "processes 4;"))
    gateway.processes.reload(gateway.name)
    got = []

    def client():
        for number in range(60):
            variant = ("70b", "7b", "1.5b")[number % 3]
            got.append((variant, str(ask(gateway, path_of(variant), chat(variant)))))

    clients = [threading.Thread(target=client) for _ in range(4)]
    for one in clients:
        one.start()
    for number in range(3):
        time.sleep(0.1)
        changed = text.replace('"status":"ok"', f'"status":"ok","n":{number}')
        gateway.configuration.write_text(changed)
        gateway.processes.reload(gateway.name)
    for one in clients:
        one.join(60)
    assert len(got) == 240
    until_counted(gateway, Counter(got))
    time.sleep(0.2)
    assert logged(gateway) == {200: 160, 503: 80}


@pytest.fixture
def fill(gateway):
    """Puts entries into the zone, by hands of a script that only the test has."""
    (gateway.folder / "etc" / "fill.js").write_text(
        "function put(kind) { ngx.shared.answers.incr(kind, 1, 0); }\n"
        "function named(r) { r.args.kinds.split(',').forEach(put);\n"
        "    r.return(200, `${ngx.shared.answers.freeSpace()}`); }\n"
        "function full(r) { let n = 0;\n"
        "    try { for (;;) { put(`x${n++}`); } } catch (error) { r.return(200, `${n}`); } }\n"
        "export default { named, full };\n"
    )
    text = gateway.configuration.read_text()
    text = text.replace(
        "js_set $counted", f"js_import fill from {gateway.folder}/etc/fill.js;\njs_set $counted"
    ).replace(
        f"location = {METRICS_PATH} {{",
        "location = /named {\njs_content fill.named;\n}\n"
        "location = /full {\njs_content fill.full;\n}\n"
        f"location = {METRICS_PATH} {{",
    )
    gateway.configuration.write_text(text)
    gateway.processes.reload(gateway.name)

    def asked(how):
        deadline = time.monotonic() + 10
        while True:
            try:
                address = f"http://127.0.0.1:{gateway.metrics_port}/{how}"
                with urllib.request.urlopen(address, timeout=5) as answer:
                    return int(answer.read())
            except urllib.error.HTTPError:
                # The workers of before.
                assert time.monotonic() < deadline
                time.sleep(0.1)

    return asked


def test_there_is_room_for_twice_as_many_kinds_as_a_stack_may_have(gateway, fill):
    names = [
        (variant, status)
        for variant in variants(gateway.site)
        for status in statuses(gateway.site)
    ]
    for prefix in ("", "1"):
        kinds = [f"{prefix}{variant}+{status}" for variant, status in names]
        for begin in range(0, len(kinds), 50):
            free = fill(f"named?kinds={','.join(kinds[begin : begin + 50])}".replace("+", "%20"))
    assert free > 8192
    assert counted(gateway) == dict.fromkeys(names, 1)


def test_without_room_a_request_is_answered_known_kinds_are_counted_and_the_log_tells(
    gateway, fill
):
    assert ask(gateway) == 200
    until_counted(gateway, {("70b", "200"): 1})
    assert fill("full") > 500
    assert ask(gateway) == 200
    assert ask(gateway, key="r1-nobody") == 401
    until_counted(gateway, {("70b", "200"): 2})
    deadline = time.monotonic() + 5
    while "an answer is not counted: " not in gateway.processes.log(gateway.name).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_counts_are_not_for_clients_and_the_listener_has_nothing_else(gateway):
    assert ask(gateway, METRICS_PATH, None, "GET") == 404
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{gateway.metrics_port}/v1/models", timeout=5)


def test_nothing_is_counted_where_nobody_asks(tmp_path):
    text = RunningGateway(tmp_path, SECTION, VARIANTS, {}).deployed
    assert "counted" not in text
    assert "js_shared_dict_zone" not in text
