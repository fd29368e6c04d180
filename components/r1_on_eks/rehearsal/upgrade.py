"""Another Kubernetes version for a control plane that runs."""

import json
import ssl
import sys
from pathlib import Path

from r1_on_eks.rehearsal.control_plane import READY_TIMEOUT_S, answers, check_version
from r1_on_eks.rehearsal.go_tools import CONTROL_PLANES
from r1_on_eks.rehearsal.paths import State
from r1_on_eks.rehearsal.processes import Processes, ProcessFailed
from r1_on_eks.rehearsal.toolchain import find_or_build

# What EKS upgrades and we see; in the order in which they start.
_UPGRADED = ("kube-apiserver", "kube-scheduler", "kube-controller-manager")


def upgrade_control_plane(state_root: Path, cluster: str, version: str) -> None:
    """Starts the parts that EKS upgrades anew, as programs of another version.

    etcd goes on, with all that it holds; addresses, certificates and keys stay. When the new API
    server does not come up, the parts are of the old version again.

    Raises:
        ValueError: no control plane of that version can be built.
        ToolMissing: it could not be built.
        ProcessFailed: a part of it did not start.
    """
    check_version(version)
    processes = Processes(state_root)
    before = {part: processes.command(f"{cluster}-{part}") for part in _UPGRADED}
    program = str(find_or_build(CONTROL_PLANES[version], _say))
    try:
        _start_again(state_root, cluster, {k: [program, *v[1:]] for k, v in before.items()})
    except ProcessFailed:
        _start_again(state_root, cluster, before)
        raise


def _start_again(state_root: Path, cluster: str, commands: dict[str, list[str]]) -> None:
    folder, processes = State(state_root).clusters / cluster, Processes(state_root)
    described = json.loads((folder / "control-plane.json").read_text())
    context = ssl.create_default_context(cadata=described["certificate_authority"])
    for part in reversed(commands):
        processes.stop(f"{cluster}-{part}")
    for part, command in commands.items():
        processes.start(f"{cluster}-{part}", command, cwd=folder)
        if part == "kube-apiserver":
            processes.wait_until(
                f"{cluster}-{part}",
                lambda: answers(f"{described['endpoint']}/readyz", context),
                READY_TIMEOUT_S,
            )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
