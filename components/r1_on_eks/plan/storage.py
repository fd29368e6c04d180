"""The file system of a stack: large enough for its weights, fast enough for its starts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from r1_on_eks.catalog.file_systems import TIERS, Tier
from r1_on_eks.plan.layout import NotPinned
from r1_on_eks.plan.loading import network_seconds
from r1_on_eks.plan.placement import DoesNotFit, Placement
from r1_on_eks.stack_config import FileSystem, WantedFileSystem, Weights

GIB = 2**30
# Room for tokenizers, a checkpoint's unused layers (671b's MTP: 2 %) and Lustre's own records.
_ROOM = 1.1
# FSx API reference, CreateFileSystem StorageCapacity: 1200, 2400, then steps of 2400.
_LEAST, _STEP = 1200, 2400
# Steps that are looked at; more is not for weights.
_MOST_STEPS = 40
_DEPLOYMENT = "PERSISTENT_2"


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The file system, and what it was decided by.

    Attributes:
        file_system: Deployment type, capacity and throughput.
        weights_gib: What its checkpoints take, each once.
        read_minutes: For all variants to read theirs at once, at the disks' steady speed.
        load_minutes: What that may take.
        decided_by: The constraint that a smaller or slower one would break.
        usd_per_month: In us-east-1.
        price_standing: How the price is known: `read` or `remembered`.
        instead_of: What stands and would be replaced by it, or None.
    """

    file_system: FileSystem
    weights_gib: float
    read_minutes: float
    load_minutes: float
    decided_by: str
    usd_per_month: float
    price_standing: str
    instead_of: FileSystem | None


def storage_of(
    weights: Weights, placements: Sequence[Placement], pinned: FileSystem | None
) -> Storage | None:
    """The file system that the stack file says or that was pinned; None where there is none.

    Raises:
        NotPinned: nobody has decided its size.
        DoesNotFit: it is too small or too slow for the weights, or smaller than what stands.
    """
    if weights.streamed:
        return None
    file_system = _settled(weights.fsx or WantedFileSystem(), pinned)
    if file_system is None:
        raise NotPinned("weights: no size of the file system is decided yet")
    _check(weights, file_system, placements, pinned)
    tier = _tier_of(file_system)
    return Storage(
        file_system=file_system,
        weights_gib=_weights_gib(placements),
        read_minutes=_read_minutes(placements, file_system),
        load_minutes=weights.load_minutes,
        decided_by=_decided_by(weights, placements, file_system),
        usd_per_month=tier.usd_per_gb_month * file_system.capacity_gib,
        price_standing=tier.standing,
        instead_of=pinned if pinned and _replaces(file_system, pinned) else None,
    )


def sized(
    weights: Weights, placements: Sequence[Placement], pinned: FileSystem | None
) -> FileSystem | None:
    """The cheapest file system that holds the weights and reads them in time.

    What is pinned only grows: its type and speed stay, for others would replace it.

    Raises:
        DoesNotFit: none that is sold does, or the stack file fixes one that doesn't.
    """
    if weights.streamed:
        return None
    wanted = weights.fsx or WantedFileSystem()
    ways = [*_ways(wanted, pinned)]
    good = [
        (tier.usd_per_gb_month * capacity, capacity, file_system)
        for tier in ways
        for capacity in _capacities(wanted, pinned)
        if _good(file_system := _file_system(tier, capacity), weights, placements)
    ]
    if good:
        found = min(good, key=lambda way: way[:2])[2]
    else:
        found = _file_system(ways[-1], [*_capacities(wanted, pinned)][-1])
    _check(weights, found, placements, pinned)
    return found


def replacement_told(storage: Storage) -> str:
    """That another type or speed replaces the file system, or nothing."""
    if storage.instead_of is None:
        return ""
    return (
        f"weights.fsx: {_type_told(storage.file_system)} in place of"
        f" {_type_told(storage.instead_of)} replaces the file system; weights are fetched anew"
        " while every server waits"
    )


def _type_told(file_system: FileSystem) -> str:
    return f"{file_system.deployment} of {_tier_of(file_system).read_mbps_per_tib} MB/s per TiB"


def _replaces(file_system: FileSystem, pinned: FileSystem) -> bool:
    # Both create-only: internal/service/fsx/lustre_file_system.go of terraform-provider-aws.
    return (file_system.deployment, file_system.mbps_per_tib) != (
        pinned.deployment,
        pinned.mbps_per_tib,
    )


def _settled(wanted: WantedFileSystem, pinned: FileSystem | None) -> FileSystem | None:
    deployment = _deployment(wanted, pinned)
    capacity = wanted.capacity_gib or (pinned.capacity_gib if pinned else None)
    speed = wanted.mbps_per_tib or (pinned.mbps_per_tib if pinned else None)
    if deployment == "SCRATCH_2":
        speed = None
    elif speed is None:
        return None
    if capacity is None:
        return None
    return FileSystem.model_validate(
        {"deployment": deployment, "capacity_gib": capacity, "mbps_per_tib": speed}
    )


def _deployment(wanted: WantedFileSystem, pinned: FileSystem | None) -> str:
    if wanted.deployment:
        return wanted.deployment
    # Only it has speeds to choose from.
    return _DEPLOYMENT if wanted.mbps_per_tib or not pinned else pinned.deployment


