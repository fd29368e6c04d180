"""Streams, TLS and the end of a gateway, seen by real clients; OpenAI's own is one of them."""

import contextlib
import errno
import http.client
import itertools
import json
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

import openai
import psutil
import pytest
from r1_on_eks.rehearsal.question import ask

sys.path.insert(0, str(Path(__file__).parent))
from gateway_process import RunningGateway, key_entry

pytestmark = pytest.mark.rehearsal

ALICE = "r1-alice"
MANY = {"per_minute": 600_000, "at_a_time": 2000}
SECTION = {
    "tls": {"secret": "gateway-tls"},
    "keys": [key_entry("alice", ALICE),
             key_entry("few", "r1-few", limits={"per_minute": 1, "at_a_time": 1})],
    "limits": MANY,
    "strangers": {"per_minute": 12, "at_a_time": 8},
    "splits": {"assistant": {"percent": {"14b": 50, "7b": 50}}},
    "fallback": {"14b": "7b"},
}  # fmt: skip
VARIANTS = ["14b", "7b", "1.5b"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """With TLS; of 1.5b no pod is ready."""
    gateway = RunningGateway.with_servers(
        tmp_path_factory.mktemp("streams"), SECTION, VARIANTS, up=["14b", "7b"],
        longest_answer_seconds=20,
    )  # fmt: skip
    yield gateway
    gateway.stop()


@pytest.fixture
def own_gateway(tmp_path):
    """One that a test may end."""
    gateway = RunningGateway.with_servers(
        tmp_path / "own",
        {"keys": SECTION["keys"], "limits": MANY},
        ["7b"],
        longest_answer_seconds=20,
    )
    yield gateway
    gateway.stop()


def trusting(gateway):
    return ssl.create_default_context(cafile=str(gateway.authority))


def client(gateway, path="/v1", key=ALICE):
    return openai.OpenAI(
        base_url=gateway.url + path,
        api_key=key,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(verify=trusting(gateway)),
    )


def messages(told):
    return [{"role": "user", "content": told}]


# OpenAI's client.


@pytest.mark.parametrize("path", ["/api/v1/7b", "/v1", "/api/v1"])
def test_openais_client_gets_a_whole_answer_and_a_streamed_one(gateway, path):
    with client(gateway, path) as asking:
        whole = asking.chat.completions.create(model="7b", messages=messages("hello"))
        assert (whole.choices[0].message.content, whole.model) == ("well", "7b")
        assert whole.choices[0].message.reasoning == "hm"
        assert len(whole._request_id) == 32
        stream = asking.chat.completions.create(
            model="7b", messages=messages("stream 5"), stream=True
        )
        assert [piece.choices[0].delta.content for piece in stream] == [f"{n} " for n in range(5)]
        assert "7b" in [model.id for model in asking.models.list()]


@pytest.mark.parametrize(
    ("raised", "status", "key", "model", "told"),
    [
        (openai.AuthenticationError, 401, "r1-nobody", "7b", "hello"),
        (openai.NotFoundError, 404, ALICE, "gpt-4", "hello"),
        (openai.APIStatusError, 413, ALICE, "7b", "x" * 1024 * 1024),
        (openai.InternalServerError, 503, ALICE, "1.5b", "hello"),
        (openai.InternalServerError, 502, ALICE, "7b", "reset 0"),
        (openai.BadRequestError, 400, ALICE, "7b", "status 400"),
    ],
)
def test_openais_client_understands_a_refusal(gateway, raised, status, key, model, told):
    with client(gateway, key=key) as asking, pytest.raises(raised) as refused:
        asking.chat.completions.create(model=model, messages=messages(told))
    assert refused.value.status_code == status
    assert refused.value.request_id
    assert refused.value.body["message"]


def test_openais_client_comes_back_when_it_is_told_to(gateway):
    with client(gateway, key="r1-few") as asking:
        with contextlib.suppress(openai.RateLimitError):
            for _ in range(4):
                asking.chat.completions.create(model="7b", messages=messages("hello"))
        with pytest.raises(openai.RateLimitError) as refused:
            asking.chat.completions.create(model="7b", messages=messages("hello"))
    assert int(refused.value.response.headers["retry-after"]) > 0
    assert refused.value.code == "rate_limit_exceeded"


def test_a_stream_comes_piece_by_piece(gateway):
    with client(gateway) as asking:
        arrivals = [
            time.monotonic()
            for _ in asking.chat.completions.create(
                model="7b", messages=messages("slow 6"), stream=True
            )
        ]
    # A piece every 100 ms: a gateway that buffered would hand them over at once.
    gaps = [after - before for before, after in itertools.pairwise(arrivals)]
    assert len(gaps) == 5
    assert min(gaps) > 0.03


def test_when_the_client_goes_away_the_server_is_told(gateway):
    server = gateway.servers["7b"]
    before = server.abandoned
    with client(gateway) as asking:
        stream = asking.chat.completions.create(
            model="7b", messages=messages("slow 100"), stream=True
        )
        next(iter(stream))
        stream.close()
    eventually(lambda: server.abandoned == before + 1)


def test_a_client_that_goes_away_while_the_model_thinks_is_noticed_too(gateway):
    server = gateway.servers["7b"]
    before = server.abandoned
    connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, context=trusting(gateway))
    body = json.dumps({"model": "7b", "messages": messages("sleep 15")})
    connection.request("POST", "/v1/chat/completions", body,
                       {"Authorization": f"Bearer {ALICE}"})  # fmt: skip
    time.sleep(0.2)
    connection.close()
    eventually(lambda: server.abandoned == before + 1)


