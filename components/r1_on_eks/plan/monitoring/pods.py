"""What the pods of monitoring have alike, in the words of pulumi_kubernetes."""

from typing import Any

NOBODY = 65534
UNPRIVILEGED: dict[str, Any] = {
    "allow_privilege_escalation": False,
    "capabilities": {"drop": ["ALL"]},
    "read_only_root_filesystem": True,
}
"""Of a container that needs no right of its node."""


def run_as(user: int, **besides: int) -> dict[str, Any]:
    """Security context of a pod that the restricted standard allows.

    Args:
        user: Its number.
        **besides: `run_as_group`, `fs_group`.
    """
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        **besides,
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def probe(path: str, port: int, failures: int | None = None) -> dict[str, Any]:
    """A request every ten seconds.

    Args:
        path: Of the request.
        port: Number of the port.
        failures: How many in a row count; three, if not said.
    """
    return {
        "http_get": {"path": path, "port": port},
        "period_seconds": 10,
        # One second, which is Kubernetes' own, is short on a busy node.
        "timeout_seconds": 5,
        **({"failure_threshold": failures} if failures else {}),
    }
