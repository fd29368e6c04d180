"""Whether money can be told: tags that Cost Explorer knows, a budget that holds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from r1_on_eks.catalog.price_book import HOURS_PER_MONTH
from r1_on_eks.catalog.prices import sold_in
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.plan import Plan
from r1_on_eks.plan.names import STACK_TAG, VARIANT_TAG
from r1_on_eks.stack_config.spending import Budget

TAGS = "cost-allocation tags"
BUDGET = "budget"
PERMISSIONS = ("ce:ListCostAllocationTags",)
_WANTED = (STACK_TAG, VARIANT_TAG)


def tag_finding(tags: Sequence[Mapping[str, Any]]) -> Finding:
    """Whether Cost Explorer tells costs by our tags.

    Args:
        tags: As ListCostAllocationTags shows them.
    """
    status = {one["TagKey"]: one["Status"] for one in tags}
    inactive = [key for key in _WANTED if status.get(key) == "Inactive"]
    unseen = [key for key in _WANTED if key not in status]
    if inactive:
        words = " ".join(f"TagKey={key},Status=Active" for key in inactive)
        return lacking(
            TAGS,
            f"{', '.join(inactive)} not activated: r1 cost --actual would find nothing",
            f"aws ce update-cost-allocation-tags-status --cost-allocation-tags-status {words}"
            "  # in the paying account; console: Billing → Cost allocation tags",
        )
    if unseen:
        return unknown(
            TAGS,
            f"{', '.join(unseen)} not seen yet: AWS lists a tag up to a day after its first use",
            "activate it then: console: Billing → Cost allocation tags",
        )
    return ready(TAGS, f"{' and '.join(_WANTED)} are active")


def tags(ground: Ground) -> Iterable[Finding]:
    """Asks Cost Explorer."""
    answer = ground.account.client("ce").list_cost_allocation_tags(TagKeys=[*_WANTED])
    return [tag_finding(answer["CostAllocationTags"])]


def budget_finding(stack: str, budget: Budget, usd_per_month: float | None) -> Finding:
    """Whether the instances and the file system alone stay within the budget of the file.

    Args:
        stack: Its name.
        budget: Of its file.
        usd_per_month: Of nodes on demand and file system; None where a price is not known.
    """
    least = (
        "some of its nodes have no price"
        if usd_per_month is None
        else f"nodes and file system cost ${usd_per_month:,.0f} a month on demand"
    )
    if budget.usd_per_month is None:
        return unknown(
            BUDGET, f"the stack's file has none; {least}", "budget: {usd_per_month: …} in the file"
        )
    told = f"${budget.usd_per_month:,.0f} a month; {least}"
    if usd_per_month is None:
        return unknown(BUDGET, told, f"r1 cost {stack}")
    if usd_per_month > budget.usd_per_month:
        return lacking(BUDGET, told, f"r1 cost {stack} for the whole; budget in the stack's file")
    return ready(BUDGET, f"{told} (all: r1 cost {stack})")


def least_usd_per_month(plan: Plan) -> float | None:
    """Dollars a month of all nodes on demand and the file system; None where one has no price."""
    rows = {row.name: row for row in sold_in(plan.region)}
    prices = [
        (rows[pool.instance_type].on_demand_usd_per_hour, pool.nodes)
        for pool in (plan.system_pool, *plan.gpu_pools)
    ]
    if any(price is None and nodes for price, nodes in prices):
        return None
    hourly = sum((price or 0.0) * nodes for price, nodes in prices)
    return hourly * HOURS_PER_MONTH + (plan.storage.usd_per_month if plan.storage else 0.0)


def budget(ground: Ground) -> Iterable[Finding]:
    """Asks nobody."""
    usd = least_usd_per_month(ground.plan)
    return [budget_finding(ground.stack, ground.config.budget, usd)]
