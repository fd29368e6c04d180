"""Which stacks have outlived what their file allows: decided from what Pulumi tells of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from r1_on_eks.operations.deployment import Deployment

# Clocks of machines that write histories differ; more than this is a mistake that a person sees.
_SKEW = timedelta(minutes=5)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Verdict:
    """What is to become of one stack.

    Attributes:
        stack: Its name.
        expired: Whether it is to be destroyed.
        why: In one line.
        expires: When it does; None where it never does.
    """

    stack: str
    expired: bool
    why: str
    expires: datetime | None = None


def duration_of(lifetime: str) -> timedelta:
    """`90m`, `8h` or `2d` as a time span.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"([1-9]\d{0,3})([mhd])", lifetime)
    if not found:
        raise ValueError(f"{lifetime} is no lifetime; write 90m, 8h or 2d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def written(span: timedelta) -> str:
    """A time span as a stack file writes it, in the largest unit without a remainder."""
    minutes = int(span.total_seconds() // 60)
    if minutes % 60:
        return f"{minutes}m"
    return f"{minutes // 60}h"


def verdict(
    stack: str,
    settings: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    deployment: Deployment,
    now: datetime,
) -> Verdict:
    """Whether a stack has outlived its lifetime, counted from the update that began its life.

    Args:
        stack: Its name.
        settings: Under `r1-on-eks:stack`, of its file or of its last update.
        history: As `pulumi stack history --json` gives it, the newest first.
        deployment: What Pulumi believes of it.
        now: With its time zone.
    """
    kept = _kept_whatever_the_time(stack, settings, history, deployment)
    if kept:
        return Verdict(stack, False, kept)
    lifetime, began = str(settings["lifetime"]), began_at(history)
    if began is None:
        return Verdict(stack, False, "its history tells of no update")
    if began > now + _SKEW:
        return Verdict(stack, False, f"it began in the future, {_told(began)}: a clock is wrong")
    try:
        expires = began + duration_of(lifetime)
    except ValueError as wrong:
        return Verdict(stack, False, str(wrong))
    if now < expires:
        return Verdict(stack, False, f"it expires at {_told(expires)}", expires)
    return Verdict(stack, True, f"{lifetime} were over at {_told(expires)}", expires)


def _kept_whatever_the_time(
    stack: str,
    settings: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    deployment: Deployment,
) -> str | None:
    if settings.get("lifetime") is None:
        return "it has no lifetime"
    if not deployment.resources:
        return "nothing of it stands"
    if deployment.protected or _wants_protection(settings):
        return "it is protected: protected stacks do not expire"
    if any(entry.get("result") == "in-progress" for entry in history):
        return "it is being updated"
    if any(pending.work == "creating" for pending in deployment.pending):
        return f"its engine was killed: first r1 recover {stack}"
    return None


def began_at(history: Iterable[Mapping[str, Any]]) -> datetime | None:
    """The start of the first update after the last destroy that succeeded."""
    began = None
    for entry in history:
        if entry.get("kind") == "destroy" and entry.get("result") == "succeeded":
            break
        if entry.get("kind") in ("update", "import"):
            began = datetime.fromisoformat(entry["startTime"]).astimezone(UTC)
    return began


def last_settings(history: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the stack asked for at its last update: for stacks whose file is elsewhere."""
    for entry in history:
        value = entry.get("config", {}).get("r1-on-eks:stack", {}).get("objectValue")
        if isinstance(value, dict):
            return value
    return {}


def _wants_protection(settings: Mapping[str, Any]) -> bool:
    said = settings.get("deletion_protection")
    return bool(settings.get("production") if said is None else said)


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
