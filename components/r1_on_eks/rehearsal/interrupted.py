"""What an engine that was killed in the middle of an update leaves behind."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from r1_on_eks.rehearsal.paths import State


def report_and_unlock(state: State) -> list[str]:
    """Removes locks of engines that are dead; says in one line per stack what may be lost."""
    lines = []
    for lock in _dead_locks(state):
        lock.unlink()
        # .pulumi/locks/organization/PROJECT/STACK/ID.json
        stack = lock.parent.name
        pending = pending_operations(state, stack)
        lost = ", ".join(pending) or "nothing"
        lines.append(
            f"the engine was killed in the middle of an update of {stack}; its lock is removed. "
            f"What it may have made without recording it: {lost}"
            + (f"; first r1 rehearse -- r1 recover {stack}" if pending else "")
        )
    return lines


def pending_operations(state: State, stack: str) -> list[str]:
    """`creating aws:eks/cluster:Cluster cluster` for each operation that never ended."""
    return [
        f"{operation['type']} {_kind_and_name(operation['resource']['urn'])}"
        for checkpoint in (state.backend / ".pulumi" / "stacks").glob(f"*/{stack}.json")
        for operation in _deployment(checkpoint).get("pending_operations") or []
    ]


def _dead_locks(state: State) -> Iterator[Path]:
    for lock in (state.backend / ".pulumi" / "locks").rglob("*.json"):
        holder = json.loads(lock.read_text())
        if holder.get("hostname") != socket.gethostname() or not _is_an_engine(holder.get("pid")):
            yield lock


def _is_an_engine(pid: Any) -> bool:
    try:
        process = psutil.Process(pid)
        # One that was killed keeps its number until its parent asks how it ended.
        return process.status() != psutil.STATUS_ZOMBIE and "pulumi" in process.name()
    except (psutil.NoSuchProcess, TypeError, ValueError):
        return False


def _deployment(checkpoint: Path) -> dict[str, Any]:
    return json.loads(checkpoint.read_text()).get("checkpoint", {}).get("latest") or {}


def _kind_and_name(urn: str) -> str:
    *_, types, name = urn.split("::")
    return f"{types.rsplit('$', 1)[-1]} {name}"
