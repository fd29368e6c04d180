"""Errors a person can act on."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """What is wrong with one property of a resource; `path` is "" for all of it."""

    path: str
    reason: str


class Refused(Exception):
    """Something can't be done; the message says what and why."""


class PartlyMade(Refused):
    """A resource exists in AWS but is not what was asked for."""

    def __init__(self, message: str, resource_id: str, state: dict[str, Any]) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.state = state


class Ended(Refused):
    """The engine gave up waiting."""


def near(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` for the known words most like `word`, "" when none is."""
    lowered = {one.lower(): one for one in known}
    found = difflib.get_close_matches(word.lower(), lowered, n=2, cutoff=0.6)
    return f" (did you mean {' or '.join(lowered[one] for one in found)}?)" if found else ""
