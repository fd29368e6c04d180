"""The ways to buy the instances of a node group, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.catalog.price_book import STANDINGS, PriceBook
from r1_on_eks.catalog.prices import WAYS
from r1_on_eks.cost.bill import Line

_ALL = ("on-demand", *WAYS)


@dataclass(frozen=True, kw_only=True)
class Option:
    """One way to buy the instances of one node group.

    Attributes:
        group: Logical name of the node group.
        instance: Its type.
        way: `on-demand`, `spot`, `capacity block`, `1 year` or `3 years`.
        chosen: Whether it is bought so.
        nodes: Instances, as it is declared.
        low: Dollars an hour of all of them, the least that was seen.
        high: The most.
        standing: The weakest of its prices'.
        date: When the last of them was seen.
    """

    group: str
    instance: str
    way: str
    chosen: bool
    nodes: float
    low: float
    high: float
    standing: str
    date: str


def options_of(lines: Sequence[Line], book: PriceBook) -> list[Option]:
    """Every way for which a price was seen, of every node group that has GPUs or not."""
    found = []
    for line in lines:
        instance, _, chosen = line.price.what.partition(" ")
        if line.price.service != "EC2" or chosen not in _ALL:
            continue
        nodes = line.amount.desired or line.amount.most
        for way in _ALL:
            seen = book.seen("EC2", f"{instance} {way}", line.price.region)
            if seen:
                found.append(Option(
                    group=line.name,
                    instance=instance,
                    way=way,
                    chosen=way == chosen,
                    nodes=nodes,
                    low=min(price.usd for price in seen) * nodes,
                    high=max(price.usd for price in seen) * nodes,
                    standing=max((price.standing for price in seen), key=STANDINGS.index),
                    date=seen[-1].date,
                ))  # fmt: skip
    return found
