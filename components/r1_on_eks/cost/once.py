"""What a rollout costs once, beside what it costs from then on."""

from dataclasses import dataclass

from r1_on_eks.catalog.price_book import PriceBook
from r1_on_eks.cost.declared import Declaration
from r1_on_eks.plan import Plan

_GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Once:
    """One transfer.

    Attributes:
        told: What is moved.
        gb: How much, all nodes together.
        usd: What it costs on its way; None where no price was seen.
        otherwise_usd: What it would cost through NAT, where it goes another way.
        way: Its way.
    """

    told: str
    gb: float
    usd: float | None
    otherwise_usd: float | None
    way: str


def once_of(plan: Plan, declared: Declaration, book: PriceBook) -> list[Once]:
    """The weights' first way from the bucket to each node of each variant."""
    price = book.price("VPC", "NAT gateway traffic", plan.region)
    inside = any(
        one.type == "aws:ec2/vpcEndpoint:VpcEndpoint"
        and (one.get("vpcEndpointType") or "Gateway") == "Gateway"
        and str(one.get("serviceName")).endswith(".s3")
        for one in declared
    )
    found = []
    for model in plan.models:
        placement = model.placement
        if placement.reserved:
            continue
        copies = 1 if plan.storage else placement.nodes
        gb = placement.checkpoint.weight_bytes / _GIB * copies
        through_nat = price and price.usd * gb
        found.append(Once(
            told=f"weights of {placement.variant.name} from S3",
            gb=gb,
            usd=0.0 if inside else through_nat,
            otherwise_usd=through_nat if inside else None,
            way="S3 gateway endpoint" if inside else "NAT gateway",
        ))  # fmt: skip
    return found
