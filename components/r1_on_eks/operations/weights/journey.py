"""How long the weights are under way, and what that costs, before it is begun."""

from dataclasses import dataclass

from r1_on_eks.catalog.price_book import Price, price_book
from r1_on_eks.plan import Model, Plan
from r1_on_eks.plan.loading import stream_seconds

_GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Journey:
    """One checkpoint's way.

    Attributes:
        gib: How much.
        hub_minutes: From the hub to the bucket, at the speed that was assumed.
        fetch_minutes_at_most: From the bucket onto the file system, hashed where that is asked
            for, or the Job has failed: how fast FSx fetches, nobody promises. None where
            there is no file system.
        read_minutes: From file system or bucket to the GPUs; from the file system all variants of
            the stack at once, after it has fetched them.
        usd_stored: A month in S3; None where no price is known.
        usd_through_nat: Each time that a node fetches it through NAT. Through the network's S3
            gateway endpoint, which every network that a stack makes has, it is $0.
        remembered: Whether one of the prices is remembered and not read.
    """

    gib: float
    hub_minutes: float
    fetch_minutes_at_most: float | None
    read_minutes: float
    usd_stored: float | None
    usd_through_nat: float | None
    remembered: bool


def journey_of(plan: Plan, model: Model, gbps: float) -> Journey:
    """Of a placed variant.

    Args:
        plan: Of its stack.
        model: The variant.
        gbps: From the hub, in Gbit/s: nobody publishes what the hub gives.
    """
    placement = model.placement
    size = placement.checkpoint.weight_bytes
    stored = price_book().price("S3", "standard storage", plan.region)
    nat = price_book().price("VPC", "NAT gateway traffic", plan.region)
    streamed = stream_seconds(placement) / 60
    return Journey(
        gib=size / _GIB,
        hub_minutes=size * 8 / (gbps * 1e9) / 60,
        fetch_minutes_at_most=model.preload and model.preload.limit_seconds / 60,
        read_minutes=plan.storage.read_minutes if plan.storage else streamed,
        usd_stored=stored and stored.usd * size / _GIB,
        usd_through_nat=nat and nat.usd * size / _GIB,
        remembered=any(_remembered(price) for price in (stored, nat)),
    )


def _remembered(price: Price | None) -> bool:
    return price is not None and price.standing == "remembered"
