"""One experiment, what it stands on, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from r1_on_eks.operations.readiness.ground import Ground


class Verdict(StrEnum):
    """What an experiment showed."""

    HELD = "held"
    FAILED = "did not hold"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment.

    Attributes:
        verdict: Whether what was claimed is so.
        seen: What was seen, or why it was not run.
    """

    verdict: Verdict
    seen: str


class NotNow(LookupError):
    """What an experiment needs is not there: a cluster, a route, a key."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What experiments stand on.

    Attributes:
        ground: Stack, plan and account.
        kubectl: Runs kubectl against the stack's cluster, and answers what it prints.
        key: A key of the gateway, or None.
    """

    ground: Ground
    kubectl: Callable[..., str]
    key: str | None = None


ACCOUNT, CLUSTER, PERSON = "the account", "a standing stack", "a person"


def free(_: Ground) -> float | None:
    """Requests that AWS does not bill."""
    return 0.0


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Something that only a real account can show.

    Attributes:
        name: One word or two.
        claims: Words of the lines in README and docs that it turns into evidence.
        needs: `the account`, `a standing stack` or `a person`.
        steps: Calls and commands, as somebody would repeat them.
        expected: What is seen where the claim holds.
        run: Carries it out; None where a person has to.
        usd: What it costs; None where no price is known.
    """

    name: str
    claims: tuple[str, ...]
    needs: str
    steps: str
    expected: str
    run: Callable[[Bench], Outcome] | None = None
    usd: Callable[[Ground], float | None] = free


def held(seen: str) -> Outcome:
    """It is as claimed."""
    return Outcome(Verdict.HELD, seen)


def failed(seen: str) -> Outcome:
    """It is not."""
    return Outcome(Verdict.FAILED, seen)


def judged(so: bool, seen: str) -> Outcome:
    """Either."""
    return held(seen) if so else failed(seen)
