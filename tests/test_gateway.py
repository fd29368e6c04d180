"""Requests to a real nginx with the text that a stack deploys, and what each of them reaches."""

import contextlib
import http.client
import json
import random
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from r1_on_eks.rehearsal.nginx_files import rewritten
from r1_on_eks.rehearsal.nginx_package import Nginx, find_or_unpack_nginx

sys.path.insert(0, str(Path(__file__).parent))
from gateway_process import SERVER_KEY, RunningGateway, key_entry

pytestmark = pytest.mark.rehearsal

ALICE, LIMITED, NARROW, RETIRED = "r1-alice", "r1-limited", "r1-narrow", "r1-retired"
KIB = 1024
ROUTED_KIB, BODY_MIB = 64, 1
VARIANTS = ["70b", "32b", "14b", "8b", "7b", "1.5b"]
MANY = {"per_minute": 600_000, "at_a_time": 1000}
SECTION = {
    "keys": [
        key_entry("alice", ALICE),
        key_entry("alice", "r1-alice-2"),
        key_entry("limited", LIMITED, limits={"per_minute": 6, "at_a_time": 100}),
        key_entry("narrow", NARROW, limits={"per_minute": 600_000, "at_a_time": 1}),
        key_entry("default", "r1-default"),
    ],
    "limits": MANY,
    "strangers": MANY,
    "splits": {
        "assistant": {"percent": {"14b": 90, "7b": 10}},
        "compare": {"percent": {"14b": 50, "7b": 50}, "sticky": True},
    },
    "fallback": {"32b": "14b", "8b": "7b"},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Of 32b and 1.5b no pod is ready. A server may be silent for 2 s."""
    gateway = RunningGateway.with_servers(
        tmp_path_factory.mktemp("gateway"),
        SECTION,
        VARIANTS,
        up=["70b", "14b", "8b", "7b"],
        longest_answer_seconds=2,
        body_mib=BODY_MIB,
        routed_body_kib=ROUTED_KIB,
    )
    yield gateway
    gateway.stop()


def chat(model, told="hello", **more):
    return json.dumps(
        {"model": model, "messages": [{"role": "user", "content": told}], **more}
    ).encode()


def padded(model, size):
    body = chat(model, "")
    return chat(model, "x" * (size - len(body)))


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def error(self):
        return json.loads(self.body)["error"]


def send(gateway, method, path, body=None, headers=None, key=ALICE):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    sent = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        connection.request(method, path, body=body, headers={**sent, **(headers or {})})
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def send_raw(gateway, text, *, more_to_come=False):
    """Sends bytes as they are; returns the status of every answer until the connection ends."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as raw:
        raw.sendall(text)
        # Whoever will send no more has gone, to nginx: it lets the server go too.
        if not more_to_come:
            raw.shutdown(socket.SHUT_WR)
        received = b""
        while more := raw.recv(65536):
            received += more
    return [int(part[1:4]) for part in received.split(b"HTTP/1.1")[1:]], received


CHAT = "chat/completions"
V70 = "/api/v1/70b/chat/completions"
OK = chat("70b")


@dataclass
class Row:
    """One request, what answers it, and which server it reaches."""

    does: str
    method: str = "POST"
    path: str = V70
    body: bytes | None = OK
    headers: dict | None = None
    key: str | None = ALICE
    status: int = 200
    says: str = ""
    code: str = ""
    reached: str | None = None


ROWS = [
    # Paths that are open.
    Row("chat", reached="70b"),
    Row("completions", path="/api/v1/70b/completions", reached="70b"),
    Row("a variant with a point, down", path="/api/v1/1.5b/chat/completions", body=chat("1.5b"),
        status=503, code="model_unavailable", says="ask again"),
    Row("another variant", path="/api/v1/7b/chat/completions", body=chat("7b"), reached="7b"),
    Row("by the body's model", path="/v1/chat/completions", body=chat("7b"), reached="7b"),
    Row("by the body's model, below the other prefix", path="/api/v1/chat/completions",
        body=chat("14b"), reached="14b"),
    Row("completions by model", path="/v1/completions", body=b'{"model":"70b","prompt":"x"}',
        reached="70b"),
    Row("a query string is nobody's business", path=V70 + "?api_key=r1-alice", reached="70b"),
    Row("double slashes are one", path="//api//v1/70b//chat/completions", reached="70b"),
    Row("a dot segment that stays inside", path="/api/v1/7b/../70b/chat/completions",
        reached="70b"),
    Row("an escaped slash is a slash of the same path", path="/api/v1/70b/chat%2Fcompletions",
        reached="70b"),
    Row("an escaped letter is that letter", path="/api/v1/70b/ch%61t/completions", reached="70b"),
    Row("health", method="GET", path="/healthz", body=None, key=None, says='"ok"'),
    Row("liveness", method="GET", path="/livez", body=None, key=None, says='"ok"'),
    # Paths that are not.
    *(
        Row(f"vLLM's own {path}", method=method, path=f"/api/v1/70b/{path}", status=404,
            body=None if method == "GET" else OK, code="model_not_found")
        for method, path in (
            ("GET", "metrics"), ("GET", "health"), ("GET", "load"), ("GET", "version"),
            ("POST", "tokenize"), ("POST", "load_lora_adapter"), ("POST", "sleep"),
            ("POST", "collective_rpc"), ("POST", "pause"), ("POST", "embeddings"),
            ("POST", "responses"), ("POST", "chat/completions/"), ("POST", "chat"),
            ("GET", "models/70b"), ("POST", "chat/completions/render"),
        )
    ),
    Row("metrics at the root", method="GET", path="/metrics", body=None, status=404),
    Row("the root", method="GET", path="/", body=None, status=404),
    Row("a traversal to a server's metrics", method="GET", body=None, status=404,
        path="/api/v1/70b/chat/completions/../../../../metrics"),
    Row("an escaped traversal", method="GET", path="/api/v1/70b/%2e%2e/%2e%2e/metrics", body=None,
        status=404),
    Row("a traversal above the root", method="GET", path="/../../etc/passwd", body=None,
        status=400),
    Row("twice escaped stays escaped", path="/api/v1/70b/chat%252Fcompletions", status=404),
    Row("an escaped zero", path="/api/v1/70b/chat/completions%00", status=400),
    Row("a broken escape", path="/api/v1/70b/chat%zz", status=400, code="bad_request"),
    Row("the internal refusal", path="/refused", status=404),
    Row("the internal errors", path="/errors/503", status=404),
    Row("the internal checks", method="GET", path="/up/70b", body=None, status=404),
    Row("the named location is no path", path="/@instead", status=404),
    Row("an unknown variant", path="/api/v1/9b/chat/completions", status=404,
        code="model_not_found", says="70b, 32b, 14b, 8b, 7b, 1.5b, assistant, compare"),
    Row("an unknown model", path="/v1/chat/completions", body=chat("gpt-4"), status=404,
        code="model_not_found", says="the models here are 70b"),
    Row("a model that is a path", path="/v1/chat/completions", body=chat("../70b"), status=404),
    Row("a model that is an address", path="/v1/chat/completions", status=404,
        body=chat("127.0.0.1:9/x")),
    Row("a model of capitals", path="/v1/chat/completions", body=chat("70B"), status=404),
    Row("a model that is no text", path="/v1/chat/completions", status=400, code="model_missing",
        body=b'{"model":["70b"]}'),
    Row("no model", path="/v1/chat/completions", body=b"{}", status=400, code="model_missing"),
    Row("no JSON", path="/v1/chat/completions", body=b"model=70b", status=400,
        code="invalid_json"),
    Row("JSON that is null", path="/v1/chat/completions", body=b"null", status=400),
    Row("an empty body", path="/v1/chat/completions", body=b"", status=400),
    Row("a body that is no UTF-8", path="/v1/chat/completions", body=b'{"model":"\xff\xfe"}',
        status=404),
    Row("two models in one body: the last counts, for the server too", reached="7b",
        path="/v1/chat/completions", body=b'{"model":"70b","model":"7b"}'),
    Row("a path's model and another in the body", body=chat("7b"), status=404,
        says="no such model", reached="70b"),
    # Methods.
    *(
        Row(f"{method} where POST is meant", method=method, body=None, status=405,
            code="method_not_allowed")
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND")
    ),
    Row("POST where GET is meant", path="/v1/models", status=405, code="method_not_allowed"),
    Row("a small letter's method", method="post", status=400),
    Row("TRACE", method="TRACE", body=None, status=405),
    # Keys.
    Row("no key", key=None, status=401, code="invalid_api_key"),
    Row("an unknown key", key="r1-nobody", status=401, code="invalid_api_key"),
    Row("a key that was taken out", key=RETIRED, status=401, code="invalid_api_key"),
    Row("a key of capitals", key=ALICE.upper(), status=401),
    Row("half a key", key=ALICE[:-1], status=401),
    Row("a key and more", key=ALICE + "x", status=401),
    Row("an empty key", key=None, headers={"Authorization": "Bearer "}, status=401),
    Row("another scheme", key=None, headers={"Authorization": f"Basic {ALICE}"}, status=401),
    Row("a key alone", key=None, headers={"Authorization": ALICE}, status=401),
    Row("a key in another header", key=None, headers={"X-Api-Key": ALICE}, status=401),
    Row("a key's SHA-256 instead", key=key_entry("x", ALICE)["sha256"], status=401),
    Row("the servers' own key", key=SERVER_KEY, status=401),
    Row("a key of 4,000 characters", key="k" * 4000, status=401),
    Row("the scheme in small letters", key=None, headers={"Authorization": f"bearer {ALICE}"},
        reached="70b"),
    Row("the second key of a caller", key="r1-alice-2", reached="70b"),
    Row("a caller who is called default", key="r1-default", reached="70b"),
    Row("no key, by model", path="/v1/chat/completions", key=None, status=401),
    Row("no key, the list", method="GET", path="/v1/models", body=None, key=None, status=401),
    Row("no key and too long", key=None, body=padded("70b", BODY_MIB * KIB * KIB + 1),
        status=413, code="request_too_large"),
    # Sizes.
    *(
        Row(f"{size} bytes, by model", path="/v1/chat/completions", body=padded("7b", size),
            reached="7b")
        for size in (KIB, 15 * KIB, 17 * KIB, ROUTED_KIB * KIB)
    ),
    Row("one byte too many, by model", path="/v1/chat/completions", status=413,
        code="request_too_large", says="64 KiB", body=padded("7b", ROUTED_KIB * KIB + 1)),
    Row("the longest body", body=padded("70b", BODY_MIB * KIB * KIB), reached="70b"),
    Row("one byte too many", body=padded("70b", BODY_MIB * KIB * KIB + 1), status=413,
        code="request_too_large", says="1 MiB"),
    Row("an address of 10,000 characters", path="/" + "a" * 10_000, status=414),
    Row("headers of 40,000 characters", headers={"X-Long": "x" * 40_000}, status=431),
    # What servers say.
    Row("a server's refusal is handed on", body=chat("70b", "status 422"), status=422,
        says="status 422", reached="70b"),
    Row("a server's own 500", body=chat("70b", "status 500"), status=500, says="status 500",
        reached="70b"),
    Row("a full server without a substitute", body=chat("70b", "status 429"), status=429,
        says="status 429", reached="70b"),
    Row("a server that ends before it answers", body=chat("70b", "reset 0"), status=502,
        code="bad_gateway", reached="70b"),
    Row("a server that says nothing for too long", body=chat("70b", "sleep 5"), status=504,
        code="timeout", says="2 s", reached="70b"),
    Row("a server that takes its time", body=chat("70b", "sleep 1"), says="late", reached="70b"),
]  # fmt: skip


def test_the_table_has_sixty_rows_and_no_two_alike():
    assert len(ROWS) >= 60
    assert len({row.does for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.does)
def test_a_request_is_answered_as_the_table_says(gateway, row):
    before = gateway.upstream_requests()
    reply = send(gateway, row.method, row.path, row.body, row.headers, row.key)
    assert reply.status == row.status, reply.body[:300]
    assert row.says.encode() in reply.body
    if row.code:
        assert reply.error["code"] == row.code
        assert reply.error["message"]
    if row.status >= 400 and row.method != "TRACE":
        assert "error" in json.loads(reply.body)
        assert reply.headers["Content-Type"] == "application/json"
    if row.status in (429, 502, 503, 504):
        assert int(reply.headers["Retry-After"]) > 0
    if row.status == 401:
        assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert len(reply.headers["X-Request-Id"]) == 32
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Server"] == "nginx"
    reached = {name: n for name, n in (gateway.upstream_requests() - before).items() if n}
    assert reached == ({row.reached: 1} if row.reached else {})


BOTH_LENGTHS = (
    b"POST /api/v1/70b/chat/completions HTTP/1.1\r\nHost: x\r\n"
    b"Authorization: Bearer r1-alice\r\n%s\r\n"
)
HIDDEN = b"0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("does", "text", "statuses"),
    [
        ("two lengths that disagree",
         BOTH_LENGTHS % b"Content-Length: 0\r\nContent-Length: 5\r\n" + b"hello", [400]),
        ("a length and chunks",
         BOTH_LENGTHS % b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + HIDDEN, [400]),
        ("chunks by another name",
         BOTH_LENGTHS % b"Transfer-Encoding: xchunked\r\n" + HIDDEN, [501]),
        ("chunks twice",
         BOTH_LENGTHS % b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + HIDDEN,
         [400]),
        ("a length that is no number", BOTH_LENGTHS % b"Content-Length: +5\r\n" + b"hello", [400]),
        ("a space before the colon", BOTH_LENGTHS % b"Content-Length : 5\r\n" + b"hello", [400]),
        ("two keys", BOTH_LENGTHS % b"Authorization: Bearer r1-x\r\nContent-Length: 2\r\n"
         + b"{}", [400]),
        ("a folded header", BOTH_LENGTHS % b"X-A: b\r\n c: d\r\nContent-Length: 2\r\n" + b"{}",
         [400]),
        ("no Host", b"GET /healthz HTTP/1.1\r\n\r\n", [400]),
        ("two Hosts", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [400]),
        ("another protocol", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
        ("CONNECT", b"CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: x\r\n\r\n", [405]),
        ("an absolute address of elsewhere is a path here",
         b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: x\r\n\r\n", [404]),
        ("no request at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_two_parsers_could_read_differently_reaches_no_server(gateway, does, text, statuses):
    before = gateway.upstream_requests()
    answered, received = send_raw(gateway, text)
    assert answered == statuses, received[:400]
    assert gateway.upstream_requests() == before


def test_a_pipelined_request_is_a_request_of_its_own(gateway):
    good = BOTH_LENGTHS % f"Content-Length: {len(OK)}\r\n".encode() + OK
    stranger = (
        b"POST /api/v1/70b/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )
    before = gateway.upstream_requests()
    assert send_raw(gateway, good + stranger, more_to_come=True)[0] == [200, 401]
    assert (gateway.upstream_requests() - before).total() == 1


def test_a_server_gets_the_gateways_key_and_nothing_of_the_client_but_its_body(gateway):
    reply = send(gateway, "POST", V70, OK, {
        "Cookie": "session=1", "X-Forwarded-For": "6.6.6.6", "X-Request-Id": "mine",
        "Connection": "close, Authorization", "Upgrade": "h2c", "Host": "evil.example",
        "Accept-Encoding": "gzip",
    })  # fmt: skip
    method, path, headers, body = gateway.servers["70b"].requests[-1]
    assert (method, path, body) == ("POST", "/v1/chat/completions", OK)
    assert headers["authorization"] == f"Bearer {SERVER_KEY}"
    assert headers["x-request-id"] == reply.headers["X-Request-Id"] != "mine"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["host"] == "r1-70b"
    assert not {"cookie", "upgrade", "accept-encoding"} & set(headers)


def test_the_access_log_says_who_and_where_and_never_the_key(gateway):
    reply = send(gateway, "POST", V70 + f"?key={ALICE}", OK)
    line = gateway.log(reply.headers["X-Request-Id"])
    assert (line["key"], line["path"], line["status"]) == ("alice", V70, 200)
    assert line["upstream"] == f"127.0.0.1:{gateway.servers['70b'].port}"
    assert float(line["first_byte"]) >= 0
    refused = send(gateway, "POST", V70, OK, key="r1-secret-guess")
    line = gateway.log(refused.headers["X-Request-Id"])
    assert (line["key"], line["path"], line["status"], line["upstream"]) == ("", V70, 401, "")
    written = "".join(file.read_text() for file in gateway.folder.glob("*.log"))
    assert ALICE not in written
    assert "r1-secret-guess" not in written
    assert ALICE not in gateway.deployed


def test_the_list_of_models_names_what_has_a_server_that_is_well(gateway):
    def listed(path):
        return [one["id"] for one in json.loads(send(gateway, "GET", path).body)["data"]]

    up = ["70b", "14b", "8b", "7b", "assistant", "compare"]
    assert listed("/api/v1/models") == up
    assert listed("/v1/models") == up
    assert listed("/api/v1/7b/models") == ["7b"]
    assert listed("/api/v1/1.5b/models") == []
    assert listed("/api/v1/assistant/models") == ["assistant"]


# Splits and substitutes.


def answered_by(gateway, path, body, key=ALICE, headers=None):
    reply = send(gateway, "POST", path, body, headers, key)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)["model"]


def test_a_canary_gets_its_share(gateway):
    drawn = [
        answered_by(gateway, "/api/v1/assistant/chat/completions", chat("assistant"))
        for _ in range(400)
    ]
    assert set(drawn) == {"14b", "7b"}
    # Four standard deviations of a tenth of 400.
    assert abs(drawn.count("7b") - 40) <= 24


def test_a_split_is_a_model_too(gateway):
    assert answered_by(gateway, "/v1/chat/completions", chat("assistant")) in ("14b", "7b")


def test_a_sticky_split_gives_a_session_one_variant_and_sessions_both(gateway):
    def of(session):
        return {
            answered_by(gateway, "/api/v1/compare/chat/completions", chat("compare"),
                        headers={"X-Session-Id": session})
            for _ in range(4)
        }  # fmt: skip

    sessions = [of(f"session-{n}") for n in range(24)]
    assert all(len(one) == 1 for one in sessions)
    assert set.union(*sessions) == {"14b", "7b"}


def test_both_keys_of_a_caller_draw_alike(gateway):
    path, body = "/api/v1/compare/chat/completions", chat("compare")
    assert answered_by(gateway, path, body) == answered_by(gateway, path, body, key="r1-alice-2")


@pytest.mark.parametrize(
    ("does", "model", "told", "by"),
    [
        ("no server of it is there", "32b", "hello", "14b"),
        ("it is full: 503", "8b", "status 503", "7b"),
        ("it is full: 429", "8b", "status 429", "7b"),
    ],
    ids=lambda value: value if " " in value else "",
)
def test_a_smaller_variant_answers_where_nobody_has_begun(gateway, does, model, told, by):
    before = gateway.upstream_requests()
    # The substitute does as told as well: it is asked something harmless by another path.
    reply = send(gateway, "POST", f"/api/v1/{model}/chat/completions", chat(model, told))
    reached = gateway.upstream_requests() - before
    assert reached[by] == 1
    if told == "hello":
        assert (reply.status, json.loads(reply.body)["model"]) == (200, by)
        assert gateway.log(reply.headers["X-Request-Id"])["upstream_status"].endswith("200")
    else:
        # Full as well: its own answer counts, and no third is asked.
        assert reply.status == int(told.split()[1])
        assert reached.total() == 2


@pytest.mark.parametrize(("told", "status"), [("sleep 5", 504), ("reset 0", 502)])
def test_nobody_is_asked_again_after_a_time_out_or_a_reset(gateway, told, status):
    before = gateway.upstream_requests()
    reply = send(gateway, "POST", "/api/v1/8b/chat/completions", chat("8b", told))
    assert reply.status == status
    assert gateway.upstream_requests() - before == {"8b": 1}


def test_a_refusal_that_is_no_fullness_is_the_answer(gateway):
    before = gateway.upstream_requests()
    reply = send(gateway, "POST", "/api/v1/8b/chat/completions", chat("8b", "status 400"))
    assert (reply.status, gateway.upstream_requests() - before) == (400, {"8b": 1})


# Limits.


def test_a_caller_with_more_requests_than_allowed_is_told_when_to_come_back(gateway):
    path, body = "/api/v1/7b/chat/completions", chat("7b")
    replies = [send(gateway, "POST", path, body, key=LIMITED) for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 429, 429, 429]
    assert replies[-1].error["code"] == "rate_limit_exceeded"
    assert int(replies[-1].headers["Retry-After"]) > 0
    assert send(gateway, "POST", path, body, key=ALICE).status == 200


def test_a_caller_with_more_at_a_time_than_allowed_is_refused(gateway):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", V70, body=chat("70b", "slow 8"),
                       headers={"Authorization": f"Bearer {NARROW}"})  # fmt: skip
    first = connection.getresponse()
    second = send(gateway, "POST", V70, OK, key=NARROW)
    assert (first.status, second.status) == (200, 429)
    first.read()
    connection.close()
    assert send(gateway, "POST", V70, OK, key=NARROW).status == 200


# The text.


def test_only_addresses_are_rewritten(gateway):
    nginx = find_or_unpack_nginx(print)
    addresses = {service.host: ["127.0.0.1:1234"] for service in gateway.site.services}
    after = rewritten(gateway.deployed, 9999, addresses, nginx, "/scratch").splitlines()
    before = [line for line in gateway.deployed.splitlines() if "resolver " not in line]
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    for old, new in changed:
        assert old.split()[0] == new.split()[0]
        kind = old.split()[0]
        assert kind in {
            "load_module",
            "listen",
            "server",
            "pid",
            "include",
            "js_import",
            "if",
        } or (kind.endswith("_temp_path")), (old, new)
    assert sum(old.split()[0] == "server" for old, _ in changed) == len(VARIANTS)


def test_a_module_below_this_machines_tmp_is_found_there(gateway):
    nginx = Nginx(executable=Path("/tmp/home/nginx"), js_module=Path("/tmp/home/js.so"))
    after = rewritten(gateway.deployed, 9999, {}, nginx, "/scratch")
    assert "load_module /tmp/home/js.so;" in after
    assert "pid /scratch/nginx.pid;" in after


def test_the_text_loads_without_a_warning(gateway):
    nginx = find_or_unpack_nginx(print)
    checked = subprocess.run(
        [nginx.executable, "-t", "-c", gateway.configuration],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "[warn]" not in checked.stderr, checked.stderr


def test_gixy_finds_nothing(gateway, tmp_path):
    # The deployed text: as it is on the pod, `resolver` and all.
    file = tmp_path / "nginx.conf"
    header = gateway.folder / "etc" / "server-key" / "header.conf"
    file.write_text(gateway.deployed.replace("/etc/nginx/server-key/header.conf", str(header)))
    checked = subprocess.run(
        [Path(sys.executable).with_name("gixy"), file], capture_output=True, text=True, check=False
    )
    assert "No issues found." in checked.stdout, checked.stdout


# Strangers.


def random_request(chance):
    """Something that a scanner, a broken client or a cunning one might send; never a key."""
    method = chance.choice(["GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "get", "X"])
    words = ["api", "v1", "70b", "7b", "assistant", "chat", "completions", "models", "metrics",
             "health", "up", "errors", "refused", "503", "..", ".", "%2e%2e", "%2F", "%00", "",
             "@instead", "r1-70b", "chat%2Fcompletions", "%c0%ae", "a" * 300, "?x=/v1", "#",
             ";", "\\", "~", "*"]  # fmt: skip
    known = ["/v1/chat/completions", V70, "/api/v1/7b/completions", "/v1/models"]
    path = "/" + "/".join(chance.choices(words, k=chance.randint(0, 7)))
    if chance.random() < 0.4:
        path = chance.choice(known) + chance.choice(["", "", "/", "?a=b", "%20", "/..", "//"])
    digits = "".join(chance.choices("0123456789abcdef", k=64))
    authorization = chance.choice(
        [None, "", "Bearer", "Bearer ", f"Bearer r1-{digits}", f"Bearer {digits}",
         "Basic YWxpY2U6cjEtYWxpY2U=", "bearer null", "Bearer " + "k" * chance.randint(1, 900),
         "Bearer r1-alicf", "Bearer r1-alice,r1-alice", "Bearer \x01", "Bearer r1-\xe4lice"]
    )  # fmt: skip
    body = chance.choice([b"", OK, chat("7b"), b"{}", b"null", b"[" * 2000, chance.randbytes(99)])
    lines = [f"{method} {path} HTTP/1.{chance.choice([0, 1, 1, 1])}", "Host: x"]
    if authorization is not None:
        lines.append(f"Authorization: {authorization}")
    lines += chance.sample(
        ["X-Real-IP: 127.0.0.1", "X-Forwarded-For: 10.0.0.1", "X-Original-URL: /v1/models",
         "X-HTTP-Method-Override: GET", "Key_name: alice", "X-Accel-Redirect: /up/70b",
         "Content-Type: application/json", "Expect: 100-continue", "Upgrade: h2c",
         "Proxy-Authorization: Bearer r1-x", "Cookie: key_name=alice"],
        k=chance.randint(0, 4),
    )  # fmt: skip
    lengths = [f"Content-Length: {len(body)}"] * 6 + ["Transfer-Encoding: chunked", "TE: x"]
    lines.append(chance.choice(lengths))
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def asked_by_a_stranger(gateway, count, seed):
    """Sends so many requests; returns how often each status was answered."""
    chance, statuses = random.Random(seed), Counter()
    for _ in range(count):
        with (
            contextlib.suppress(ConnectionError, TimeoutError),
            socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as raw,
        ):
            raw.sendall(random_request(chance))
            raw.shutdown(socket.SHUT_WR)
            # Enough of the answer to know its status.
            statuses[raw.recv(4096)[9:12]] += 1
    return statuses


@pytest.fixture
def strict_gateway(tmp_path):
    """As deployed, but that nobody is told to wait: each request is looked at."""
    section = {"keys": SECTION["keys"], "splits": {"assistant": SECTION["splits"]["assistant"]},
               "strangers": {"per_minute": 1_000_000, "at_a_time": 10_000}}  # fmt: skip
    gateway = RunningGateway.with_servers(tmp_path / "strict", section, ["70b", "14b", "7b"])
    yield gateway
    gateway.stop()


def test_none_of_20_000_requests_without_a_key_reaches_a_server(strict_gateway):
    statuses = asked_by_a_stranger(strict_gateway, 20_000, seed=6)
    assert all(server.connections == 0 for server in strict_gateway.servers.values())
    assert strict_gateway.upstream_requests().total() == 0
    # They were answered, in the many ways that there are.
    assert statuses.total() > 19_000, statuses
    assert {b"400", b"401", b"404"} <= set(statuses), statuses
    # And the servers are there: with a key, one is reached.
    assert send(strict_gateway, "POST", V70, OK).status == 200
    assert strict_gateway.servers["70b"].connections == 1
