"""What a cluster holds of the gateway: its configuration, and who answers behind each route."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from r1_on_eks.rehearsal.nginx_files import CONFIGURATION, PEER, below

KEY_VARIABLE = "VLLM_API_KEY"
_NAMESPACE, _SERVICE = "r1", "gateway"


@dataclass(frozen=True)
class ModelPod:
    """A ready model pod: the names that it serves, and the key that it asks for."""

    name: str
    models: tuple[str, ...]
    key: str | None


@dataclass(frozen=True)
class Deployed:
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
    peers: dict[str, list[ModelPod]] | None = None
    problems: tuple[str, ...] = ()


def deployed_in(admin_kubeconfig: Path) -> Deployed:
    """Asks the cluster."""
    with config.new_client_from_config(str(admin_kubeconfig)) as api:
        cluster = _Cluster(api)
        pods = cluster.ready_pods(_NAMESPACE, _SERVICE)
        if not pods:
            return Deployed()
        files, missing = cluster.mounted(pods[0])
        text = files.pop(CONFIGURATION)
        peers: dict[str, list[ModelPod]] = {}
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
        return Deployed(text, files, next(iter(missing), None), peers, tuple(problems))


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

    def model_pod(self, pod: dict[str, Any]) -> ModelPod:
        """What a stand-in for this pod must know."""
        container = pod["spec"]["containers"][0]
        words = [*container.get("command", []), *container.get("args", [])]
        after = words[words.index("--served-model-name") + 1 :]
        end = next((n for n, word in enumerate(after) if word.startswith("-")), len(after))
        key = None
        for variable in container.get("env", []):
            if variable["name"] == KEY_VARIABLE:
                wanted = variable["valueFrom"]["secretKeyRef"]
                entries = self.secret(wanted["name"], pod["metadata"]["namespace"]) or {}
                key = entries.get(wanted["key"])
        return ModelPod(pod["metadata"]["name"], tuple(after[:end]), key)

    def _json(self, found: Any) -> Any:
        return self._api.sanitize_for_serialization(found)
