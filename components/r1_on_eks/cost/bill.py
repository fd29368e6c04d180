"""The bill of one state of a stack: a line for each thing that costs, and why others don't."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from r1_on_eks.catalog.price_book import HOURS_PER_MONTH, Price, PriceBook, price_book
from r1_on_eks.cost.charges import (
    FREE,
    NOT_PRICED,
    UNKNOWN,
    Amount,
    Charge,
    Circumstances,
    NoCharge,
)
from r1_on_eks.cost.declared import Declaration, Declared
from r1_on_eks.cost.rules import rule_of
from r1_on_eks.cost.samples import ASSUMED_SAMPLES
from r1_on_eks.plan.names import POOL_TAG, VARIANT_TAG
from r1_on_eks.stack_config import Usage

# Older prices are shown with a warning.
STALE_AFTER = timedelta(days=180)
PRICED, BY_USE = "priced", "by use"
# In the order of a coverage line.
COVERAGE = (PRICED, FREE, BY_USE, NOT_PRICED, UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line.

    Attributes:
        urn: The resource.
        type: Its type.
        name: Its logical name.
        component: The component that it is part of; "" for none.
        variant: The variant or shared pool that it serves; "" where it serves all.
        told: What is paid for.
        amount: Of the price's unit.
        price: What one unit costs.
        discount: Percent off.
        assumed: Whether the amount is an assumed use.
        note: What changes it later.
    """

    urn: str
    type: str
    name: str
    component: str
    variant: str
    told: str
    amount: Amount
    price: Price
    discount: float
    assumed: bool
    note: str

    @property
    def monthly(self) -> Amount:
        """Dollars a month of 730 hours."""
        hours = HOURS_PER_MONTH if self.price.unit.endswith("hour") else 1
        return self.amount * (self.price.usd * hours * (1 - self.discount / 100))

    @property
    def hourly(self) -> Amount:
        """Dollars an hour."""
        return self.monthly * (1 / HOURS_PER_MONTH)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A resource, or a part of one, that the total leaves out."""

    urn: str
    type: str
    name: str
    kind: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What one state of a stack costs.

    Attributes:
        lines: What is paid for.
        gaps: What isn't priced, or isn't known; named, never $0.
        coverage: How many resources are priced, free, by use, not priced, unknown.
        day: The day whose prices and support dates hold.
    """

    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...]
    coverage: Mapping[str, int]
    day: date

    @property
    def monthly(self) -> Amount:
        """Dollars a month, assumed use included."""
        return total(self.lines)

    @property
    def hourly(self) -> Amount:
        """Dollars an hour."""
        return self.monthly * (1 / HOURS_PER_MONTH)

    @property
    def assumed(self) -> Amount:
        """The part of the month that is assumed use."""
        return total([line for line in self.lines if line.assumed])

    def by(self, key: Callable[[Line], str]) -> dict[str, Amount]:
        """Dollars a month by component, variant, service …, the dearest first."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(key(line), []).append(line)
        sums = {name: total(lines) for name, lines in found.items()}
        return dict(sorted(sums.items(), key=lambda item: -item[1].desired))

    @property
    def standings(self) -> dict[str, float]:
        """Dollars a month by how sure their prices are."""
        return {key: one.desired for key, one in self.by(lambda x: x.price.standing).items()}

    @property
    def discounted(self) -> float:
        """Dollars a month that the discounts take off."""
        return sum(
            line.monthly.desired * line.discount / (100 - line.discount) for line in self.lines
        )

    def stale(self) -> tuple[Price, ...]:
        """The prices in it that were seen too long ago, the oldest first."""
        old = {line.price for line in self.lines if self.day - line.price.seen > STALE_AFTER}
        return tuple(sorted(old, key=lambda price: (price.seen, price.key)))


def total(lines: "list[Line] | tuple[Line, ...]") -> Amount:
    """Dollars a month of several lines."""
    months = [line.monthly for line in lines]
    # In whatever order: half a cent must not fall on either side.
    return Amount(
        math.fsum(one.least for one in months),
        math.fsum(one.desired for one in months),
        math.fsum(one.most for one in months),
    )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On what terms a bill is made.

    Attributes:
        usage: A month's use.
        samples: Samples of metrics a month.
        discounts: Percent off by service.
        day: The day whose prices and support dates hold.
        book: Whose prices.
        region: Of resources whose provider doesn't say it.
    """

    usage: Usage = field(default_factory=Usage)
    samples: Amount = ASSUMED_SAMPLES
    discounts: Mapping[str, float] = field(default_factory=dict)
    day: date = field(default_factory=date.today)
    book: PriceBook = field(default_factory=price_book)
    region: str | None = None


def bill_of(declared: Declaration, terms: Terms) -> Bill:
    """The bill of all resources that are declared."""
    now = Circumstances(declared=declared, usage=terms.usage, samples=terms.samples, day=terms.day)
    lines: list[Line] = []
    gaps: list[Gap] = []
    coverage: Counter[str] = Counter()
    for resource in declared:
        if not resource.custom or resource.read_only:
            continue
        more, holes = _of_one(resource, now, terms)
        lines += more
        gaps += [hole for hole in holes if hole.kind != FREE]
        coverage[_kind(more, holes)] += 1
    return Bill(
        lines=tuple(lines),
        gaps=tuple(gaps),
        coverage={kind: coverage[kind] for kind in COVERAGE},
        day=terms.day,
    )


def _of_one(resource: Declared, now: Circumstances, terms: Terms) -> tuple[list[Line], list[Gap]]:
    rule = rule_of(resource.type)
    if rule is None:
        return [], [_gap(resource, NoCharge(UNKNOWN, "nobody has looked at this type yet"))]
    lines, gaps = [], []
    for charge in rule(resource, now):
        found = charge if isinstance(charge, NoCharge) else _line(resource, charge, now, terms)
        if isinstance(found, NoCharge):
            gaps.append(_gap(resource, found))
        else:
            lines.append(found)
    return lines, gaps


def _line(resource: Declared, charge: Charge, now: Circumstances, terms: Terms) -> Line | NoCharge:
    region = now.declared.region(resource) or terms.region
    if not isinstance(region, str):
        return NoCharge(UNKNOWN, f"{charge.told or charge.what}: Region {region or 'not said'}")
    price = terms.book.price(charge.service, charge.what, region)
    if price is None:
        return NoCharge(NOT_PRICED, f"{charge.told or charge.what} in {region}")
    return Line(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        component=now.declared.component(resource),
        variant=_serves(resource),
        told=charge.told or charge.what,
        amount=charge.amount,
        price=price,
        discount=terms.discounts.get(charge.service, 0.0),
        assumed=charge.assumed,
        note=charge.note,
    )


def _serves(resource: Declared) -> str:
    variant, pool = resource.get("tags", VARIANT_TAG), resource.get("tags", POOL_TAG)
    if isinstance(variant, str):
        return variant
    return f"pool {pool}" if isinstance(pool, str) else ""


def _gap(resource: Declared, reason: NoCharge) -> Gap:
    return Gap(
        urn=resource.urn,
        type=resource.type,
        name=resource.name,
        kind=reason.kind,
        why=reason.why,
    )


def _kind(lines: list[Line], gaps: list[Gap]) -> str:
    """The worst that is true of a resource."""
    kinds = {gap.kind for gap in gaps}
    if UNKNOWN in kinds or NOT_PRICED in kinds:
        return UNKNOWN if UNKNOWN in kinds else NOT_PRICED
    if any(not line.assumed for line in lines):
        return PRICED
    return BY_USE if lines else FREE
