"""What a pod and a container say of themselves, so that a restricted namespace admits them.

Source: Kubernetes, Pod Security Standards, restricted.
"""

from typing import Any

# Any that is not root: neither files nor images know it.
_USER = 10001


def run_as(user: int, **besides: int) -> dict[str, Any]:
    """Security context of a pod.

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


POD = run_as(_USER, run_as_group=_USER)
# Of one whose volumes its own user writes.
POD_WITH_VOLUMES: dict[str, Any] = {
    **POD,
    "fs_group": _USER,
    # A file system of terabytes must not be walked at each start.
    "fs_group_change_policy": "OnRootMismatch",
}
CONTAINER: dict[str, Any] = {
    "allow_privilege_escalation": False,
    "capabilities": {"drop": ["ALL"]},
    "read_only_root_filesystem": True,
}
