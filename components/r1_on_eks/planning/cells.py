"""Cells of tables about plans."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from r1_on_eks.catalog.prices import PURCHASES
from r1_on_eks.plan.estimate import Range


def plain_table(*headings: str) -> Table:
    """As narrow as can be: it should be read on 80 columns."""
    return Table(*headings, box=None, pad_edge=False, padding=(0, 1, 0, 0))


def dollars(amount: float | None) -> str:
    """`21.96`, or that it has no price."""
    return "not priced" if amount is None else f"{amount:.2f}"


def seconds(found: Range, between: str = " ") -> str:
    """The likely time and its interval: `134 ms (75–235)`."""
    unit, factor, digits = ("ms", 1e3, 0) if found.high < 1 else ("s", 1, 1)
    low, likely, high = (
        f"{value * factor:.{digits}f}" for value in (found.low, found.likely, found.high)
    )
    return f"{likely} {unit}{between}({low}–{high})"


def print_purchases(console: Console, nodes: Mapping[str, int]) -> None:
    """The same instances bought otherwise; dollars of all of them an hour."""
    for name, count in nodes.items():
        ways = []
        for way in PURCHASES.get(name, ()):
            low, high = (f"{usd * count:.2f}" for usd in (way.low, way.high))
            price = low if low == high else f"{low}–{high}"
            ways.append(f"{way.way} {price} ({way.standing} {way.seen})")
        if ways:
            console.print(f"{count} × {name} bought otherwise, $ an hour: {'; '.join(ways)}")
