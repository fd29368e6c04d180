"""Locks of updates, as `pulumi` tells of them when it is refused one."""

import os
import re
import socket

_HOLDER = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


def is_locked(told: str) -> bool:
    """Whether `pulumi` failed because another update holds the stack."""
    return "currently locked" in told or "Another update is currently in progress" in told


def is_dead(told: str, host: str | None = None) -> bool:
    """Whether every holder of the lock was a process of this machine that is gone.

    Args:
        told: What `pulumi` printed.
        host: This machine's name.
    """
    holders = list(_HOLDER.finditer(told))
    here = host or socket.gethostname()
    return bool(holders) and all(
        one["host"] == here and not _runs(int(one["pid"])) for one in holders
    )


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
