"""In which Availability Zones a stack stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from r1_on_eks.catalog.zones import WITHOUT_CONTROL_PLANE
from r1_on_eks.plan.layout import NotPinned
from r1_on_eks.plan.placement import DoesNotFit
from r1_on_eks.stack_config import StackConfig
from r1_on_eks.stack_config.pinned import Pinned, PinnedRegion, PinnedZones

# Of the control plane's interfaces (EKS user guide, network-reqs).
_AT_LEAST = 2
_USUAL = 3


@dataclass(frozen=True, kw_only=True)
class Zones:
    """The zones of one stack.

    Attributes:
        network: Those with subnets.
        control_plane: Those of them in which the cluster has interfaces.
        gpu: That of GPU nodes and file system.
    """

    network: tuple[str, ...]
    control_plane: tuple[str, ...]
    gpu: str

    @classmethod
    def of(cls, config: StackConfig, pinned: Pinned) -> Self:
        """Zones from the stack file, else as they were chosen once.

        Raises:
            NotPinned: neither says them.
            DoesNotFit: the control plane can be in fewer than two of them.
        """
        chosen = pinned.stacks.get(config.name)
        network = config.zones or (chosen and chosen.zones)
        if config.network != "own":
            network = tuple(config.network.private_subnets)
        gpu = config.gpu_zone or (chosen and chosen.gpu_zone)
        if not network or gpu is None:
            raise NotPinned(
                f"{'gpu_zone' if network else 'zones'}: nobody has chosen it;"
                f" r1 pins refresh {config.name} does, or write it in the stack file"
            )
        if gpu not in network:
            raise DoesNotFit(f"gpu_zone: {gpu} is none of {', '.join(network)}")
        seen = region_of(config, pinned)
        control_plane = tuple(zone for zone in network if _takes_control_plane(zone, seen))
        if len(control_plane) < _AT_LEAST:
            without = [zone for zone in network if zone not in control_plane]
            raise DoesNotFit(
                f"zones: EKS has no control plane in {', '.join(without)}"
                f" ({', '.join(sorted(WITHOUT_CONTROL_PLANE))} by id); name another zone beside"
            )
        return cls(network=network, control_plane=control_plane, gpu=gpu)


def region_of(config: StackConfig, pinned: Pinned) -> PinnedRegion | None:
    """What is pinned of a stack's Region, if its own account saw it."""
    seen = pinned.regions.get(config.region)
    return seen if seen and seen.account == config.owner else None


def not_sold(types: Sequence[str], zone: str, seen: PinnedRegion | None) -> list[str]:
    """One line for each instance type that a zone is known not to offer."""
    return [
        f"gpu_zone: {zone} offers no {kind}; {', '.join(sold) or 'no zone of the Region'} does"
        for kind in types
        if seen and kind in seen.sold and zone not in (sold := seen.sold[kind])
    ]


def choose(types: Sequence[str], seen: PinnedRegion) -> PinnedZones | None:
    """Zones for a new stack: GPUs where all its types are sold, the network also in others.

    Returns None where no zone sells all types, or the control plane fits in fewer than two.
    """
    selling = [
        zone for zone in sorted(seen.zones) if all(zone in seen.sold.get(t, ()) for t in types)
    ]
    # A zone with everything first; then one in which only nodes may be.
    selling.sort(key=lambda zone: not _takes_control_plane(zone, seen))
    if not selling:
        return None
    gpu = selling[0]
    others = [zone for zone in sorted(seen.zones) if _takes_control_plane(zone, seen)]
    others = [zone for zone in others if zone != gpu]
    able = len(others) + _takes_control_plane(gpu, seen)
    if able < _AT_LEAST:
        return None
    return PinnedZones(zones=tuple(sorted([gpu, *others[: _USUAL - 1]])), gpu_zone=gpu)


def _takes_control_plane(zone: str, seen: PinnedRegion | None) -> bool:
    ids: Mapping[str, str] = seen.zones if seen else {}
    return ids.get(zone) not in WITHOUT_CONTROL_PLANE
