"""Which instances stand up, and how they are marked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from r1_on_eks.plan.names import (
    GPU_LABEL,
    GPU_TAINT,
    POOL_LABEL,
    SERVER_TAINT,
    node_group_name,
    pool_name,
    pool_tags,
    service_name,
    stack_tags,
    variant_tags,
)
from r1_on_eks.plan.placement import DoesNotFit, Placement
from r1_on_eks.plan.purchase import BOUGHT_ON_DEMAND, Purchase
from r1_on_eks.plan.user_data import user_data_of

# EKS user guide, managed node groups: Amazon Linux 2023, with and without NVIDIA's driver.
_AMI_WITH_GPU, _AMI_WITHOUT_GPU = "AL2023_x86_64_NVIDIA", "AL2023_x86_64_STANDARD"


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Equal instances.

    Attributes:
        name: Of its resources, and of the nodes' label: `r1-70b`.
        node_group: Name of the managed node group.
        instance_type: EC2's name.
        purchase: How they are bought.
        nodes: Instances wanted.
        most: Instances that the group may grow to.
        kept: Whether nothing may end or replace the group until somebody allows it.
        labels: Node labels.
        tags: What group, instances, volumes and interfaces carry.
        user_data: Base64 text, or None for EKS's own alone.
        ami_type: EKS's word for the image of its nodes.
        taints: Keys of what keeps other pods off its nodes.
    """

    name: str
    node_group: str
    instance_type: str
    purchase: Purchase
    nodes: int
    most: int
    kept: bool
    labels: dict[str, str]
    tags: dict[str, str]
    user_data: str | None
    ami_type: str
    taints: tuple[str, ...]


def pool_of(placement: Placement) -> str:
    """Name of the pool that a variant runs in: the one that it shares, else its own."""
    if placement.pool is None:
        return service_name(placement.variant.name)
    return pool_name(placement.pool)


def gpu_pools(
    stack: str, placements: Iterable[Placement], *, protected: bool = False
) -> tuple[Pool, ...]:
    """The pools of all variants; of a protected stack, those that might not come back are kept.

    Raises:
        DoesNotFit: one line for each shared pool that is more than one node.
    """
    members: dict[str, list[Placement]] = {}
    for placement in placements:
        members.setdefault(pool_of(placement), []).append(placement)
    wrong = [line for of_one in members.values() if (line := _too_many(of_one))]
    if wrong:
        raise DoesNotFit("\n".join(wrong))
    return tuple(_gpu_pool(stack, name, of_one, protected) for name, of_one in members.items())


def _too_many(placements: Sequence[Placement]) -> str | None:
    """What is wrong with a shared pool; see plan/sharing.py for why it is one node."""
    first = placements[0]
    if first.pool is None:
        return None
    key, instance = f"variants: pool {first.pool}", first.instance
    types = {placement.instance.name for placement in placements}
    if len(types) > 1:
        return f"{key} is one node, not {' and '.join(sorted(types))}; give all one instance"
    ways = {placement.purchase for placement in placements}
    if len(ways) > 1:
        told = " and ".join(sorted(one.reservation_id or one.way for one in ways))
        return f"{key} is bought in one way, not {told}; give all one purchase"
    gpus = sum(placement.gpus for placement in placements)
    if gpus > instance.gpus:
        told = ", ".join(f"{one.gpus} for {one.variant.name}" for one in placements)
        return (
            f"{key} is one {instance.name} with {instance.gpus} GPUs, and needs {gpus} ({told});"
            " lower replicas, or leave pool out for one of them"
        )
    return None


def _gpu_pool(stack: str, name: str, placements: Sequence[Placement], protected: bool) -> Pool:
    first = placements[0]
    own = first.pool is None
    return Pool(
        name=name,
        node_group=node_group_name(stack, name),
        instance_type=first.instance.name,
        purchase=first.purchase,
        nodes=0 if all(one.reserved for one in placements) else first.nodes,
        most=first.nodes,
        kept=protected and any(one.irreplaceable for one in placements),
        labels={POOL_LABEL: name, **_gpu_label(first)},
        tags=variant_tags(stack, first.variant.name) if own else pool_tags(stack, name),
        user_data=user_data_of(first.instance),
        ami_type=_AMI_WITHOUT_GPU if first.on_cpu else _AMI_WITH_GPU,
        taints=(taint_of(first),),
    )


def taint_of(placement: Placement) -> str:
    """What a variant's pods tolerate, and others don't."""
    return SERVER_TAINT if placement.on_cpu else GPU_TAINT


def _gpu_label(placement: Placement) -> dict[str, str]:
    return {} if placement.on_cpu else {GPU_LABEL: placement.instance.gpu_model}


def system_pool(stack: str, *, protected: bool = False) -> Pool:
    """Two nodes for the gateway's two pods, cluster DNS and controllers; one more in updates."""
    return Pool(
        name="system",
        node_group=node_group_name(stack, "system"),
        instance_type="m7i.large",
        purchase=BOUGHT_ON_DEMAND,
        nodes=2,
        most=3,
        # The gateway's pods are on it.
        kept=protected,
        labels={},
        tags=stack_tags(stack),
        user_data=None,
        ami_type=_AMI_WITHOUT_GPU,
        taints=(),
    )
