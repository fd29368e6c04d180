"""The gateway of a rehearsed stack: a real nginx with the very configuration that was deployed.

The way from the NodePort to the model is read off the cluster: Service → ready pods → what is
mounted into them → nginx.conf → each upstream's Service → its ready pods, one stand-in for vLLM
each. Only addresses are rewritten. A certificate that the user is to give is made here.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import urllib3.exceptions

from r1_on_eks.rehearsal.certificates import Authority
from r1_on_eks.rehearsal.deployed_gateway import KEY_VARIABLE, Deployed, ModelPod, deployed_in
from r1_on_eks.rehearsal.nginx_files import (
    CONFIGURATION,
    nginx_command,
    place,
    rewritten,
)
from r1_on_eks.rehearsal.nginx_package import Nginx, find_or_unpack_nginx
from r1_on_eks.rehearsal.paths import State
from r1_on_eks.rehearsal.processes import Processes, free_port, is_free
from r1_on_eks.rehearsal.question import trusting

_NGINX = "gateway-nginx"
_STATUS = "gateway-status"
_METRICS = "gateway-metrics"
_MODEL = "model-"
_CERTIFICATE, _PRIVATE_KEY = "tls.crt", "tls.key"
_TIMEOUT_S = 20.0

_PATH = re.compile(r"location = /api/v1/([^/\s]+)/chat/completions")


@dataclass(frozen=True)
class Gateway:
    """A running gateway.

    Attributes:
        url: Where it listens on this machine.
        variants: Those it has a route for.
        problems: A sentence for each route that leads nowhere.
        authority: Who signed its certificate; None where it speaks no TLS.
    """

    url: str
    variants: tuple[str, ...]
    problems: tuple[str, ...]
    authority: Path | None


def sync_gateway(state_root: Path, admin_kubeconfig: Path | None) -> Gateway | None:
    """Makes nginx and the stand-ins for vLLM follow what the cluster holds now.

    Returns:
        The gateway, or None where none is deployed; then nothing of it runs.
    """
    processes = Processes(state_root)
    try:
        deployed = deployed_in(admin_kubeconfig) if admin_kubeconfig else Deployed()
    except urllib3.exceptions.HTTPError:
        # The cluster is being deleted: a killed engine's last call to AWS goes on without it.
        deployed = Deployed()
    peers = deployed.peers or {}
    wanted = {f"{_MODEL}{pod.name}" for pods in peers.values() for pod in pods}
    for name in processes.running():
        if name.startswith(_MODEL) and name not in wanted:
            processes.stop(name)
    if not deployed.text:
        processes.stop(_NGINX, timeout=2)
        return None
    folder = _folder(state_root)
    folder.mkdir(exist_ok=True)
    ports = _Ports(folder / "ports.json", processes.running())
    addresses = {
        host: [_model_server(processes, ports, pod, State(state_root).pace) for pod in pods]
        for host, pods in peers.items()
    }
    port = ports.of(_NGINX)
    authority = _certificate(folder, deployed.certificate)
    nginx = find_or_unpack_nginx(_say)
    changed = place(folder, deployed.files or {})
    text = rewritten(
        deployed.text, port, addresses, nginx, str(folder),
        status_port=ports.of(_STATUS), metrics_port=ports.of(_METRICS),
    )  # fmt: skip
    _run_nginx(processes, folder, nginx, text, changed=changed)
    url = _url(port, authority)
    processes.wait_until(_NGINX, lambda: _healthy(url, authority=authority), _TIMEOUT_S)
    variants = tuple(dict.fromkeys(_PATH.findall(deployed.text)))
    return Gateway(url, variants, deployed.problems, authority)


def gateway_address(state_root: Path) -> str | None:
    """Where the gateway listened last on this machine; None where there was none."""
    folder = _folder(state_root)
    port = _Ports(folder / "ports.json").known(_NGINX)
    return None if port is None else _url(port, gateway_authority(state_root))


def gateway_authority(state_root: Path) -> Path | None:
    """Who signed its certificate; None where it speaks no TLS."""
    authority = _authority(_folder(state_root))
    return authority if authority.exists() else None


def _folder(state_root: Path) -> Path:
    return State(state_root).root / "gateway"


def _url(port: int, authority: Path | None) -> str:
    return f"{'https' if authority else 'http'}://127.0.0.1:{port}"


def _authority(folder: Path) -> Path:
    return folder / "authority.crt"


def _certificate(folder: Path, inside: str | None) -> Path | None:
    """Makes certificate and key once, by an authority of this rehearsal; returns its own."""
    if inside is None:
        return None
    authority = _authority(folder)
    if not authority.exists():
        made = Authority("r1 rehearsal")
        signed = made.server(["127.0.0.1", "::1"], ["localhost"])
        place(
            folder,
            {
                f"{inside}/{_CERTIFICATE}": signed.certificate,
                f"{inside}/{_PRIVATE_KEY}": signed.key,
            },
        )
        authority.write_text(made.certificate)
    return authority


class _Ports:
    """A free port for each name, the same one at each sync while nobody else takes it."""

    def __init__(self, file: Path, running: Collection[str] = ()) -> None:
        self._file = file
        self._running = running
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def of(self, name: str) -> int:
        known = self._ports.get(name)
        if known is None or not (name in self._running or is_free(known)):
            self._ports[name] = free_port()
            self._file.write_text(json.dumps(self._ports))
        return self._ports[name]

    def known(self, name: str) -> int | None:
        """The port that it was given; None where it never had one."""
        return self._ports.get(name)


def _model_server(processes: Processes, ports: _Ports, pod: ModelPod, pace: Path) -> str:
    name = f"{_MODEL}{pod.name}"
    port = ports.of(name)
    module = "r1_on_eks.rehearsal.model_server"
    words = [sys.executable, "-m", module, "--port", str(port), "--pace-file", str(pace)]
    words += ["--model", *pod.models]
    key = {} if pod.key is None else {KEY_VARIABLE: pod.key}
    processes.start(name, words, env={**os.environ, **key})
    processes.wait_until(name, lambda: _healthy(f"http://127.0.0.1:{port}", "/health"), _TIMEOUT_S)
    return f"127.0.0.1:{port}"


def _run_nginx(
    processes: Processes, folder: Path, nginx: Nginx, text: str, *, changed: bool
) -> None:
    file = folder / CONFIGURATION
    changed = changed or not file.exists() or file.read_text() != text
    file.write_text(text)
    if changed and _NGINX in processes.running():
        # Running answers end on the workers of before.
        processes.reload(_NGINX)
    processes.start(_NGINX, nginx_command(nginx, file), cwd=folder)


def _healthy(url: str, path: str = "/healthz", authority: Path | None = None) -> bool:
    try:
        with urllib.request.urlopen(url + path, timeout=2, context=trusting(authority)) as answer:
            return answer.status == 200
    except OSError:
        return False


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
