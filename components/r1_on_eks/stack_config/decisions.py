"""Everything decided once for a stack: `pulumi up` reads it and decides nothing anew."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from r1_on_eks.stack_config import FileSystem, Pin
from r1_on_eks.stack_config.pinned import NOTHING_PINNED, Pinned


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What stands beside a stack's file, because it must not change by itself.

    Attributes:
        placements: Where each variant stands, and the workload that this was decided for.
        file_system: The file system of the weights, or None where none is decided.
        pinned: Zones, versions and digests, as they were looked up.
    """

    placements: Mapping[str, Pin] = field(default_factory=dict)
    file_system: FileSystem | None = None
    pinned: Pinned = NOTHING_PINNED


NOTHING_DECIDED = Decisions()
