"""What the stack costs in this hour."""

from collections.abc import Iterable, Mapping

from r1_on_eks.cost.bill import Terms, bill_of
from r1_on_eks.cost.charges import NOT_PRICED, UNKNOWN
from r1_on_eks.cost.deployed import declaration_of
from r1_on_eks.cost.samples import samples_of
from r1_on_eks.operations.account import FAILURES
from r1_on_eks.operations.readiness.finding import Finding, ready
from r1_on_eks.operations.status.scene import Scene

MONEY = "cost now"


def money(scene: Scene) -> Iterable[Finding]:
    """Prices what Pulumi knows, with as many nodes as AWS has now where it says so."""
    resources = scene.known().resources
    if not resources:
        return []
    sizes = _sizes(scene)
    config = scene.config
    plan = None if isinstance(scene.decided, str) else scene.decided
    terms = Terms(
        usage=config.usage, samples=samples_of(config.usage, plan),
        discounts={**config.discounts}, day=scene.now.date(), region=config.region,
    )  # fmt: skip
    bill = bill_of(declaration_of(resources, sizes), terms)
    now = bill.hourly
    gaps = sum(gap.kind in (NOT_PRICED, UNKNOWN) for gap in bill.gaps)
    told = f"${now.desired:,.2f} an hour, ${bill.monthly.desired:,.0f} a month"
    if now.most > now.desired:
        told += f"; up to ${now.most:,.2f} an hour scaled out"
    if gaps:
        told += f"; {gaps} not priced"
    if not sizes:
        told += "; nodes as declared"
    return [ready(MONEY, told)]


def _sizes(scene: Scene) -> Mapping[str, int]:
    """Nodes of each group now; none where AWS doesn't say."""
    try:
        groups = scene.node_groups()
    except FAILURES:
        return {}
    return {
        one.id.partition(":")[2]: one.about["scalingConfig"]["desiredSize"]
        for one in groups
        if "desiredSize" in one.about.get("scalingConfig", {})
    }
