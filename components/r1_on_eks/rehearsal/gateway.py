"""The gateway of a rehearsed stack: a real nginx with the very configuration that was deployed.

The way from the NodePort to the model is read off the cluster: Service → ready pods → their
ConfigMap → nginx.conf → each upstream's Service → its ready pods, one stand-in for vLLM each.
Only addresses are rewritten.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from r1_on_eks.rehearsal.nginx_package import Nginx, find_or_unpack_nginx
from r1_on_eks.rehearsal.paths import State
from r1_on_eks.rehearsal.processes import Processes, free_port

_NGINX = "gateway-nginx"
_MODEL = "model-"
_NAMESPACE, _SERVICE, _KEY = "r1", "gateway", "nginx.conf"
_TIMEOUT_S = 20.0
# Nothing listens on the discard port of a machine of today.
_DEAD_ADDRESS = "127.0.0.1:9"

_RESOLVER = re.compile(r"^[ \t]*resolver [^;]*;\n", re.M)
_MODULE = re.compile(r"^load_module [^;]*;\n", re.M)
_LISTEN = re.compile(r"^([ \t]*listen )\d+", re.M)
_PEER = re.compile(
    r"^(?P<indent>[ \t]*)server (?P<host>[a-z0-9.-]+):\d+ resolve(?P<rest>[^;]*);$", re.M
)
_PATH = re.compile(r"location = /api/v1/([^/\s]+)/chat/completions")


@dataclass(frozen=True)
class Gateway:
    """A running gateway.

    Attributes:
        url: Where it listens on this machine.
        variants: Those it has a route for.
        problems: A sentence for each route that leads nowhere.
    """

    url: str
    variants: tuple[str, ...]
    problems: tuple[str, ...]


def sync_gateway(state_root: Path, admin_kubeconfig: Path | None) -> Gateway | None:
    """Makes nginx and the stand-ins for vLLM follow what the cluster holds now.

    Returns:
        The gateway, or None where none is deployed; then nothing of it runs.
    """
    processes = Processes(state_root)
    text, peers, problems = _deployed(admin_kubeconfig) if admin_kubeconfig else ("", {}, [])
    wanted = {f"{_MODEL}{pod}": model for pods in peers.values() for pod, model in pods.items()}
    for name in processes.running():
        if name.startswith(_MODEL) and name not in wanted:
            processes.stop(name)
    if not text:
        processes.stop(_NGINX, timeout=2)
        return None
    folder = State(state_root).root / "gateway"
    folder.mkdir(exist_ok=True)
    ports = _Ports(folder / "ports.json")
    addresses = {
        host: [_model_server(processes, ports, pod, model) for pod, model in pods.items()]
        for host, pods in peers.items()
    }
    port = ports.of(_NGINX)
    nginx = find_or_unpack_nginx(_say)
    _run_nginx(processes, folder, nginx, rewritten(text, port, addresses, nginx, str(folder)))
    url = f"http://127.0.0.1:{port}"
    processes.wait_until(_NGINX, lambda: _healthy(url), _TIMEOUT_S)
    return Gateway(url, tuple(dict.fromkeys(_PATH.findall(text))), tuple(problems))


def rewritten(
    text: str, port: int, addresses: dict[str, list[str]], nginx: Nginx, scratch: str = "/tmp"
) -> str:
    """The deployed text with this machine's addresses in it; nothing else is changed.

    Args:
        text: What the stack deployed.
        port: Where to listen, on loopback.
        addresses: `host:port` of the servers of each upstream's host; none: a dead one.
        nginx: Whose njs module is loaded instead of the container's.
        scratch: Takes the place of the container's /tmp.
    """

    def peer(found: re.Match[str]) -> str:
        servers = addresses.get(found["host"]) or [_DEAD_ADDRESS]
        return "\n".join(f"{found['indent']}server {s}{found['rest']};" for s in servers)

    text = _RESOLVER.sub("", text)
    text = _MODULE.sub(f"load_module {nginx.js_module};\n", text)
    text = _LISTEN.sub(rf"\g<1>127.0.0.1:{port}", text)
    text = text.replace(" /tmp/", f" {scratch}/")
    return _PEER.sub(peer, text)


def nginx_command(nginx: Nginx, configuration: Path) -> list[str]:
    """What starts nginx with `configuration` in the foreground."""
    # In the container it never was root; here its workers would become a user who may not write
    # into the rehearsal's folder.
    as_user = " user root;" if os.geteuid() == 0 else ""
    return [str(nginx.executable), "-c", str(configuration), "-g", f"daemon off;{as_user}"]


def ask(url: str, variant: str, question: str) -> Iterator[str]:
    """Asks for a streamed answer through the gateway; yields its pieces as they arrive.

    Raises:
        urllib.error.HTTPError: the gateway or the model refused.
    """
    body = {
        "model": variant,
        "stream": True,
        "messages": [{"role": "user", "content": question}],
    }
    request = urllib.request.Request(
        f"{url}/api/v1/{variant}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        for line in answer:
            event = line.decode().strip().removeprefix("data: ")
            if not event or event == "[DONE]":
                continue
            for choice in json.loads(event)["choices"]:
                if piece := choice["delta"].get("content"):
                    yield piece


_Peers = dict[str, dict[str, str]]


def _deployed(admin_kubeconfig: Path) -> tuple[str, _Peers, list[str]]:
    """The text that ready gateway pods run with, and pod and model behind each upstream host."""
    with config.new_client_from_config(str(admin_kubeconfig)) as api:
        cluster = _Cluster(api)
        pods = cluster.ready_pods(_NAMESPACE, _SERVICE)
        if not pods:
            return "", {}, []
        text = cluster.configuration(pods[0])
        peers: _Peers = {}
        problems = []
        for found in _PEER.finditer(text):
            service, namespace, *_ = found["host"].split(".")
            ready = cluster.ready_pods(namespace, service)
            if ready is None:
                problems.append(
                    f"the gateway routes to Service {service} in {namespace}, which does not exist"
                )
            elif not ready:
                problems.append(f"no pod behind Service {service} in {namespace} is ready")
            peers[found["host"]] = {p["metadata"]["name"]: _model_name(p) for p in ready or []}
        return text, peers, problems


class _Cluster:
    """The few questions asked of the API server; objects come as its own JSON."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api
        self._core = client.CoreV1Api(api)

    def ready_pods(self, namespace: str, service: str) -> list[dict[str, Any]] | None:
        """Pods in the ready endpoints of a Service; None if there is no such Service."""
        try:
            self._core.read_namespaced_service(service, namespace)
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise
        slices = self._json(
            client.DiscoveryV1Api(self._api).list_namespaced_endpoint_slice(
                namespace, label_selector=f"kubernetes.io/service-name={service}"
            )
        )
        names = {
            endpoint["targetRef"]["name"]
            for one in slices["items"]
            for endpoint in one.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready") and endpoint.get("targetRef")
        }
        return [
            self._json(self._core.read_namespaced_pod(name, namespace)) for name in sorted(names)
        ]

    def configuration(self, pod: dict[str, Any]) -> str:
        """The nginx.conf that is mounted into `pod`."""
        for volume in pod["spec"].get("volumes", []):
            if name := volume.get("configMap", {}).get("name"):
                found = self._json(
                    self._core.read_namespaced_config_map(name, pod["metadata"]["namespace"])
                )
                if _KEY in found.get("data", {}):
                    return found["data"][_KEY]
        raise ValueError(f"pod {pod['metadata']['name']} mounts no ConfigMap with {_KEY}")

    def _json(self, found: Any) -> Any:
        return self._api.sanitize_for_serialization(found)