def test_a_server_that_dies_in_a_stream_cuts_it_and_is_not_asked_again(gateway):
    before = gateway.upstream_requests()
    pieces = []
    with client(gateway, "/api/v1/14b") as asking:
        stream = asking.chat.completions.create(
            model="14b", messages=messages("die 3"), stream=True
        )
        with pytest.raises(openai.APIError):
            pieces.extend(piece.choices[0].delta.content for piece in stream)
    assert pieces == ["0 ", "1 ", "2 "]
    assert gateway.upstream_requests() - before == {"14b": 1}


def test_clients_that_do_not_read_hold_up_nobody(gateway):
    connections = []
    for _ in range(40):
        raw = trusting(gateway).wrap_socket(
            socket.create_connection(("127.0.0.1", gateway.port)), server_hostname="localhost"
        )
        body = json.dumps({"model": "7b", "messages": messages("large 3000000")})
        raw.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALICE}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        connections.append(raw)
    time.sleep(0.3)
    began = time.monotonic()
    with client(gateway) as asking:
        for _ in range(20):
            asking.chat.completions.create(model="14b", messages=messages("hello"))
    assert time.monotonic() - began < 5
    for raw in connections:
        raw.close()


def eventually(true, timeout=5.0):
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# TLS, addresses, strangers.


def get(gateway, path, host="127.0.0.1", **headers):
    make = http.client.HTTPSConnection if gateway.site.tls else http.client.HTTPConnection
    secured = {"context": trusting(gateway)} if gateway.site.tls else {}
    connection = make(host, gateway.port, timeout=10, **secured)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.body = answer.read()
    connection.close()
    return answer


def test_plain_http_at_the_tls_port_is_told_so_in_json(gateway):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    assert answer.status == 400
    assert json.loads(answer.read())["error"]["code"] == "bad_request"
    connection.close()


def test_weak_ciphers_are_refused_and_tls_is_asked_for_from_now_on(gateway):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    # No forward secrecy.
    old.set_ciphers("AES128-SHA")
    with socket.create_connection(("127.0.0.1", gateway.port)) as raw, pytest.raises(ssl.SSLError):
        old.wrap_socket(raw)
    assert "max-age" in get(gateway, "/healthz").headers["Strict-Transport-Security"]