def _ways(wanted: WantedFileSystem, pinned: FileSystem | None) -> Iterator[Tier]:
    deployment = _deployment(wanted, pinned)
    speed = wanted.mbps_per_tib or (
        pinned.mbps_per_tib if pinned and pinned.deployment == deployment else None
    )
    for tier in TIERS:
        if tier.deployment == deployment and speed in (None, tier.mbps_per_tib):
            yield tier


def _capacities(wanted: WantedFileSystem, pinned: FileSystem | None) -> Iterator[int]:
    if wanted.capacity_gib is not None:
        yield wanted.capacity_gib
        return
    stands = pinned.capacity_gib if pinned else 0
    yield from (size for size in _sold() if size >= stands)


def _sold() -> Iterator[int]:
    yield _LEAST
    yield from (_STEP * step for step in range(1, _MOST_STEPS + 1))


def _file_system(tier: Tier, capacity: int) -> FileSystem:
    return FileSystem.model_validate(
        {
            "deployment": tier.deployment,
            "capacity_gib": capacity,
            "mbps_per_tib": tier.mbps_per_tib,
        }
    )


def _tier_of(file_system: FileSystem) -> Tier:
    return next(
        tier
        for tier in TIERS
        if (tier.deployment, tier.mbps_per_tib)
        == (file_system.deployment, file_system.mbps_per_tib)
    )


def _weights_gib(placements: Sequence[Placement]) -> float:
    sizes = {one.checkpoint.folder: one.checkpoint.weight_bytes for one in placements}
    return sum(sizes.values()) / GIB


def _disk_minutes(placements: Sequence[Placement], file_system: FileSystem) -> float:
    """Every node reads what it serves; a second replica on it finds the first one's pages."""
    read = sum(one.checkpoint.weight_bytes * one.nodes / one.stages for one in placements)
    return read / 1e6 / read_mbps(file_system) / 60


def read_mbps(file_system: FileSystem) -> float:
    """What its disks read steadily, in MB/s."""
    return file_system.capacity_gib / 1024 * _tier_of(file_system).read_mbps_per_tib


def _network_minutes(placements: Sequence[Placement]) -> float:
    return max(network_seconds(one) for one in placements) / 60


def _read_minutes(placements: Sequence[Placement], file_system: FileSystem) -> float:
    return max(_disk_minutes(placements, file_system), _network_minutes(placements))


def _good(file_system: FileSystem, weights: Weights, placements: Sequence[Placement]) -> bool:
    holds = _weights_gib(placements) * _ROOM <= file_system.capacity_gib
    return holds and _read_minutes(placements, file_system) <= weights.load_minutes


def _check(
    weights: Weights,
    file_system: FileSystem,
    placements: Sequence[Placement],
    pinned: FileSystem | None,
) -> None:
    capacity, needed = file_system.capacity_gib, _weights_gib(placements) * _ROOM
    key = "weights.fsx.capacity_gib"
    if pinned and capacity < pinned.capacity_gib:
        raise DoesNotFit(
            f"{key}: {capacity}, but {pinned.capacity_gib} stand, and a file system only grows;"
            " a smaller one replaces it: take file_system out of the stack's placements to do so"
        )
    if needed > capacity:
        enough = next(size for size in _sold() if size >= needed)
        raise DoesNotFit(
            f"{key}: {capacity} GiB do not hold {needed / _ROOM:.0f} GiB of weights and a tenth"
            f" of room; {enough} do"
        )
    minutes, wanted = _read_minutes(placements, file_system), weights.load_minutes
    if minutes > wanted:
        raise DoesNotFit(_too_slow(file_system, placements, minutes, wanted))


def _too_slow(
    file_system: FileSystem, placements: Sequence[Placement], minutes: float, wanted: float
) -> str:
    asked = f"weights.load_minutes: {wanted:g}, but reading {_weights_gib(placements):.0f} GiB"
    longer = f"load_minutes: {minutes + 0.5:.0f}"
    if _network_minutes(placements) >= minutes:
        slowest = max(placements, key=network_seconds)
        return (
            f"{asked} takes {minutes:.1f} min over the network of {slowest.instance.name}"
            f" ({slowest.variant.name}); write {longer}, or take a larger instance"
        )
    grown = file_system.capacity_gib * minutes / wanted
    enough = next((size for size in _sold() if size >= grown), None)
    larger = f"fsx: {{capacity_gib: {enough}}}" if enough else "a higher fsx.mbps_per_tib"
    size = told_size(file_system)
    return f"{asked} from {size} takes {minutes:.1f} min; write {longer}, or {larger}"


def told_size(file_system: FileSystem) -> str:
    """`1200 GiB × 250 MB/s per TiB`."""
    return (
        f"{file_system.capacity_gib} GiB × {_tier_of(file_system).read_mbps_per_tib} MB/s per TiB"
    )


def _decided_by(weights: Weights, placements: Sequence[Placement], file_system: FileSystem) -> str:
    if weights.fsx and weights.fsx.capacity_gib:
        return "the stack file"
    try:
        least = sized(weights, placements, None)
    except DoesNotFit:
        least = None
    if least is None or file_system.capacity_gib > least.capacity_gib:
        return "what stands already: it only grows"
    unhurried = weights.model_copy(update={"load_minutes": float("inf")})
    slow = sized(unhurried, placements, None)
    if slow != file_system:
        return f"load_minutes: {weights.load_minutes:g}"
    return "the weights" if file_system.capacity_gib > _LEAST else "the least that FSx sells"
