"""Controllers of a cluster that really run, each beside the pod that the scheduler placed for it.

kwok only says that pods run. For a pod that is known here, the program itself is started on this
machine: with the ConfigMap and the Secret that the pod mounts, as its ServiceAccount, so with the
rights that were declared for it. Its pod is ready when the program says so. The API server's way
to Services, which its webhooks need, leads through a proxy here to that program.

    python -m r1_on_eks.rehearsal.controllers --state DIR --cluster NAME --port PORT
"""

import argparse
import base64
import datetime
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config

from r1_on_eks.rehearsal.control_plane import process_prefix
from r1_on_eks.rehearsal.paths import State
from r1_on_eks.rehearsal.processes import Processes, free_port
from r1_on_eks.rehearsal.real_pods import (
    CONFIGURATION,
    CONTROLLERS,
    KUBECONFIG,
    NAME_LABEL,
    SELECTOR,
    Controller,
)
from r1_on_eks.rehearsal.service_proxy import serve
from r1_on_eks.rehearsal.toolchain import find_or_build

_LOOKS_EVERY_S = 0.3
# Where no pod of kwok is.
_POD_ADDRESS = "10.129.0.{}"
_WEBHOOKS = 9443


@dataclass
class Program:
    """One pod's program.

    Attributes:
        controller: What it is.
        folder: Its files.
        number: Counts pods; makes its address.
        webhooks: Where it listens for the API server, on loopback.
        health: Where it answers probes.
        labels: Of its pod, by which Services find it.
        starts: How often it was started.
        told: The readiness that its pod shows.
    """

    controller: Controller
    folder: Path
    number: int
    labels: dict[str, str]
    webhooks: int = field(default_factory=free_port)
    health: int = field(default_factory=free_port)
    starts: int = 0
    told: tuple[bool, int] | None = None

    @property
    def certificates(self) -> Path:
        """What its pod mounts the webhook's Secret at."""
        return self.folder / "certificates"

    @property
    def ready(self) -> bool:
        """What a kubelet would learn from its readiness probe."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.health}{self.controller.health}", timeout=1
            ) as answer:
                return answer.status == 200
        except OSError:
            return False


class Kubelet:
    """Does for the pods of controllers what kwok pretends for all others."""

    def __init__(self, state_root: Path, cluster: str) -> None:
        self._cluster = cluster
        self._folder = State(state_root).clusters / cluster
        self._admin = self._folder / "admin.kubeconfig"
        self._processes = Processes(state_root)
        # Its answers are typed as if every part of them might be missing.
        self._core: Any = client.CoreV1Api(config.new_client_from_config(str(self._admin)))
        self.programs: dict[str, Program] = {}

    def look(self) -> None:
        """Makes what runs follow the pods, and the pods' status what runs."""
        found = self._core.list_pod_for_all_namespaces(
            label_selector=SELECTOR, resource_version="0"
        )
        pods = {pod.metadata.name: pod for pod in found.items}
        for name, pod in pods.items():
            if pod.metadata.deletion_timestamp:
                self._end(name)
                self._core.delete_namespaced_pod(
                    name, pod.metadata.namespace, grace_period_seconds=0
                )
            elif pod.spec.node_name:
                self._run(pod)
        for name in self.programs.keys() - pods.keys():
            self._end(name)

    def local_port(self, address: str, port: int) -> int | None:
        """Where the program behind a Service's address listens on this machine."""
        services = self._core.list_service_for_all_namespaces(
            field_selector=f"spec.clusterIP={address}"
        ).items
        for service in services:
            targets = [one.target_port for one in service.spec.ports if one.port == port]
            selector = (service.spec.selector or {}).items()
            for program in list(self.programs.values()):
                if selector <= program.labels.items() and targets == [_WEBHOOKS]:
                    return program.webhooks
        return None

    def _run(self, pod: Any) -> None:
        name = pod.metadata.name
        if name not in self.programs:
            self._prepare(pod)
        program = self.programs[name]
        self._refresh_secrets(pod, program)
        process = process_prefix(self._cluster) + name
        if process not in self._processes.running():
            program.starts += 1
            self._processes.start(
                process,
                [
                    find_or_build(program.controller.tool, _say),
                    *program.controller.arguments(pod, program.folder, program.health),
                ],
                env={**os.environ, "KUBECONFIG": str(program.folder / KUBECONFIG)},
                cwd=program.folder,
            )
        self._tell(pod, program)

    def _prepare(self, pod: Any) -> None:
        folder = self._folder / "pods" / pod.metadata.name
        folder.mkdir(parents=True)
        folder.chmod(0o700)
        labels = pod.metadata.labels
        program = Program(CONTROLLERS[labels[NAME_LABEL]], folder, len(self.programs) + 1, labels)
        program.certificates.mkdir()
        for text in self._mounted_configurations(pod):
            (folder / CONFIGURATION).write_text(_on_loopback(text, program))
        (folder / KUBECONFIG).write_text(self._as_service_account(pod))
        self.programs[pod.metadata.name] = program

    def _end(self, name: str) -> None:
        self._processes.stop(process_prefix(self._cluster) + name)
        if program := self.programs.pop(name, None):
            shutil.rmtree(program.folder, ignore_errors=True)

    def _mounted_configurations(self, pod: Any) -> Iterator[str]:
        for name in (one.config_map.name for one in pod.spec.volumes if one.config_map):
            found = self._core.read_namespaced_config_map(name, pod.metadata.namespace)
            yield from found.data.values()

    def _refresh_secrets(self, pod: Any, program: Program) -> None:
        """A kubelet writes a mounted Secret again when it changes."""
        for name in (one.secret.secret_name for one in pod.spec.volumes if one.secret):
            found = self._core.read_namespaced_secret(name, pod.metadata.namespace)
            for key, value in (found.data or {}).items():
                _write(program.certificates / key, base64.b64decode(value))

    def _as_service_account(self, pod: Any) -> str:
        asked = {
            "spec": {
                "expirationSeconds": 24 * 3600,
                "boundObjectRef": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "name": pod.metadata.name,
                    "uid": pod.metadata.uid,
                },
            }
        }
        given = self._core.create_namespaced_service_account_token(
            pod.spec.service_account_name, pod.metadata.namespace, asked
        )
        admin = yaml.safe_load(self._admin.read_text())
        admin["users"][0]["user"] = {"token": given.status.token}
        return yaml.safe_dump(admin)

    def _tell(self, pod: Any, program: Program) -> None:
        now = (program.ready, program.starts)
        if now == program.told:
            return
        self._core.patch_namespaced_pod_status(
            pod.metadata.name, pod.metadata.namespace, {"status": _status(pod, program, now[0])}
        )
        program.told = now


