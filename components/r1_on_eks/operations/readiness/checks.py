"""All checks, side by side, each within its own bounds."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from botocore.config import Config

from r1_on_eks.operations.account import FAILURES
from r1_on_eks.operations.readiness import (
    alerting,
    billing,
    capacity,
    certificate,
    endpoint,
    file_systems,
    identity,
    network_limits,
    permissions,
    pins,
    quotas,
    versions,
    weights,
    zones,
)
from r1_on_eks.operations.readiness.finding import Finding, is_ready, lacking, unknown
from r1_on_eks.operations.readiness.ground import Ground, Unasked
from r1_on_eks.operations.readiness.refusals import (
    SIGN_IN,
    credentials_told,
    is_about_credentials,
    refused,
)
from r1_on_eks.operations.readiness.side_by_side import side_by_side

IMPATIENT = Config(
    connect_timeout=1.5,
    read_timeout=4.0,
    retries={"mode": "standard", "total_max_attempts": 2},
)
"""For questions that somebody waits for."""
# All together, from the first question to the last answer.
SECONDS = 4.5
# What the others wait for the first one, whose answer may make them useless.
_HEAD_START_S = 1.5

Ground_ = TypeVar("Ground_", bound=Ground)


@dataclass(frozen=True)
class Check(Generic[Ground_]):
    """One check.

    Attributes:
        subject: What it is called while it has no findings of its own.
        ask: From what it stands on to findings.
        permissions: IAM actions that it needs; none of a check that asks nobody of AWS.
    """

    subject: str
    ask: Callable[[Ground_], Iterable[Finding]]
    permissions: tuple[str, ...] = ()


CHECKS: tuple[Check[Ground], ...] = (
    Check("plan", pins.decided),
    Check(identity.REGION, identity.region_known),
    Check(identity.REGION, identity.region, ("ec2:DescribeRegions",)),
    Check("vCPU quotas", quotas.vcpu_quotas, quotas.PERMISSIONS),
    Check("zones", zones.zones, zones.PERMISSIONS),
    Check("offers", zones.offers, zones.PERMISSIONS),
    Check("capacity", capacity.capacity, capacity.PERMISSIONS),
    Check("network limits", network_limits.network_limits, network_limits.PERMISSIONS),
    Check(file_systems.SUBJECT, file_systems.file_systems, file_systems.PERMISSIONS),
    Check(versions.SUPPORT, versions.support),
    Check(versions.OFFERED, versions.offered, versions.PERMISSIONS),
    Check("machine images", versions.images, versions.PERMISSIONS),
    Check("bucket and weights", weights.bucket_and_weights, weights.PERMISSIONS),
    Check(permissions.SUBJECT, permissions.permissions, permissions.PERMISSIONS),
    Check("pins", pins.pinned),
    Check(endpoint.CLUSTER, endpoint.cluster, endpoint.PERMISSIONS),
    Check(endpoint.RANGES, endpoint.own_range),
    Check(billing.TAGS, billing.tags, billing.PERMISSIONS),
    Check(billing.BUDGET, billing.budget),
    Check(certificate.CERTIFICATE, certificate.certificate),
    Check(alerting.TOPIC, alerting.topic, alerting.PERMISSIONS),
    Check(alerting.WEBHOOK, alerting.webhook, endpoint.PERMISSIONS),
)
"""In the order in which they are told."""


def check(
    ground: Ground_,
    checks: Sequence[Check[Ground_]],
    *,
    told: Callable[[str], None] = lambda _: None,
    seconds: float = SECONDS,
) -> list[Finding]:
    """Carries all checks out; one that fails or hangs takes no other with it.

    Args:
        ground: What they stand on.
        checks: Which.
        told: Hears what is waited for.
        seconds: After which what has not answered is unknown.
    """
    ends = time.monotonic() + seconds
    told("whose credentials these are")
    first, usable = _identity(ground, min(ends, time.monotonic() + _HEAD_START_S))
    wanted = [one for one in checks if usable or not one.permissions]
    answers = _side_by_side(ground, wanted, ends, told)
    unasked = [one.subject for one in checks if one not in wanted]
    if unasked:
        first = [_not_asked(first[0], unasked)]
    return [*first, *_findings(wanted, answers)]


def _identity(ground: Ground, ends: float) -> tuple[list[Finding], bool]:
    """Who asks, and whether it makes sense to ask AWS for more."""
    alone = Check[Ground](identity.SUBJECT, identity.identity, ("sts:GetCallerIdentity",))
    problems: list[Exception] = []

    def ask(ground: Ground) -> Iterable[Finding]:
        try:
            return alone.ask(ground)
        except FAILURES as error:
            problems.append(error)
            raise

    answers = _side_by_side(ground, [Check(alone.subject, ask, alone.permissions)], ends)
    if problems and is_about_credentials(problems[0]):
        return [lacking(alone.subject, credentials_told(problems[0]), SIGN_IN)], False
    found = [one for findings in answers for one in findings if isinstance(one, Finding)]
    # Of another account's quotas and zones nothing follows for the stack's.
    return found, is_ready(found)


_Answer = list[Finding | Unasked]


def _side_by_side(
    ground: Ground_,
    checks: Sequence[Check[Ground_]],
    ends: float,
    told: Callable[[str], None] = lambda _: None,
) -> list[_Answer]:
    def waiting(numbers: Collection[int]) -> None:
        named = ", ".join(dict.fromkeys(checks[number].subject for number in sorted(numbers)))
        told(f"{len(checks) - len(numbers)} of {len(checks)}; waiting for {named}")

    questions = [partial(_answer, one, ground) for one in checks]
    answers = side_by_side(questions, ends, waiting)
    return [
        [unknown(one.subject, "no answer in time", "ask again; is the network slow?")]
        if answer is None
        else answer
        for one, answer in zip(checks, answers, strict=True)
    ]


def _answer(one: Check[Ground_], ground: Ground_) -> _Answer:
    try:
        return list(one.ask(ground))
    except Unasked as unasked:
        return [unasked]
    except FAILURES as error:
        return [refused(one.subject, error, one.permissions)]
    except Exception as defect:
        # Of ours: it is told, and hides no other check.
        return [unknown(one.subject, f"r1 itself failed: {defect!r}", "report it, with --json")]


def _findings(checks: Sequence[Check[Ground_]], answers: Sequence[_Answer]) -> list[Finding]:
    """All findings; then, in one line each, what was not asked for want of a plan, or the like."""
    found = [one for findings in answers for one in findings if isinstance(one, Finding)]
    waiting: dict[str, list[str]] = {}
    for check, findings in zip(checks, answers, strict=True):
        for one in findings:
            if isinstance(one, Unasked):
                waiting.setdefault(one.without, []).append(check.subject)
    for without, subjects in waiting.items():
        found.append(unknown(without, f"not asked: {', '.join(subjects)}"))
    return found


def _not_asked(identity: Finding, subjects: Sequence[str]) -> Finding:
    """One line for all that can't be asked with these credentials, or without any."""
    named = ", ".join(dict.fromkeys(subjects))
    return replace(identity, found=f"{identity.found}; not asked of AWS: {named}")
