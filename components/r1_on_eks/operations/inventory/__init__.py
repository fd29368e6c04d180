"""What AWS itself says that a stack has: everything that carries its tag."""

from r1_on_eks.operations.inventory import amp, ec2, eks, others
from r1_on_eks.operations.inventory.thing import Kind, Thing

__all__ = ["KINDS", "Kind", "Thing"]

KINDS: dict[str, Kind] = {
    kind.token: kind for room in (amp, eks, others, ec2) for kind in room.KINDS
}
"""By Pulumi's type, in the order in which they can be deleted."""
