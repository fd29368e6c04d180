"""What to try when AWS has no instances of a type, or they never become nodes."""

from pathlib import Path

from r1_on_eks.catalog.prices import sold_in
from r1_on_eks.plan import Plan
from r1_on_eks.plan.purchase import CAPACITY_BLOCK, ON_DEMAND, RESERVATION, SPOT
from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_file import plan_of

_NEVER_JOINED = "NodeCreationFailure"
_LACKS = ("InsufficientInstanceCapacity", "InsufficientCapacity", "UnfulfillableCapacity")
# More are a list that nobody reads.
_SHOWN = 4


def lacks_capacity(told: str) -> bool:
    """Whether AWS's words mean that it has no such instance now."""
    return any(word in told for word in _LACKS)


def never_joined(told: str) -> bool:
    """Whether AWS's words mean that instances started and did not become nodes."""
    return _NEVER_JOINED in told


def on_nodes(node_group: str, instances: list[str]) -> list[str]:
    """Where to look before they are gone: `r1 recover` deletes a group that failed.

    Args:
        node_group: Pulumi's id of it, `CLUSTER:NAME`.
        instances: Ids of its instances, as its health names them.
    """
    cluster = node_group.partition(":")[0]
    one = instances[0] if instances else "i-…"
    return [
        "its boot log, first: aws ec2 get-console-output --latest --output text"
        f" --instance-id {one}",
        "AWS's own checks (EKS user guide, troubleshooting): aws ssm start-automation-execution"
        " --document-name AWSSupport-TroubleshootEKSWorkerNode"
        f" --parameters ClusterName={cluster},WorkerID={one}",
        "then what it needs: a route to EKS and the registries, its role's policies and its"
        " security groups as this stack makes them, unchanged by others",
    ]


def on_capacity(stack: str, node_group: str, stacks: Path) -> list[str]:
    """Which zones, types and purchases to try, in the words of the stack's file.

    Args:
        stack: Its name.
        node_group: AWS's name of the node group.
        stacks: The folder with stack files.

    Returns:
        One line each; none where the stack has no readable file.
    """
    try:
        plan = plan_of(stack, stacks)
    except (LookupError, StackConfigError, ValueError):
        return []
    pool = next((one for one in plan.gpu_pools if one.node_group == node_group), None)
    if pool is None:
        return []
    zones = [zone for zone in plan.zones.network if zone != plan.gpu_zone]
    variants = [one.placement.variant.name for one in plan.models if one.pool == pool.name]
    lines = [f"another zone: gpu_zone: {' or '.join(zones)} (a file system moves with it)"]
    if larger := _other_types(plan, pool.instance_type):
        lines.append(f"another type, of as many GPUs or more: instance: {' or '.join(larger)}")
    ways = [
        words
        for way, words in (
            (ON_DEMAND, "on-demand"),
            (SPOT, "spot"),
            (CAPACITY_BLOCK, "{capacity_block: cr-…}"),
            (RESERVATION, "{reservation: cr-…}"),
        )
        if way != pool.purchase.way
    ]
    lines.append(f"another purchase: purchase: {' or '.join(ways)}")
    lines.append(f"or later: pulumi up --stack {stack} asks again for {', '.join(variants)}")
    return lines


def _other_types(plan: Plan, instance_type: str) -> list[str]:
    rows = {row.name: row for row in sold_in(plan.region)}
    wanted = rows[instance_type]
    enough = [
        row
        for row in rows.values()
        if row.gpus >= wanted.gpus > 0
        and row.gpu_memory_gib >= wanted.gpu_memory_gib
        and row.name != instance_type
    ]
    # What has no price is last, not cheapest.
    enough.sort(key=lambda row: row.on_demand_usd_per_hour or float("inf"))
    return [row.name for row in enough[:_SHOWN]]
