"""What instances cost, from the price book: on demand by Region, and bought in other ways.

A figure that isn't there isn't known: "not priced", never $0.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from r1_on_eks.catalog.instances import INSTANCE_TYPES, InstanceType
from r1_on_eks.catalog.price_book import HOME_REGION, STANDINGS, Price, price_book

__all__ = ["HOME_REGION", "PRICED_REGIONS", "PURCHASES", "WAYS", "Purchase"]

# As the price book calls them; the last three are paid for in advance.
WAYS = ("spot", "capacity block", "1 year", "3 years")
PRICED_REGIONS = tuple(sorted({
    price.region
    for price in price_book().prices
    for name, _, way in [price.what.partition(" ")]
    if price.service == "EC2" and way == "on-demand"
    and name in INSTANCE_TYPES and INSTANCE_TYPES[name].gpus
}))  # fmt: skip


def on_demand(instance: InstanceType, region: str) -> float | None:
    """Dollars per hour, Linux, on demand; None where no price was seen."""
    price = price_book().price("EC2", f"{instance.name} on-demand", region)
    return price and price.usd


def sold_in(region: str) -> list[InstanceType]:
    """The instance types with the prices of a Region; those without one have None."""
    return [
        replace(instance, on_demand_usd_per_hour=on_demand(instance, region))
        for instance in INSTANCE_TYPES.values()
    ]


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """Another way to buy an instance; dollars per instance hour.

    Attributes:
        instance: Name of the type.
        way: `spot`, `capacity block`, `1 year` or `3 years`.
        low: The least that was seen.
        high: The most; the same where one figure is known.
        standing: The weakest of its prices': `read`, `reported` or `remembered`.
        seen: When the last of them was seen, `2026-09`.
    """

    instance: str
    way: str
    low: float
    high: float
    standing: str
    seen: str


def purchases(instance: str, regions: Iterable[str]) -> tuple[Purchase, ...]:
    """The other ways to buy a type for which a price was seen in one of the Regions."""
    where = tuple(regions)
    found = []
    for way in WAYS:
        seen = [
            price
            for region in where
            for price in price_book().seen("EC2", f"{instance} {way}", region)
        ]
        if seen:
            found.append(_purchase(instance, way, seen))
    return tuple(found)


def _purchase(instance: str, way: str, seen: list[Price]) -> Purchase:
    last = max(seen, key=lambda price: price.seen)
    return Purchase(
        instance=instance,
        way=way,
        low=min(price.usd for price in seen),
        high=max(price.usd for price in seen),
        standing=max((price.standing for price in seen), key=STANDINGS.index),
        seen=last.date[:7],
    )


# Of the Regions in which the stacks of this repository are at home.
PURCHASES: dict[str, tuple[Purchase, ...]] = {
    name: found
    for name in INSTANCE_TYPES
    if (found := purchases(name, ("us-east-1", "us-east-2", "us-west-2")))
}
