"""How the instances of a pool are bought."""

from dataclasses import dataclass

from r1_on_eks.catalog.prices import PURCHASES
from r1_on_eks.stack_config import FromReservation

ON_DEMAND = "on-demand"
SPOT = "spot"
CAPACITY_BLOCK = "capacity block"
RESERVATION = "reservation"


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """A way to buy instances.

    Attributes:
        way: `on-demand`, `spot`, `capacity block` or `reservation` (on demand, kept for us).
        reservation_id: Of the last two: an EC2 Capacity Reservation that exists. It is never made
            here, for a capacity block can't be given back.
    """

    way: str = ON_DEMAND
    reservation_id: str | None = None

    @property
    def group_type(self) -> str:
        """`capacityType` of a managed node group."""
        return {SPOT: "SPOT", CAPACITY_BLOCK: "CAPACITY_BLOCK"}.get(self.way, "ON_DEMAND")


BOUGHT_ON_DEMAND = Purchase()


def purchase_of(wanted: str | FromReservation) -> Purchase:
    """What a stack file says under `purchase`."""
    if isinstance(wanted, str):
        return Purchase(way=wanted)
    if wanted.capacity_block:
        return Purchase(way=CAPACITY_BLOCK, reservation_id=wanted.capacity_block)
    return Purchase(way=RESERVATION, reservation_id=wanted.reservation)


def sold_as_block(instance: str) -> bool:
    """Whether a price of a capacity block of this type is known."""
    return any(way.way == CAPACITY_BLOCK for way in PURCHASES.get(instance, ()))
