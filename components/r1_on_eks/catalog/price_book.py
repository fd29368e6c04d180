"""The price book, price_book.csv: one row for each price that was seen, with where and when.

`r1 prices refresh` writes it from AWS's own lists. What has no row is not priced, never $0.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date as day
from functools import cache
from pathlib import Path

BOOK = Path(__file__).parent / "price_book.csv"
HOME_REGION = "us-east-1"
HOURS_PER_MONTH = 730

READ, REPORTED, REMEMBERED = "read", "reported", "remembered"
# From the surest to the least sure.
STANDINGS = (READ, REPORTED, REMEMBERED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """One price that was seen.

    Attributes:
        service: `EC2`, `FSx`, …
        what: What of it: `p4d.24xlarge on-demand`, `NAT gateway`.
        region: AWS Region.
        unit: What one costs: `hour`, `GB-month`, `GB`, …
        usd: Dollars for one.
        standing: `read` in AWS's data, `reported` by a page, or `remembered`.
        date: When it held, as exactly as is known: 2026, 2026-07 or 2026-07-22.
        source: Where it was seen.
    """

    service: str
    what: str
    region: str
    unit: str
    usd: float
    standing: str
    date: str
    source: str

    @property
    def seen(self) -> day:
        """The earliest day that `date` may mean."""
        return day.fromisoformat(self.date + "-01-01"[len(self.date) - 4 :])

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is a price of."""
        return self.service, self.what, self.region


class PriceBook:
    """Prices by what they are of; of several, the one that was seen last holds."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self.prices = tuple(prices)
        self._by_key: dict[tuple[str, str, str], list[Price]] = {}
        for price in self.prices:
            self._by_key.setdefault(price.key, []).append(price)
        for seen in self._by_key.values():
            # Of one day, the dearer is last: nobody is told too little.
            seen.sort(key=lambda price: (price.seen, price.usd))

    def price(self, service: str, what: str, region: str) -> Price | None:
        """The price that holds; None where none was seen."""
        seen = self._by_key.get((service, what, region))
        return seen[-1] if seen else None

    def seen(self, service: str, what: str, region: str) -> tuple[Price, ...]:
        """Every price that was seen, the earliest first."""
        return tuple(self._by_key.get((service, what, region), ()))


def price_from(cells: Mapping[str, str]) -> Price:
    """A price from the cells of its row.

    Raises:
        ValueError: it is no price: not positive, of no known standing, or without a date.
    """
    price = Price(**{**cells, "usd": float(cells["usd"])})  # pyright: ignore[reportArgumentType]
    if price.usd <= 0 or price.standing not in STANDINGS or not price.source:
        raise ValueError(f"{price}: neither free nor unmarked prices are written down")
    _ = price.seen
    return price


def read_book(path: Path = BOOK) -> PriceBook:
    """The prices of a file."""
    with path.open(newline="") as file:
        return PriceBook(price_from(cells) for cells in csv.DictReader(file))


@cache
def price_book() -> PriceBook:
    """The committed price book."""
    return read_book()