class _Ports:
    """A free port for each name, the same one at each sync."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}

    def of(self, name: str) -> int:
        if name not in self._ports:
            self._ports[name] = free_port()
            self._file.write_text(json.dumps(self._ports))
        return self._ports[name]


def _model_name(pod: dict[str, Any]) -> str:
    words = [
        word
        for container in pod["spec"]["containers"]
        for word in [*container.get("command", []), *container.get("args", [])]
    ]
    return words[words.index("--served-model-name") + 1]


def _model_server(processes: Processes, ports: _Ports, pod: str, model: str) -> str:
    name = f"{_MODEL}{pod}"
    port = ports.of(name)
    module = "r1_on_eks.rehearsal.model_server"
    processes.start(name, [sys.executable, "-m", module, "--port", str(port), "--model", model])
    processes.wait_until(name, lambda: _healthy(f"http://127.0.0.1:{port}", "/health"), _TIMEOUT_S)
    return f"127.0.0.1:{port}"


def _run_nginx(processes: Processes, folder: Path, nginx: Nginx, text: str) -> None:
    file = folder / _KEY
    changed = not file.exists() or file.read_text() != text
    file.write_text(text)
    if changed and _NGINX in processes.running():
        # Running answers end on the workers of before.
        processes.reload(_NGINX)
    processes.start(_NGINX, nginx_command(nginx, file), cwd=folder)


def _healthy(url: str, path: str = "/healthz") -> bool:
    try:
        with urllib.request.urlopen(url + path, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
