"""The gateway of a rehearsed stack: a real nginx with the very configuration that was deployed.

The way from the NodePort to the model is read off the cluster: Service → ready pods → what is
mounted into them → nginx.conf → each upstream's Service → its ready pods, one stand-in for vLLM
each. Only addresses are rewritten. A certificate that the user is to give is made here.
"""

import base64
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from r1_on_eks.rehearsal.certificates import Authority
from r1_on_eks.rehearsal.nginx_files import (
    CONFIGURATION,
    PEER,
    below,
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
_NAMESPACE, _SERVICE = "r1", "gateway"
_KEY_VARIABLE = "VLLM_API_KEY"
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


@dataclass(frozen=True)
class _Pod:
    """A ready model pod: the names that it serves, and the key that it asks for."""

    name: str
    models: tuple[str, ...]
    key: str | None


@dataclass(frozen=True)
class _Deployed:
    """What the ready gateway pods run with.

    Attributes:
        text: Their nginx.conf; empty where none is ready.
        files: What else is mounted below /etc/nginx, by its path there.
        certificate: Folder there of a certificate that nobody gave; None where none is asked for.
        peers: Ready pods behind each upstream's host.
        problems: A sentence for each route that leads nowhere.
    """

    text: str = ""
    files: dict[str, str] | None = None
    certificate: str | None = None
    peers: dict[str, list[_Pod]] | None = None
    problems: tuple[str, ...] = ()


def sync_gateway(state_root: Path, admin_kubeconfig: Path | None) -> Gateway | None:
    """Makes nginx and the stand-ins for vLLM follow what the cluster holds now.

    Returns:
        The gateway, or None where none is deployed; then nothing of it runs.
    """
    processes = Processes(state_root)
    deployed = _deployed(admin_kubeconfig) if admin_kubeconfig else _Deployed()
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


def _deployed(admin_kubeconfig: Path) -> _Deployed:
    with config.new_client_from_config(str(admin_kubeconfig)) as api:
        cluster = _Cluster(api)
        pods = cluster.ready_pods(_NAMESPACE, _SERVICE)
        if not pods:
            return _Deployed()
        files, missing = cluster.mounted(pods[0])
        text = files.pop(CONFIGURATION)
        peers: dict[str, list[_Pod]] = {}
        problems = []
        for found in PEER.finditer(text):
            service, namespace, *_ = found["host"].split(".")
            ready = cluster.ready_pods(namespace, service)
            if ready is None:
                problems.append(
                    f"the gateway routes to Service {service} in {namespace}, which does not exist"
                )
            elif not ready:
                problems.append(f"no pod behind Service {service} in {namespace} is ready")
            peers[found["host"]] = [cluster.model_pod(one) for one in ready or []]
        return _Deployed(text, files, next(iter(missing), None), peers, tuple(problems))


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

    def mounted(self, pod: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
        """Files below /etc/nginx of `pod`, and the folders there whose Secret nobody made."""
        namespace = pod["metadata"]["namespace"]
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        files: dict[str, str] = {}
        missing = []
        for mount in pod["spec"]["containers"][0]["volumeMounts"]:
            inside, volume = below(mount["mountPath"]), volumes[mount["name"]]
            if inside is None:
                continue
            if "configMap" in volume:
                name = volume["configMap"]["name"]
                found = self._json(self._core.read_namespaced_config_map(name, namespace))
                files[inside] = found["data"][mount["subPath"]]
            elif (entries := self.secret(volume["secret"]["secretName"], namespace)) is None:
                missing.append(inside)
            else:
                files |= {f"{inside}/{name}": content for name, content in entries.items()}
        return files, missing

    def secret(self, name: str, namespace: str) -> dict[str, str] | None:
        """Entries of a Secret; None if there is no such Secret."""
        try:
            found = self._json(self._core.read_namespaced_secret(name, namespace))
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise
        return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}

    def model_pod(self, pod: dict[str, Any]) -> _Pod:
        """What a stand-in for this pod must know."""
        container = pod["spec"]["containers"][0]
        words = [*container.get("command", []), *container.get("args", [])]
        after = words[words.index("--served-model-name") + 1 :]
        end = next((n for n, word in enumerate(after) if word.startswith("-")), len(after))
        key = None
        for variable in container.get("env", []):
            if variable["name"] == _KEY_VARIABLE:
                wanted = variable["valueFrom"]["secretKeyRef"]
                entries = self.secret(wanted["name"], pod["metadata"]["namespace"]) or {}
                key = entries.get(wanted["key"])
        return _Pod(pod["metadata"]["name"], tuple(after[:end]), key)

    def _json(self, found: Any) -> Any:
        return self._api.sanitize_for_serialization(found)


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


def _model_server(processes: Processes, ports: _Ports, pod: _Pod, pace: Path) -> str:
    name = f"{_MODEL}{pod.name}"
    port = ports.of(name)
    module = "r1_on_eks.rehearsal.model_server"
    words = [sys.executable, "-m", module, "--port", str(port), "--pace-file", str(pace)]
    words += ["--model", *pod.models]
    key = {} if pod.key is None else {_KEY_VARIABLE: pod.key}
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
