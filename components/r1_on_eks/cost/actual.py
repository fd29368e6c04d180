"""What a stack was billed, from Cost Explorer by our own tag."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from r1_on_eks.plan.names import STACK_TAG

# Cost Explorer is called in one Region, and is some hours behind.
_REGION = "us-east-1"
_DAYS = 30


class NotTold(RuntimeError):
    """Cost Explorer doesn't tell; one line says what to do."""


@dataclass(frozen=True, kw_only=True)
class Actual:
    """What was billed.

    Attributes:
        first: First day.
        last: Last day.
        by_service: Dollars by AWS service, the dearest first.
        estimated: Whether AWS may still correct it.
    """

    first: date
    last: date
    by_service: dict[str, float]
    estimated: bool

    @property
    def usd(self) -> float:
        """Dollars of all days."""
        return sum(self.by_service.values())

    @property
    def per_month(self) -> float:
        """The same pace over 730 hours."""
        return self.usd / ((self.last - self.first).days + 1) * 730 / 24


def read_actual(stack: str, today: date, client: Callable[..., Any]) -> Actual:
    """The last 30 whole days of a stack.

    Args:
        stack: Value of the tag that all its resources carry.
        today: The first day that is left out.
        client: Makes the client of an AWS service, as boto3.client does.

    Raises:
        NotTold: the tag isn't activated for cost allocation, or access is refused.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    explorer = client("ce", region_name=_REGION)
    try:
        _refuse_inactive(explorer)
        return _asked(explorer, stack, today - timedelta(days=_DAYS), today)
    except (BotoCoreError, ClientError) as error:
        raise NotTold(f"Cost Explorer refuses: {error}") from None


def _refuse_inactive(explorer: Any) -> None:
    told = explorer.list_cost_allocation_tags(TagKeys=[STACK_TAG])["CostAllocationTags"]
    if not any(tag["TagKey"] == STACK_TAG and tag["Status"] == "Active" for tag in told):
        raise NotTold(
            f"the tag {STACK_TAG} is not activated for cost allocation: activate it with `aws ce"
            " update-cost-allocation-tags-status --cost-allocation-tags-status"
            f" TagKey={STACK_TAG},Status=Active`; costs from then on are told a day later"
        )


def _asked(explorer: Any, stack: str, first: date, end: date) -> Actual:
    by_service: dict[str, float] = {}
    estimated, more = False, {}
    while True:
        answer = explorer.get_cost_and_usage(
            TimePeriod={"Start": first.isoformat(), "End": end.isoformat()},
            Granularity="DAILY",
            Metrics=["UnblendedCost"],
            Filter={"Tags": {"Key": STACK_TAG, "Values": [stack]}},
            GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
            **more,
        )
        for day in answer["ResultsByTime"]:
            estimated = estimated or day.get("Estimated", False)
            for group in day.get("Groups", ()):
                service = group["Keys"][0]
                usd = float(group["Metrics"]["UnblendedCost"]["Amount"])
                by_service[service] = by_service.get(service, 0.0) + usd
        if not answer.get("NextPageToken"):
            break
        more = {"NextPageToken": answer["NextPageToken"]}
    return Actual(
        first=first,
        last=end - timedelta(days=1),
        by_service=dict(sorted(by_service.items(), key=lambda item: -item[1])),
        estimated=estimated,
    )
