"""What a check found, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """Whether what was looked at is ready."""

    READY = "✓"
    LACKING = "✗"
    UNKNOWN = "?"


@dataclass(frozen=True)
class Finding:
    """One line of `r1 check`.

    Attributes:
        standing: Whether it is ready.
        subject: What was looked at, `quota L-417A185B`.
        found: What is so.
        fix: The command, or the console's path, that changes it; empty where nothing has to be.
    """

    standing: Standing
    subject: str
    found: str
    fix: str = ""


def ready(subject: str, found: str) -> Finding:
    """Nothing has to be done."""
    return Finding(Standing.READY, subject, found)


def lacking(subject: str, found: str, fix: str) -> Finding:
    """`pulumi up` would fail, or what it makes would be of no use."""
    return Finding(Standing.LACKING, subject, found, fix)


def unknown(subject: str, found: str, fix: str = "") -> Finding:
    """It could not be known, or nobody can know it before."""
    return Finding(Standing.UNKNOWN, subject, found, fix)


def is_ready(findings: Iterable[Finding]) -> bool:
    """Whether nothing is known to be lacking."""
    return all(one.standing is not Standing.LACKING for one in findings)
