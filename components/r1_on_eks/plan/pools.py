"""Which instances stand up, and how they are marked."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from r1_on_eks.catalog.eks_parts import GPU_AMI, SYSTEM_AMI
from r1_on_eks.plan.interfaces import Interface, interfaces_of
from r1_on_eks.plan.names import (
    EFA_LABEL,
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
from r1_on_eks.plan.purchase import BOUGHT_ON_DEMAND, CAPACITY_BLOCK, Purchase
from r1_on_eks.plan.user_data import root_gib, user_data_of


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
        root_gib: Size of the root volume.
        warm: Instances that wait beside it, stopped.
        placement_group: Name of the cluster placement group that they start in, or None.
        interfaces: Their network interfaces; none for EC2's default, a single one.
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
    root_gib: int
    warm: int = 0
    placement_group: str | None = None
    interfaces: tuple[Interface, ...] = ()


def pool_of(placement: Placement) -> str:
    """Name of the pool that a variant runs in: the one that it shares, else its own."""
    if placement.pool is None:
        return service_name(placement.variant.name)
    return pool_name(placement.pool)


def pools_of(placement: Placement) -> tuple[str, ...]:
    """Names of all pools that a variant runs in: one for each replica that spans nodes.

    A group of nodes starts together in a placement group of its own, or not at all.
    """
    name = pool_of(placement)
    if placement.stages == 1:
        return (name,)
    others = range(2, placement.replicas + 1)
    return (name, *(f"{name}-{number}" for number in others))


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
    return tuple(
        pool
        for of_one in members.values()
        for pool in (
            [_gpu_pool(stack, of_one, protected)]
            if of_one[0].stages == 1
            else _group_pools(stack, of_one[0], protected)
        )
    )


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


def _group_pools(stack: str, placement: Placement, protected: bool) -> list[Pool]:
    whole = _gpu_pool(stack, [placement], protected)
    # AWS lays the instances of a capacity block close to each other by itself.
    in_block = placement.purchase.way == CAPACITY_BLOCK
    interfaces = interfaces_of(placement.instance)
    return [
        dataclasses.replace(
            whole,
            name=name,
            node_group=node_group_name(stack, name),
            nodes=0 if placement.reserved else placement.stages,
            most=placement.stages,
            placement_group=None if in_block else node_group_name(stack, name),
            labels=whole.labels | ({EFA_LABEL: "true"} if interfaces else {}),
            interfaces=interfaces,
        )
        for name in pools_of(placement)
    ]


def _gpu_pool(stack: str, placements: Sequence[Placement], protected: bool) -> Pool:
    first = placements[0]
    name = pool_of(first)
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
        ami_type=SYSTEM_AMI if first.on_cpu else GPU_AMI,
        taints=(taint_of(first),),
        root_gib=root_gib(first.instance),
        warm=max(one.warm for one in placements),
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
        ami_type=SYSTEM_AMI,
        taints=(),
        root_gib=50,
    )
