"""How faults of a rehearsal are written, and what each does."""

import re
from dataclasses import dataclass

# Kind → how it is written, and what happens.
KINDS = {
    "throttle": (
        "throttle[:OPERATION[:N]]",
        "AWS answers the first N calls (5) of each matching operation that it has too many",
    ),
    "no-capacity": (
        "no-capacity:TYPE",
        "EC2 has no instance of a type: node groups get InsufficientInstanceCapacity",
    ),
    "no-spare": (
        "no-spare:TYPE",
        "EC2 has as many instances of a type as run, and not one more beside them",
    ),
    "node-group-fails": (
        "node-group-fails:NAME",
        "its instances start and never join: CREATE_FAILED, after AWS had answered",
    ),
    "api-server-lost": (
        "api-server-lost",
        "no API server of a cluster that stands answers while the command runs",
    ),
    "slow": (
        "slow:SCALE",
        "AWS takes its usual time, scaled: 0.1 makes a cluster's 9 minutes 54 s",
    ),
    "die": (
        "die:WHEN:WHAT:TYPE[#N]",
        "the engine is killed before|after|recorded the Nth create|update|delete of a type:"
        " before the call, after AWS answered, after the engine wrote it down",
    ),
    "die-late": (
        "die-late:SECONDS",
        "an engine that is to die lives on so long, so that steps beside are in the middle too",
    ),
}
# They name nothing that a command could lack.
ANY_COMMAND = ("slow", "die-late")
_MOMENTS = ("before", "after", "recorded")
_WORKS = ("create", "update", "delete")


class NoSuchFault(ValueError):
    """A fault that nobody can make; says which there are."""


@dataclass(frozen=True)
class Fault:
    """One fault: as it was written, its kind, and its words with the defaults filled in."""

    text: str
    kind: str
    words: tuple[str, ...] = ()


def parse(text: str) -> Fault:
    """`die:after:create:aws:eks/cluster:Cluster#1` → its parts.

    Raises:
        NoSuchFault: it is not written as one of `KINDS`.
    """
    kind, _, rest = text.partition(":")
    if kind not in KINDS:
        raise NoSuchFault(f"{text}: no such fault; there are {', '.join(KINDS)}")
    words = _words(kind, rest)
    if words is None:
        raise NoSuchFault(f"{text}: write {KINDS[kind][0]}")
    return Fault(text, kind, words)


def _words(kind: str, rest: str) -> tuple[str, ...] | None:
    if kind == "api-server-lost":
        return None if rest else ()
    if kind == "throttle":
        operation, _, times = rest.partition(":")
        return (operation or "*", times or "5") if (times or "5").isdigit() else None
    if kind in ("slow", "die-late"):
        return (rest,) if re.fullmatch(r"\d+(\.\d+)?", rest) else None
    if kind == "die":
        found = re.fullmatch(r"(\w+):(\w+):([^#]+)(?:#([1-9]\d*))?", rest)
        if not found or found[1] not in _MOMENTS or found[2] not in _WORKS:
            return None
        return (found[1], found[2], found[3], found[4] or "1")
    return (rest,) if rest else None
