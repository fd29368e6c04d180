"""What one resource is billed for: amounts by price, before any price is looked up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from r1_on_eks.cost.declared import Declaration, Declared
from r1_on_eks.stack_config import Usage

# Why a resource has no line of its own, beside its reason.
FREE, NOT_PRICED, UNKNOWN = "free", "not priced", "unknown"


@dataclass(frozen=True)
class Amount:
    """How many units: at least, as it is declared, and at most."""

    least: float
    desired: float
    most: float

    def __mul__(self, factor: float) -> "Amount":
        return Amount(self.least * factor, self.desired * factor, self.most * factor)

    def __iter__(self) -> Iterator[float]:
        return iter((self.least, self.desired, self.most))


def always(number: float) -> Amount:
    """The same, whatever scales."""
    return Amount(number, number, number)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """One line of a bill, without its price.

    Attributes:
        service: As the price book calls it.
        what: The price that it is billed by.
        amount: Of the price's unit: things that run, GB kept or moved in a month.
        told: What a reader calls it; as `what` where nothing is said.
        assumed: Whether the amount is a month's use that somebody has to assume.
        note: What changes it later.
    """

    service: str
    what: str
    amount: Amount
    told: str = ""
    assumed: bool = False
    note: str = ""


@dataclass(frozen=True)
class NoCharge:
    """Why a resource, or a part of it, has no line: `free`, `not priced` or `unknown`."""

    kind: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What bills depend on beside the resource.

    Attributes:
        declared: All resources of the stack.
        usage: A month's use.
        samples: Samples of metrics a month.
        day: The day whose prices hold.
    """

    declared: Declaration
    usage: Usage
    samples: Amount
    day: date


Rule = Callable[[Declared, Circumstances], list[Charge | NoCharge]]
