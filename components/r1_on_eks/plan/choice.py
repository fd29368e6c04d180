"""The cheapest placement that meets a workload: every possible one is looked at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.instances import INSTANCE_TYPES, InstanceType
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.plan.degrees import tensor_parallel_degrees
from r1_on_eks.plan.estimate import Estimate, at_rate, replica_of
from r1_on_eks.plan.fit import Memory, memory, most_at_a_time, runs_on
from r1_on_eks.plan.speed import Replica, closed_loop

# vLLM's default on the smaller GPUs; more answers at a time than that are nobody's plan here.
MOST_SEQUENCES = 256
# Stages over nodes, one node each; more have never been seen to pay.
MOST_STAGES = 4
UTILIZATION = 0.92
_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is asked of a variant at its busiest.

    Attributes:
        prompt: Prompt tokens of a request, on average.
        output: Tokens of an answer, thinking included, on average.
        rate: Requests per second.
        context: Longest sequence, prompt and answer.
        first_token_s: Limit on the average time to the first token, in seconds.
        per_token_s: Limit on the average time per output token, in seconds.
    """

    prompt: int
    output: int
    rate: float
    context: int
    first_token_s: float
    per_token_s: float


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
    memory: Memory
    estimate: Estimate
    usd_per_hour: float
    usd_per_million: float

    @property
    def experimental(self) -> bool:
        """Whether nobody has published a measurement of such a layout."""
        return self.stages > 1


def options(
    variant: Variant,
    workload: Workload,
    *,
    checkpoints: Iterable[Checkpoint] | None = None,
    instances: Iterable[InstanceType] | None = None,
) -> list[Option]:
    """Every placement that meets the workload, the cheapest first.

    Args:
        variant: The model.
        workload: What is asked of it.
        checkpoints: Precisions that are acceptable; the published one if not said.
        instances: Types to look at; all with GPUs and an on-demand price if not said.
    """
    found = [
        option
        for checkpoint in (checkpoints or (variant.published,))
        for instance in (INSTANCE_TYPES.values() if instances is None else instances)
        for tensor_parallel, stages in _splits(variant, checkpoint, instance)
        if (option := _option(variant, checkpoint, instance, tensor_parallel, stages, workload))
    ]
    return sorted(found, key=_dearness)


def _dearness(option: Option) -> tuple[float, int, int, str]:
    # Of equal cost: fewer nodes, then fewer GPUs to a replica.
    return option.usd_per_hour, option.nodes, option.tensor_parallel, option.instance.name


def _splits(
    variant: Variant, checkpoint: Checkpoint, instance: InstanceType
) -> Iterator[tuple[int, int]]:
    """Tensor parallelism inside a node; stages over nodes, each with all GPUs of one."""
    if not instance.gpus or instance.on_demand_usd_per_hour is None:
        return
    if runs_on(checkpoint, GPUS[instance.gpu_model]) is None:
        return
    for degree in tensor_parallel_degrees(variant, checkpoint):
        if degree <= instance.gpus:
            yield degree, 1
        if degree == instance.gpus > 1:
            yield from ((degree, stages) for stages in range(2, MOST_STAGES + 1))


def _option(
    variant: Variant,
    checkpoint: Checkpoint,
    instance: InstanceType,
    tensor_parallel: int,
    stages: int,
    workload: Workload,
) -> Option | None:
    gpu = GPUS[instance.gpu_model]
    split = {"tensor_parallel": tensor_parallel, "pipeline_parallel": stages}
    within = {**split, "utilization": UTILIZATION, "context": workload.context}
    room = most_at_a_time(variant, checkpoint, gpu, **within, most=MOST_SEQUENCES)
    if room < 1:
        return None
    replica = replica_of(variant, checkpoint, gpu, **split)
    rate = sustained_rate(replica, workload, room)
    if rate <= 0:
        return None
    replicas = -(-workload.rate // rate)
    at = {"prompt": workload.prompt, "output": workload.output, "most": room}
    estimate = at_rate(replica, gpu, rate=workload.rate / replicas, measured=stages == 1, **at)
    if estimate is None:
        return None
    per_node = instance.gpus // tensor_parallel
    nodes = int(replicas) * stages if stages > 1 else int(-(-replicas // per_node))
    per_hour = nodes * (instance.on_demand_usd_per_hour or 0.0)
    return Option(
        variant=variant,
        checkpoint=checkpoint,
        instance=instance,
        tensor_parallel=tensor_parallel,
        stages=stages,
        replicas=int(replicas),
        nodes=nodes,
        concurrency=room,
        memory=memory(variant, checkpoint, gpu, **within, concurrency=room),
        estimate=estimate,
        usd_per_hour=per_hour,
        usd_per_million=per_hour / (workload.rate * workload.output * _HOUR) * 1e6,
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
