"""A real Kubernetes control plane on loopback: what EKS would run for a cluster."""

import json
import shutil
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from r1_on_eks.rehearsal import real_pods
from r1_on_eks.rehearsal.certificates import Authority
from r1_on_eks.rehearsal.control_plane_files import ADMIN_KUBECONFIG, FRONT_PROXY, write_files
from r1_on_eks.rehearsal.go_tools import CONTROL_PLANES, KWOK
from r1_on_eks.rehearsal.paths import State
from r1_on_eks.rehearsal.processes import Processes, free_port
from r1_on_eks.rehearsal.toolchain import find_or_build

# In the order in which they start; they end in the reverse one.
_PARTS = (
    "etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kwok", "controllers",
)  # fmt: skip
READY_TIMEOUT_S = 60.0
# Everything that they hold is thrown away with them: no reason to wait for a polite end.
_END_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane.

    Attributes:
        cluster: Name of the cluster.
        endpoint: `https://127.0.0.1:PORT`.
        certificate_authority: PEM.
        admin_kubeconfig: A kubeconfig with a client certificate of `system:masters`.
    """

    cluster: str
    endpoint: str
    certificate_authority: str
    admin_kubeconfig: Path


def start_control_plane(
    state_root: Path, cluster: str, *, version: str, service_cidr: str, token_webhook_url: str
) -> ControlPlane:
    """Starts the control plane of `cluster` and waits until it is ready.

    Args:
        state_root: The rehearsal's directory; files go to `clusters/CLUSTER` in it.
        cluster: Its name.
        version: Kubernetes version that the cluster asks for, `1.35`.
        service_cidr: Range of Service addresses.
        token_webhook_url: Who reviews bearer tokens, as EKS's authenticator does.

    Raises:
        ValueError: the built control plane is of another version.
        ProcessFailed: a part of it did not start.
    """
    check_version(version)
    folder = State(state_root).clusters / cluster
    processes = Processes(state_root)
    described = folder / "control-plane.json"
    if f"{cluster}-kube-apiserver" in processes.running() and described.exists():
        found: dict[str, str] = json.loads(described.read_text())
        return ControlPlane(
            cluster,
            found["endpoint"],
            found["certificate_authority"],
            folder / ADMIN_KUBECONFIG,
        )
    folder.mkdir(parents=True, exist_ok=True)
    running = _Start(state_root, cluster, processes, version).run(service_cidr, token_webhook_url)
    described.write_text(
        json.dumps(
            {
                "endpoint": running.endpoint,
                "certificate_authority": running.certificate_authority,
            }
        )
    )
    return running


def check_version(version: str) -> None:
    """Whether there is a control plane of that version.

    Raises:
        ValueError: there is none.
    """
    known = CONTROL_PLANES
    if version not in known:
        raise ValueError(
            f"the rehearsal's control planes are Kubernetes {', '.join(known)}; the cluster asks"
            f" for {version}"
        )


def process_prefix(cluster: str) -> str:
    """How the processes of a cluster's real pods are called, before the pod's name."""
    return f"{cluster}-pod-"


def stop_control_plane(state_root: Path, cluster: str) -> None:
    """Ends the control plane of `cluster` and forgets everything that it held."""
    processes = Processes(state_root)
    for part in reversed(_PARTS):
        processes.stop(f"{cluster}-{part}", timeout=_END_TIMEOUT_S)
        if part == "controllers":
            for name in processes.running():
                if name.startswith(process_prefix(cluster)):
                    processes.stop(name, timeout=_END_TIMEOUT_S)
    shutil.rmtree(State(state_root).clusters / cluster, ignore_errors=True)


class _Start:
    """One start: the files and ports that the parts share."""

    def __init__(self, state_root: Path, cluster: str, processes: Processes, version: str) -> None:
        self._version = version
        self._state_root = state_root
        self._folder = folder = State(state_root).clusters / cluster
        self._cluster = cluster
        self._processes = processes
        self._endpoint = f"https://127.0.0.1:{free_port()}"
        self._etcd = f"http://127.0.0.1:{free_port()}"
        self._services = free_port()
        self._authority = Authority(f"rehearsal of {cluster}")
        self._admin = folder / ADMIN_KUBECONFIG

    def run(self, service_cidr: str, token_webhook_url: str) -> ControlPlane:
        write_files(
            self._folder, self._cluster, self._authority, endpoint=self._endpoint,
            egress_port=self._services, token_webhook_url=token_webhook_url,
        )  # fmt: skip
        self._start_etcd()
        self._start_apiserver(service_cidr)
        self._start_the_rest()
        return ControlPlane(
            self._cluster, self._endpoint, self._authority.certificate, self._admin
        )

    def _start_etcd(self) -> None:
        peer = f"http://127.0.0.1:{free_port()}"
        self._start(
            "etcd",
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={self._etcd}",
            f"--advertise-client-urls={self._etcd}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            # It holds nothing that should outlive the machine's power.
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        self._wait("etcd", lambda: answers(f"{self._etcd}/health"))

    def _start_apiserver(self, service_cidr: str) -> None:
        file = self._folder.joinpath
        self._start(
            "kube-apiserver",
            f"--etcd-servers={self._etcd}",
            "--bind-address=127.0.0.1",
            # Where there is no other network, it would find no address of its own to announce.
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._endpoint.rpartition(':')[2]}",
            f"--tls-cert-file={file('server.crt')}",
            f"--tls-private-key-file={file('server.key')}",
            f"--client-ca-file={file('ca.crt')}",
            f"--service-cluster-ip-range={service_cidr}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={file('service-accounts.key')}",
            f"--service-account-signing-key-file={file('service-accounts.key')}",
            "--authorization-mode=RBAC",
            f"--authentication-token-webhook-config-file={file('token-review.kubeconfig')}",
            "--authentication-token-webhook-version=v1",
            # An access entry that is removed ends access now, not in two minutes.
            "--authentication-token-webhook-cache-ttl=5s",
            "--allow-privileged=true",
            # Its webhooks reach the programs of pods through a proxy of this machine.
            f"--egress-selector-config-file={file('egress.yaml')}",
            # What is offered by pods, such as metrics, it asks of them for its own clients.
            f"--proxy-client-cert-file={file('front-proxy.crt')}",
            f"--proxy-client-key-file={file('front-proxy.key')}",
            f"--requestheader-client-ca-file={file('front-proxy-ca.crt')}",
            f"--requestheader-allowed-names={FRONT_PROXY}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            # The Service `kubernetes` may not point at a loopback address.
            "--endpoint-reconciler-type=none",
        )
        context = ssl.create_default_context(cadata=self._authority.certificate)
        self._wait("kube-apiserver", lambda: answers(f"{self._endpoint}/readyz", context))

    def _start_the_rest(self) -> None:
        shared = (f"--kubeconfig={self._admin}", "--leader-elect=false", "--secure-port=0")
        self._start("kube-scheduler", *shared)
        self._start(
            "kube-controller-manager",
            *shared,
            f"--service-account-private-key-file={self._folder / 'service-accounts.key'}",
            f"--root-ca-file={self._folder / 'ca.crt'}",
        )
        self._processes.start(
            f"{self._cluster}-kwok",
            [
                find_or_build(KWOK, _say),
                f"--kubeconfig={self._admin}",
                "--manage-all-nodes=true",
                f"--server-address=127.0.0.1:{free_port()}",
                # Without leases a node would be called lost between two of its reports.
                "--node-lease-duration-seconds=40",
                "--cidr=10.128.0.1/16",
                f"--disregard-status-with-label-selector={real_pods.SELECTOR}",
            ],
            cwd=self._folder,
        )
        self._processes.start(
            f"{self._cluster}-controllers",
            [
                *[sys.executable, "-m", "r1_on_eks.rehearsal.controllers"],
                *["--state", self._state_root, "--cluster", self._cluster],
                *["--port", str(self._services)],
            ],
            cwd=self._folder,
        )

    def _start(self, part: str, *flags: str) -> None:
        self._processes.start(
            f"{self._cluster}-{part}",
            [find_or_build(CONTROL_PLANES[self._version], _say), part, *flags],
            cwd=self._folder,
        )

    def _wait(self, part: str, ready: Callable[[], bool]) -> None:
        self._processes.wait_until(f"{self._cluster}-{part}", ready, READY_TIMEOUT_S)


def answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether an address answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
