"""How a managed Prometheus is billed: by samples, gigabytes, queries and its collector's hours."""

import math

from r1_on_eks.cost.charges import UNKNOWN, Amount, Charge, Circumstances, NoCharge, always
from r1_on_eks.cost.declared import Declared, Secret, Unknown
from r1_on_eks.plan.monitoring.volume import gib_of

WORKSPACE = "aws:amp/workspace:Workspace"
CONFIGURATION = "aws:amp/workspaceConfiguration:WorkspaceConfiguration"
SCRAPER = "aws:amp/scraper:Scraper"
# Where nothing says it (AMP user guide, AMP-workspace-configuration, 2026-11).
_KEPT_DAYS = 150
# Samples of an account and Region in a month, from which a price holds (AMP's price list).
_TIERS = ((0.0, ""), (2e9, " above 2 billion"), (252e9, " above 252 billion"))


def workspace(resource: Declared, now: Circumstances) -> list[Charge | NoCharge]:
    """Samples taken in by tier, what is kept of them, and what rules and people ask.

    No free tier is taken off: it is the account's, and another workspace may use it.
    """
    samples = _share(resource, now)
    ends = [*(begins for begins, _ in _TIERS[1:]), math.inf]
    taken_in = [
        Charge(service="AMP", what=f"10 million samples{above}", assumed=True,
                amount=_between(samples, begins, end) * 1e-7, told=f"samples taken in{above}")
        for (begins, above), end in zip(_TIERS, ends, strict=True)
        if samples.most > begins
    ]  # fmt: skip
    asked = now.usage.queried_samples_million / 1000 / _number(resource, now)
    return [
        *taken_in,
        _kept(resource, now, samples),
        Charge(service="AMP", what="billion samples queried", amount=always(asked), assumed=True,
                told="samples that rules and people ask for"),
    ]  # fmt: skip


def scraper(resource: Declared, now: Circumstances) -> list[Charge | NoCharge]:
    """The collector's hours and samples, and the way of metrics from other zones to it.

    Its interfaces stand in the stack's subnets; what reaches them from another zone is billed as
    EC2's traffic is (AMP's pricing page, 2026-11).
    """
    away = now.usage.scrape_gb / _number(resource, now)
    return [
        Charge(service="AMP", what="collector", amount=always(1)),
        Charge(service="AMP", what="10 million samples collected", assumed=True,
                amount=_share(resource, now) * 1e-7, told="samples collected"),
        Charge(service="VPC", what="traffic between zones, each way", assumed=True,
                amount=always(2 * away), told="metrics between zones, each way"),
    ]  # fmt: skip


def _number(resource: Declared, now: Circumstances) -> int:
    return sum(one.type == resource.type for one in now.declared)


def _share(resource: Declared, now: Circumstances) -> Amount:
    return now.samples * (1 / _number(resource, now))


def _between(samples: Amount, begins: float, end: float) -> Amount:
    parts = (max(0.0, min(number, end) - begins) for number in samples)
    return Amount(*parts)


def _kept(resource: Declared, now: Circumstances, samples: Amount) -> Charge | NoCharge:
    said = [
        one.get("retentionPeriodInDays")
        for one in now.declared
        if one.type == CONFIGURATION and resource.urn in one.needs.get("workspaceId", ())
    ]
    days = next((one for one in said if one is not None), _KEPT_DAYS)
    if isinstance(days, Unknown | Secret):
        return NoCharge(UNKNOWN, f"retentionPeriodInDays: {days}")
    return Charge(
        service="AMP",
        what="storage",
        amount=samples * gib_of(1, days),
        told=f"metrics, kept {int(days)} days",
        assumed=True,
    )
