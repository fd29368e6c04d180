"""Whether the gateway answers, and each variant behind it: real requests."""

from collections.abc import Iterable
from functools import partial
from time import monotonic
from urllib.parse import urlsplit

from r1_on_eks.operations.gateway_requests import Answer, asked, disbelief, has_expired
from r1_on_eks.operations.pulumi_cli import PulumiFailed
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.side_by_side import side_by_side
from r1_on_eks.operations.status.scene import Scene
from r1_on_eks.plan.names import NAMESPACE

GATEWAY, ROUTES = "gateway", "routes"
KEY_VARIABLE, ADDRESS_VARIABLE = "R1_KEY", "R1_GATEWAY"
AUTHORITY_VARIABLE = "R1_GATEWAY_CA"
_CONNECT_S, _ANSWER_S = 2.0, 4.0


def gateway(scene: Scene) -> Iterable[Finding]:
    """Asks its health, then each route for one token."""
    address = _address(scene)
    if address is None:
        return [
            unknown(GATEWAY, "its address is not known", _ask_with(scene, "https://your.name"))
        ]
    health = asked(f"{address}/healthz", seconds=_CONNECT_S)
    if health.status == 0:
        return [_not_reached(scene, address, health)]
    if health.status != 200:
        logs = f"kubectl -n {NAMESPACE} logs deployment/gateway"
        return [lacking(GATEWAY, f"{address}/healthz answers {health.status}", logs)]
    found = ready(GATEWAY, f"{address} answers in {health.seconds * 1000:.0f} ms")
    return [found, *_certificate(scene, address), *_routes(scene, address)]


def _address(scene: Scene) -> str | None:
    if scene.gateway:
        return scene.gateway
    try:
        return scene.deployment().outputs.get("gateway")
    except PulumiFailed:
        return None


def _not_reached(scene: Scene, address: str, health: Answer) -> Finding:
    told = f"{address} is not reached: {health.told}"
    tls = scene.config.gateway_section.tls is not None
    scheme, port = ("https", 443) if tls else ("http", 80)
    if scene.config.gateway_section.public_from is None and scene.gateway is None:
        # From outside its network that is as it should be.
        forward = f"kubectl -n {NAMESPACE} port-forward service/gateway 8443:{port}"
        here = _ask_with(scene, f"{scheme}://127.0.0.1:8443")
        return unknown(GATEWAY, f"{told}; it is internal", f"{forward} & {here}")
    see = f"kubectl -n {NAMESPACE} get pods -l app.kubernetes.io/name=gateway"
    return lacking(GATEWAY, told, see)


def _ask_with(scene: Scene, address: str) -> str:
    return f"r1 status {scene.stack} --gateway {address}"


def _certificate(scene: Scene, address: str) -> Iterable[Finding]:
    if not has_expired(f"{address}/healthz", _CONNECT_S, scene.authority):
        return []
    renew = f"kubectl -n {NAMESPACE} create secret tls {_secret(scene)} --cert … --key …"
    apply = "--dry-run=client -o yaml | kubectl apply -f -"
    return [lacking("certificate", "it has expired", f"{renew} {apply}")]


def _routes(scene: Scene, address: str) -> Iterable[Finding]:
    models = [one for one in scene.plan.models if not one.placement.reserved]
    names = [one.placement.variant.name for one in models]
    if scene.key is None and not scene.config.gateway_section.open:
        stranger = asked(f"{address}/v1/models", seconds=_CONNECT_S)
        if stranger.status != 401:
            told = f"without a key it answers {stranger.status}, not 401"
            return [lacking(ROUTES, told, f"kubectl -n {NAMESPACE} logs deployment/gateway")]
        return [unknown(ROUTES, f"not asked, for want of a key: {', '.join(names)}",
                        f"export {KEY_VARIABLE}=r1-…  # r1 key new NAME makes one")]  # fmt: skip
    if scene.key and (reason := _kept_back(scene, address)):
        return [reason]
    questions = [partial(_route, scene, address, name) for name in names]
    answers = side_by_side(questions, monotonic() + _ANSWER_S + 1)
    return [
        answer or unknown(f"route {name}", "no answer in time")
        for name, answer in zip(names, answers, strict=True)
    ]


def _kept_back(scene: Scene, address: str) -> Finding | None:
    """Why the key is not sent there; None where it may be."""
    distrust = disbelief(f"{address}/healthz", _CONNECT_S, scene.authority)
    if distrust is not None:
        told = getattr(distrust, "verify_message", "") or distrust
        return unknown(
            ROUTES,
            f"not asked, for the key is sent to no certificate that isn't believed: {told}",
            f"{_ask_with(scene, 'https://your.name')}, or {_ask_by_certificate(scene)}",
        )
    parts = urlsplit(address)
    is_here = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme == "http" and scene.config.gateway_section.tls is not None and not is_here:
        return unknown(ROUTES, "not asked, for the key is not sent in clear text",
                       _ask_with(scene, "https://your.name"))  # fmt: skip
    return None


def _secret(scene: Scene) -> str:
    tls = scene.config.gateway_section.tls
    return tls.secret if tls else "…"


def _ask_by_certificate(scene: Scene) -> str:
    return (
        f"kubectl -n {NAMESPACE} get secret {_secret(scene)} -o jsonpath='{{.data.tls\\.crt}}'"
        f" | base64 -d > gateway.pem; r1 status {scene.stack} --ca gateway.pem"
    )


def _route(scene: Scene, address: str, name: str) -> Finding:
    path = f"/api/v1/{name}/chat/completions"
    body = {"model": name, "max_tokens": 1, "messages": [{"role": "user", "content": "1 + 1 ="}]}
    answer = asked(address + path, body, scene.key, _ANSWER_S, scene.authority)
    subject, logs = f"route {name}", f"kubectl -n {NAMESPACE} logs deployment/gateway"
    if answer.status == 200:
        return ready(subject, f"{path} gave a token in {answer.seconds:.1f} s")
    if answer.status == 429:
        return unknown(subject, f"{path}: this key has asked too much (429)", "ask again")
    if answer.status in (401, 403):
        return unknown(
            subject, f"the gateway does not know this {KEY_VARIABLE} ({answer.status})",
            "r1 key new NAME, and gateway.keys in the stack's file",
        )  # fmt: skip
    if answer.status == 0:
        return lacking(subject, f"{path}: {answer.told}", f"{logs}  # a full queue, or stuck?")
    return lacking(subject, f"{path} answers {answer.status} {answer.told[:120]}", logs)