def _write(file: Path, content: bytes) -> None:
    if not file.exists() or file.read_bytes() != content:
        partial = file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_bytes(content)
        partial.replace(file)


def _on_loopback(text: str, program: Program) -> str:
    """The mounted configuration; in place of the pod's own network and files, this machine's."""
    settings = yaml.safe_load(text)
    own = {
        "webhook": {
            "host": "127.0.0.1",
            "port": program.webhooks,
            "certDir": str(program.certificates),
        },
        "health": {"healthProbeBindAddress": f"127.0.0.1:{program.health}"},
        # No port is taken for metrics that nobody reads.
        "metrics": {"bindAddress": "0"},
    }
    for key, values in own.items():
        settings[key] = settings.get(key, {}) | values
    return yaml.safe_dump(settings)


def _status(pod: Any, program: Program, ready: bool) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    address = _POD_ADDRESS.format(program.number)
    states = {"Initialized": True, "ContainersReady": ready, "Ready": ready, "PodScheduled": True}
    return {
        "phase": "Running",
        "startTime": now,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [
            {"type": kind, "status": str(holds), "lastTransitionTime": now}
            for kind, holds in states.items()
        ],
        "containerStatuses": [
            {
                "name": container.name,
                "image": container.image,
                "imageID": "",
                "ready": ready,
                "started": True,
                "restartCount": program.starts - 1,
                "state": {"running": {"startedAt": now}},
            }
            for container in pod.spec.containers
        ],
    }


def _forever(look: Callable[[], None]) -> None:
    while True:
        try:
            look()
        # The API server may end before this process does.
        except Exception as problem:
            _say(f"{type(problem).__name__}: {problem}")
        time.sleep(_LOOKS_EVERY_S)


def main(argv: list[str] | None = None) -> int:
    """Runs until it is ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--cluster", required=True)
    parser.add_argument("--port", type=int, required=True, help="of the API server's proxy")
    asked = parser.parse_args(argv)
    kubelet = Kubelet(asked.state, asked.cluster)
    folder = State(asked.state).clusters / asked.cluster
    serve(asked.port, folder / "server.crt", folder / "server.key", kubelet.local_port)
    _forever(kubelet.look)
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
