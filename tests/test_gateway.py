"""A real nginx in front of stand-ins for vLLM, with the text that a stack deploys."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from r1_on_eks.plan.routes import GatewaySettings, Route, nginx_configuration
from r1_on_eks.rehearsal.gateway import ask, nginx_command, rewritten
from r1_on_eks.rehearsal.nginx_package import find_or_unpack_nginx
from r1_on_eks.rehearsal.processes import Processes, free_port

pytestmark = pytest.mark.rehearsal

SETTINGS = GatewaySettings(listen_port=8080, resolver="172.20.0.10", max_body_mib=1)


def route(variant, service):
    return Route(
        variant=variant, service=service, namespace="r1", port=8000, served_model_name=variant
    )


ROUTES = [route("70b", "r1-70b"), route("1.5b", "r1-1-5b")]
TEXT = nginx_configuration(ROUTES, SETTINGS)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """The 70b answers; the 1.5b has no pod that is ready."""
    folder = tmp_path_factory.mktemp("gateway")
    processes = Processes(folder)
    model, port = free_port(), free_port()
    processes.start(
        "model",
        [
            *[sys.executable, "-m", "r1_on_eks.rehearsal.model_server"],
            *["--port", str(model), "--model", "70b"],
        ],
    )
    nginx = find_or_unpack_nginx(print)
    addresses = {"r1-70b.r1.svc.cluster.local": [f"127.0.0.1:{model}"]}
    file = folder / "nginx.conf"
    file.write_text(rewritten(TEXT, port, addresses, nginx, str(folder)))
    processes.start("nginx", nginx_command(nginx, file))
    url = f"http://127.0.0.1:{port}"
    for name, path in (("model", f"http://127.0.0.1:{model}/health"), ("nginx", f"{url}/healthz")):
        processes.wait_until(name, lambda path=path: status(path) == 200, timeout=20)
    yield url
    processes.stop_all()


def status(url, body=None):
    try:
        with urllib.request.urlopen(url, data=body, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None


def refusal(url, body=None):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, data=body, timeout=20)
    with refused.value as answer:
        return answer.code, json.load(answer)["error"], answer.headers


def test_an_answer_streams_through_piece_by_piece(gateway):
    arrivals = []
    pieces = []
    for piece in ask(gateway, "70b", "How are you?"):
        arrivals.append(time.monotonic())
        pieces.append(piece)
    assert "stand-in for 70b" in "".join(pieces)
    # Twenty words at 50 ms each: a gateway that buffered would hand them over at once.
    assert arrivals[-1] - arrivals[0] > 0.5


def test_a_whole_answer_comes_with_its_reasoning(gateway):
    request = json.dumps({"model": "70b", "messages": [{"role": "user", "content": "x"}]})
    with urllib.request.urlopen(
        f"{gateway}/api/v1/70b/chat/completions", data=request.encode(), timeout=20
    ) as answer:
        message = json.load(answer)["choices"][0]["message"]
        assert answer.headers["X-Request-Id"]
    assert message["reasoning"]
    assert message["content"]


@pytest.mark.parametrize(
    "path",
    [
        "metrics", "health", "load", "version", "tokenize", "load_lora_adapter", "sleep",
        "models/70b", "collective_rpc", "chat/completions/", "../metrics", "%2e%2e/metrics",
    ],
)  # fmt: skip
def test_nothing_else_of_the_server_can_be_reached(gateway, path):
    assert status(f"{gateway}/api/v1/70b/{path}") == 404


def test_an_unknown_variant_is_told_which_there_are(gateway):
    code, error, _ = refusal(f"{gateway}/api/v1/7b/chat/completions", b"{}")
    assert code == 404
    assert "70b, 1.5b" in error["message"]


def test_the_list_of_models_names_each_with_its_path(gateway):
    with urllib.request.urlopen(f"{gateway}/api/v1/models", timeout=20) as answer:
        listed = json.load(answer)["data"]
    assert [(m["id"], m["path"]) for m in listed] == [
        ("70b", "/api/v1/70b"),
        ("1.5b", "/api/v1/1.5b"),
    ]


def test_a_model_without_a_ready_pod_is_unavailable_and_says_when_to_come_back(gateway):
    code, error, headers = refusal(f"{gateway}/api/v1/1.5b/chat/completions", b"{}")
    assert code == 503
    assert "try again" in error["message"]
    assert headers["Retry-After"] == "10"


def test_a_request_over_the_limit_is_refused_with_the_limit(gateway):
    code, error, _ = refusal(f"{gateway}/api/v1/70b/completions", b" " * (1024 * 1024 + 1))
    assert code == 413
    assert "1 MiB" in error["message"]


def test_a_request_at_the_limit_reaches_the_model(gateway):
    body = b'{"prompt":"' + b"x" * (1024 * 1024 - 13) + b'"}'
    assert len(body) == 1024 * 1024
    assert status(f"{gateway}/api/v1/70b/completions", body) == 200


def test_the_models_own_refusal_is_handed_on(gateway):
    code, error, _ = refusal(
        f"{gateway}/api/v1/70b/chat/completions", json.dumps({"model": "7b"}).encode()
    )
    assert code == 404
    assert error["message"] == "The model `7b` does not exist."


def test_only_addresses_are_rewritten(tmp_path):
    nginx = find_or_unpack_nginx(print)
    addresses = {r.host: ["127.0.0.1:1234"] for r in ROUTES}
    changed = [
        (before, after)
        for before, after in zip(
            [line for line in TEXT.splitlines() if "resolver " not in line],
            rewritten(TEXT, 9999, addresses, nginx, "/scratch").splitlines(),
            strict=True,
        )
        if before != after
    ]
    for before, after in changed:
        kind = before.split()[0]
        assert kind in {"listen", "server", "pid"} or kind.endswith("_temp_path"), (before, after)
    assert sum(before.split()[0] == "server" for before, _ in changed) == len(ROUTES)


def test_the_text_loads_without_a_warning(gateway, tmp_path):
    nginx = find_or_unpack_nginx(print)
    file = tmp_path / "nginx.conf"
    file.write_text(rewritten(TEXT, free_port(), {}, nginx, str(tmp_path)))
    checked = subprocess.run(
        [nginx.executable, "-t", "-c", file], capture_output=True, text=True, check=True
    )
    assert "[warn]" not in checked.stderr, checked.stderr