def test_ipv6_is_answered_and_logged(gateway):
    answer = get(gateway, "/v1/models", host="::1", Authorization=f"Bearer {ALICE}")
    assert answer.status == 200
    assert gateway.log(answer.headers["X-Request-Id"])["client"] == "::1"


def test_a_stranger_who_guesses_is_soon_told_to_wait_and_who_has_a_key_is_not(gateway):
    statuses = [get(gateway, "/v1/models", Authorization="Bearer r1-guess").status
                for _ in range(8)]  # fmt: skip
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert get(gateway, "/v1/models", Authorization=f"Bearer {ALICE}").status == 200


def test_an_open_gateway_answers_strangers_within_their_limit(tmp_path):
    gateway = RunningGateway.with_servers(
        tmp_path / "open", {"open": True, "strangers": {"per_minute": 12, "at_a_time": 2}}, ["7b"]
    )
    try:
        statuses = [get(gateway, "/v1/models").status for _ in range(6)]
        answer = "".join(ask(gateway.url, "7b", "hello", key="none"))
    except OSError as refused:
        answer = str(refused)
    finally:
        gateway.stop()
    assert statuses[:2] == [200, 200]
    assert statuses[-1] == 429
    assert "429" in answer


# The end of a gateway, and of its configuration.


class Streamer(threading.Thread):
    """Asks for a stream and keeps what arrives."""

    def __init__(self, gateway, told):
        super().__init__(daemon=True)
        self.gateway, self.told, self.pieces, self.error = gateway, told, [], None
        self.began = threading.Event()

    def run(self):
        try:
            for piece in ask(self.gateway.url, "7b", self.told, key=ALICE):
                self.pieces.append(piece)
                self.began.set()
        except OSError as error:
            self.error = error


def workers(gateway):
    return {child.pid for child in psutil.Process(gateway.pid()).children()}


def test_a_new_configuration_is_for_new_requests_and_a_running_stream_goes_on(own_gateway):
    streamer = Streamer(own_gateway, "slow 15")
    streamer.start()
    assert streamer.began.wait(5)
    before = workers(own_gateway)
    own_gateway.write(own_gateway.deployed.replace('"status":"ok"', '"status":"new"'))
    own_gateway.processes.reload("nginx")
    eventually(lambda: get(own_gateway, "/healthz").body == b'{"status":"new"}')
    assert streamer.is_alive()
    streamer.join(10)
    assert (len(streamer.pieces), streamer.error) == (15, None)
    # Those of before wait for idle connections at most.
    eventually(lambda: not before & workers(own_gateway), timeout=10)


def test_a_gateway_that_is_to_end_says_so_to_the_load_balancer_alone(own_gateway):
    (own_gateway.folder / "draining").touch()
    assert get(own_gateway, "/healthz").status == 503
    assert get(own_gateway, "/livez").status == 200
    assert "".join(ask(own_gateway.url, "7b", "stream 3", key=ALICE)) == "0 1 2 "


def refuses(port):
    with socket.socket() as new:
        return new.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_a_gateway_that_ends_gives_its_answers_first_and_takes_what_is_on_its_way(own_gateway):
    kept = http.client.HTTPConnection("127.0.0.1", own_gateway.port, timeout=10)
    kept.request("GET", "/livez")
    kept.getresponse().read()
    streamer = Streamer(own_gateway, "slow 12")
    streamer.start()
    assert streamer.began.wait(5)
    process = psutil.Process(own_gateway.pid())
    process.send_signal(signal.SIGQUIT)
    eventually(lambda: refuses(own_gateway.port))
    # A connection that was idle when the end began is not cut before it was used once more.
    body = json.dumps({"model": "7b", "messages": messages("hello")})
    kept.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {ALICE}"})
    answer = kept.getresponse()
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    answer.read()
    kept.close()
    streamer.join(10)
    assert (len(streamer.pieces), streamer.error) == (12, None)
    eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
