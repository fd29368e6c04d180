"""The cheapest placement that meets a workload: every possible one is looked at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.instances import INSTANCE_TYPES, InstanceType
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.plan.degrees import tensor_parallel_degrees
from r1_on_eks.plan.estimate import Estimate, at_rate, replica_of
from r1_on_eks.plan.fit import Memory, runs_on
from r1_on_eks.plan.layout import UTILIZATION, Layout
from r1_on_eks.plan.placement import nodes_of
from r1_on_eks.plan.site import Site
from r1_on_eks.plan.speed import Replica, closed_loop
from r1_on_eks.stack_config import Overrides, Workload

# vLLM's default on the smaller GPUs; more answers at a time than that are nobody's plan here.
MOST_SEQUENCES = 256
# Stages over nodes, one node each; more have never been seen to pay.
MOST_STAGES = 4
_HOUR = 3600
_NOTHING_FIXED = Overrides()


@dataclass(frozen=True, kw_only=True)
class Option:
    """One placement that meets a workload.

    Attributes:
        variant: The model.
        checkpoint: In which precision.
        instance: On which type.
        tensor_parallel: GPUs of one replica in a node.
        stages: Nodes of one replica.
        replicas: Complete copies.
        nodes: Instances in all.
        concurrency: Answers that one replica may work on at a time.
        utilization: Share of each GPU's memory that vLLM may take.
        memory: Of each GPU of the fullest stage.
        estimate: Speed of one replica at its share of the rate.
        usd_per_hour: On demand; instances alone.
        usd_per_million: Dollars for a million output tokens at that rate.
    """

    variant: Variant
    checkpoint: Checkpoint
    instance: InstanceType
    tensor_parallel: int
    stages: int
    replicas: int
    nodes: int
    concurrency: int
    utilization: float
    memory: Memory
    estimate: Estimate
    usd_per_hour: float
    usd_per_million: float

    @property
    def experimental(self) -> bool:
        """Whether nobody has published a measurement of such a layout."""
        return self.stages > 1

    @property
    def gpus(self) -> int:
        """GPUs of all replicas together."""
        return self.replicas * self.tensor_parallel * self.stages


def options(
    variant: Variant,
    workload: Workload,
    *,
    fixed: Overrides = _NOTHING_FIXED,
    checkpoints: Iterable[Checkpoint] | None = None,
    instances: Iterable[InstanceType] | None = None,
) -> list[Option]:
    """Every placement that meets the workload, the cheapest first.

    Args:
        variant: The model.
        workload: What is asked of it.
        fixed: What of the placement is decided already.
        checkpoints: Precisions that are acceptable; the published one if not said.
        instances: Types to look at; all with GPUs and an on-demand price if not said.
    """
    found = [
        option
        for site in sites(variant, workload.context, fixed, checkpoints, instances)
        if (option := _option(site, workload, fixed))
    ]
    return sorted(found, key=_dearness)


def best(found: Iterable[Option]) -> Option | None:
    """The first; one of a layout that nobody has measured only where nothing else is."""
    every = list(found)
    return next((one for one in every if not one.experimental), every[0] if every else None)


def _dearness(option: Option) -> tuple[float, int, int, str]:
    # Of equal cost: fewer nodes, then fewer GPUs to a replica.
    return option.usd_per_hour, option.nodes, option.tensor_parallel, option.instance.name


def sites(
    variant: Variant,
    context: int,
    fixed: Overrides = _NOTHING_FIXED,
    checkpoints: Iterable[Checkpoint] | None = None,
    instances: Iterable[InstanceType] | None = None,
) -> Iterator[Site]:
    """Everywhere that a variant can be split to, each with as many requests as fit there."""
    if fixed.precision:
        checkpoints = [one for one in variant.checkpoints if one.precision == fixed.precision]
    instances = INSTANCE_TYPES.values() if instances is None else list(instances)
    for checkpoint in (variant.published,) if checkpoints is None else checkpoints:
        for instance in instances:
            if fixed.instance in (None, instance.name) and _usable(checkpoint, instance):
                yield from _sites_on(variant, checkpoint, instance, context, fixed)


def _usable(checkpoint: Checkpoint, instance: InstanceType) -> bool:
    if not instance.gpus or instance.on_demand_usd_per_hour is None:
        return False
    return runs_on(checkpoint, GPUS[instance.gpu_model]) is not None


def _sites_on(
    variant: Variant,
    checkpoint: Checkpoint,
    instance: InstanceType,
    context: int,
    fixed: Overrides,
) -> Iterator[Site]:
    """Tensor parallelism inside a node; stages over nodes, each with all GPUs of one."""
    for degree in tensor_parallel_degrees(variant, checkpoint):
        over_nodes = range(2, MOST_STAGES + 1) if degree == instance.gpus > 1 else ()
        for stages in (1, *over_nodes):
            wanted = (fixed.tensor_parallel in (None, degree)) and fixed.stages in (None, stages)
            if not wanted or degree > instance.gpus:
                continue
            layout = Layout(
                instance=instance.name,
                tensor_parallel=degree,
                stages=stages,
                context=context,
                concurrency=fixed.concurrency or MOST_SEQUENCES,
                gpu_memory_utilization=fixed.gpu_memory_utilization or UTILIZATION,
            )
            site = Site(variant=variant, checkpoint=checkpoint, instance=instance, layout=layout)
            room = site.most_at_a_time
            if room >= (fixed.concurrency or 1):
                yield site.with_layout(concurrency=room)


def _option(site: Site, workload: Workload, fixed: Overrides) -> Option | None:
    instance, layout = site.instance, site.layout
    replica = replica_on(site)
    rate = sustained_rate(replica, workload, layout.concurrency)
    if rate <= 0:
        return None
    needed = -(-workload.rate // rate)
    replicas = int(needed) if fixed.replicas is None else fixed.replicas
    if replicas < needed:
        return None
    estimate = at_rate(
        replica,
        site.gpu,
        prompt=workload.prompt,
        output=workload.output,
        rate=workload.rate / replicas,
        most=layout.concurrency,
        measured=layout.stages == 1,
    )
    if estimate is None:
        return None
    nodes = nodes_of(instance, layout.tensor_parallel, layout.stages, replicas)
    per_hour = nodes * (instance.on_demand_usd_per_hour or 0.0)
    return Option(
        variant=site.variant,
        checkpoint=site.checkpoint,
        instance=instance,
        tensor_parallel=layout.tensor_parallel,
        stages=layout.stages,
        replicas=replicas,
        nodes=nodes,
        concurrency=layout.concurrency,
        utilization=layout.gpu_memory_utilization,
        memory=site.memory,
        estimate=estimate,
        usd_per_hour=per_hour,
        usd_per_million=per_hour / (workload.rate * workload.output * _HOUR) * 1e6,
    )


def replica_on(site: Site) -> Replica:
    """The speed of one replica there."""
    return replica_of(
        site.variant,
        site.checkpoint,
        site.gpu,
        tensor_parallel=site.layout.tensor_parallel,
        pipeline_parallel=site.layout.stages,
    )


def sustained_rate(replica: Replica, workload: Workload, room: int) -> float:
    """Requests per second that one replica answers within the limits; 0 where it can't at all.

    The more answers are under way, the slower each: the most that stay within both limits are
    found by halving.
    """
    if not _within(replica, workload, 1):
        return 0.0
    low, high = 1, room
    while low < high:
        middle = (low + high + 1) // 2
        if _within(replica, workload, middle):
            low = middle
        else:
            high = middle - 1
    speed = closed_loop(replica, workload.prompt, workload.output, low)
    # A tenth is kept for requests that don't come evenly.
    return 0.9 * low / (speed.first_token + workload.output * speed.per_token)


def _within(replica: Replica, workload: Workload, running: int) -> bool:
    speed = closed_loop(replica, workload.prompt, workload.output, running)
    return speed.first_token <= workload.first_token_s and speed.per_token <= workload.per_token_s
