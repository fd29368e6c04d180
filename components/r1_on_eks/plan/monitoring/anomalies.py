"""Which costs AWS watches for what is unusual, and from how much on it tells."""

from typing import Any

from r1_on_eks.plan.names import STACK_TAG


def watched_costs(stack: str) -> dict[str, Any]:
    """`MonitorSpecification`: what carries the stack's tag, which has to be activated for costs.

    Every member is written, as the provider reads them back: one that is left out replaces the
    monitor at each refresh (hashicorp/terraform-provider-aws#39885).
    """
    tag = {"Key": STACK_TAG, "MatchOptions": None, "Values": [stack]}
    others = ("And", "CostCategories", "Dimensions", "Not", "Or")
    return {**dict.fromkeys(others), "Tags": tag}


def told_from(usd: float) -> dict[str, Any]:
    """`threshold_expression`: anomalies whose whole impact is at least so many dollars."""
    return {
        "dimension": {
            "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
            "match_options": ["GREATER_THAN_OR_EQUAL"],
            "values": [f"{usd:g}"],
        }
    }
