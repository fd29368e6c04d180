"""Watching one object until it is ready, the time is over, or the engine asks to stop."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from r1_on_eks.rehearsal.kubernetes_provider.annotations import name_of
from r1_on_eks.rehearsal.kubernetes_provider.cluster import Cluster
from r1_on_eks.rehearsal.kubernetes_provider.connection import ApiRefused
from r1_on_eks.rehearsal.kubernetes_provider.engine_log import EngineLog

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 8.0


@dataclass(frozen=True)
class Progress:
    """How far an object is.

    Attributes:
        done: Ready.
        status: What to show meanwhile.
        reasons: What is missing, for the error when the wait ends.
        failed: It will never be ready.
        pods: The pods that the wait is for, where it is for pods.
    """

    done: bool
    status: str = ""
    reasons: list[str] = field(default_factory=list)
    failed: bool = False
    pods: list[dict[str, Any]] = field(default_factory=list)


class Wait(Protocol):
    """How to judge one kind."""

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the live object."""
        ...


class NotReady(Exception):
    """An object exists, but a wait for it ended without success.

    Attributes:
        live: Its last known state.
        reasons: What is missing.
    """

    def __init__(self, message: str, live: dict[str, Any], reasons: list[str]) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = reasons


@dataclass(frozen=True)
class Watching:
    """What every wait needs.

    Attributes:
        cluster: Where the object is.
        log: The engine's log.
        urn: The resource whose status line to write.
        seconds: How long to wait.
        stuck: Says why something will never be ready; None outside a rehearsal.
    """

    cluster: Cluster
    log: EngineLog
    urn: str
    seconds: float
    stuck: Callable[[dict[str, Any], Progress], str | None] | None = None


def rehearsal_patience() -> float | None:
    """How long a rehearsal lets something be stuck; None outside a rehearsal."""
    if "R1_REHEARSAL_STATE" not in os.environ:
        return None
    return float(os.environ.get("R1_REHEARSAL_PATIENCE", PATIENCE_SECONDS))


def wait_until_ready(watching: Watching, live: dict[str, Any], wait: Wait) -> dict[str, Any]:
    """Watch an object until it is ready.

    Args:
        watching: Where, for how long, and whom to tell.
        live: The object as last written.
        wait: How to judge it.

    Returns:
        Its state when it was ready.

    Raises:
        NotReady: It wasn't in time, it failed, it is stuck, or the engine asked to stop.
    """
    deadline = time.monotonic() + watching.seconds
    while True:
        live = _refreshed(watching, live)
        progress = wait.look(live)
        if progress.done:
            watching.log.clear(watching.urn)
            return live
        if progress.status:
            watching.log.status(watching.urn, progress.status)
        name = name_of(live)
        if progress.failed:
            message = f"Resource '{name}' was created but failed to initialize"
            raise NotReady(message, live, progress.reasons)
        reason = watching.stuck(live, progress) if watching.stuck else None
        if reason:
            raise NotReady(reason, live, progress.reasons)
        if time.monotonic() >= deadline:
            message = f"'{name}' timed out waiting to be Ready"
            raise NotReady(message, live, progress.reasons)
        if watching.cluster.cancelled.wait(POLL_SECONDS):
            message = f'Resource operation was cancelled for "{name}"'
            raise NotReady(message, live, progress.reasons)


def check_once(live: dict[str, Any], wait: Wait) -> None:
    """Judge an object as it is now, as a refresh does.

    Raises:
        NotReady: It isn't ready.
    """
    progress = wait.look(live)
    if not progress.done:
        message = f"Resource '{name_of(live)}' was created but failed to initialize"
        raise NotReady(message, live, progress.reasons)


def _refreshed(watching: Watching, live: dict[str, Any]) -> dict[str, Any]:
    try:
        return watching.cluster.get_like(live)
    except ApiRefused as error:
        if error.code != 404:
            return live
        message = f"'{name_of(live)}' was deleted by someone else while it was awaited"
        raise NotReady(message, live, []) from error
