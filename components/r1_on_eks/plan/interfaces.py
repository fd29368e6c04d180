"""Network interfaces of nodes that share a replica: Elastic Fabric Adapter where they have it.

Source: EC2 user guide, efa-acc-inst-types; EKS user guide, device-management-efa (2026-11): one
interface for IP, the others `efa-only`, which take no addresses of the subnet.
"""

from dataclasses import dataclass

from r1_on_eks.catalog.instances import InstanceType

EFA = "efa-only"
IP = "interface"


@dataclass(frozen=True, kw_only=True)
class Interface:
    """One network interface of an instance.

    Attributes:
        card: Index of the network card.
        device: Index on that card.
        kind: `interface` for IP, `efa-only` for the fabric alone.
    """

    card: int
    device: int
    kind: str


def interfaces_of(instance: InstanceType) -> tuple[Interface, ...]:
    """All that the type has room for; none where it has no EFA, and EC2's own default is right.

    The first card carries IP. It carries EFA beside it, but for types whose fabric has fewer
    adapters than they have cards (p6-b300).
    """
    if instance.efa_interfaces == 0:
        return ()
    first = (Interface(card=0, device=0, kind=IP),)
    if instance.efa_interfaces == instance.network_cards:
        first += (Interface(card=0, device=1, kind=EFA),)
    others = range(1, instance.network_cards)
    return (*first, *(Interface(card=card, device=0, kind=EFA) for card in others))
