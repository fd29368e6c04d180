"""Which instances stand up, and how they are marked."""

from dataclasses import dataclass

from r1_on_eks.plan.names import (
    GPU_LABEL,
    POOL_LABEL,
    node_group_name,
    service_name,
    stack_tags,
    variant_tags,
)
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.user_data import user_data_of


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Equal instances.

    Attributes:
        node_group: Name of the managed node group.
        instance_type: EC2's name.
        nodes: Instances wanted.
        most: Instances that the group may grow to.
        labels: Node labels.
        tags: What group, instances, volumes and interfaces carry.
        user_data: Base64 text, or None for EKS's own alone.
    """

    node_group: str
    instance_type: str
    nodes: int
    most: int
    labels: dict[str, str]
    tags: dict[str, str]
    user_data: str | None


def gpu_pool(stack: str, placement: Placement) -> Pool:
    """The pool of one variant."""
    variant, name = placement.variant.name, service_name(placement.variant.name)
    return Pool(
        node_group=node_group_name(stack, name),
        instance_type=placement.instance.name,
        nodes=placement.nodes,
        most=placement.nodes,
        labels={POOL_LABEL: name, GPU_LABEL: placement.instance.gpu_model},
        tags=variant_tags(stack, variant),
        user_data=user_data_of(placement.instance),
    )


def system_pool(stack: str) -> Pool:
    """Two nodes for the gateway's two pods, cluster DNS and controllers; one more in updates."""
    return Pool(
        node_group=node_group_name(stack, "system"),
        instance_type="m7i.large",
        nodes=2,
        most=3,
        labels={},
        tags=stack_tags(stack),
        user_data=None,
    )
