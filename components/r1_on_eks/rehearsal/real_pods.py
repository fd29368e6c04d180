"""The controllers of a cluster whose programs really run, and how each is started here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1_on_eks.rehearsal.go_tools import LWS, PROMETHEUS_OPERATOR, GoTool

NAME_LABEL = "app.kubernetes.io/name"
CONFIGURATION = "configuration.yaml"
KUBECONFIG = "kubeconfig"


@dataclass(frozen=True)
class Controller:
    """A pod's program.

    Attributes:
        tool: What is built and run.
        health: Path at which it says that it is ready.
        arguments: Of its pod, its folder, and the port on loopback where it answers probes; the
            kubeconfig in that folder is in its environment besides.
    """

    tool: GoTool
    health: str
    arguments: Callable[[Any, Path, int], Sequence[str]]


def _of_lws(_pod: Any, folder: Path, _health: int) -> Sequence[str]:
    # Its configuration says where it answers.
    return [
        f"--config={folder / CONFIGURATION}",
        f"--kubeconfig={folder / KUBECONFIG}",
        "--zap-log-level=2",
    ]


def _of_operator(pod: Any, _folder: Path, health: int) -> Sequence[str]:
    return [*pod.spec.containers[0].args, f"--web.listen-address=127.0.0.1:{health}"]


CONTROLLERS = {
    "lws": Controller(LWS, "/readyz", _of_lws),
    "prometheus-operator": Controller(PROMETHEUS_OPERATOR, "/healthz", _of_operator),
}
"""By the label `app.kubernetes.io/name` of their pods."""
SELECTOR = f"{NAME_LABEL} in ({', '.join(CONTROLLERS)})"
"""Their pods: kwok leaves their status alone."""
