"""Whether a variant fits the instances that a stack file puts it on."""

from dataclasses import dataclass

from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.instances import INSTANCE_TYPES, InstanceType
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.degrees import tensor_parallel_degrees
from r1_on_eks.plan.fit import GIB, Memory, memory, most_at_a_time, runs_on
from r1_on_eks.stack_config import VariantOnInstances

# Shorter than this, nothing can be served.
_SHORTEST = 1024
# Nodes of one replica that a refusal looks at.
_MOST_STAGES = 4


class DoesNotFit(ValueError):
    """A variant does not fit where the stack file puts it; the message names what would."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One variant on instances.

    Attributes:
        variant: The model.
        checkpoint: The model in the precision that is served.
        instance: The type that every node of its pool has.
        nodes: Instances in the pool.
        replicas: Complete copies that answer.
        tensor_parallel: GPUs of one replica.
        context: Longest sequence served, in tokens.
        concurrency: Requests that one replica works on at a time.
        utilization: Share of each GPU's memory that vLLM may take.
        memory: What of each GPU goes where.
        cache_needed_gib: What `concurrency` sequences of `context` tokens need of its cache.
    """

    variant: Variant
    checkpoint: Checkpoint
    instance: InstanceType
    nodes: int
    replicas: int
    tensor_parallel: int
    context: int
    concurrency: int
    utilization: float
    memory: Memory
    cache_needed_gib: float


def place(variant_name: str, wanted: VariantOnInstances) -> Placement:
    """Decides nodes and memory for one entry of a stack file.

    Raises:
        DoesNotFit: saying which number is wrong and what would work.
    """
    variant, instance = VARIANTS[variant_name], INSTANCE_TYPES[wanted.instance]
    key = f"variants.{variant_name}"
    checkpoint = _checkpoint(key, variant, wanted)
    _check_degree(key, variant, checkpoint, instance, wanted)
    found = _memory(variant, checkpoint, instance, wanted)
    if not found.fits:
        raise DoesNotFit(_too_large(key, variant, checkpoint, instance, wanted))
    replicas_per_node = instance.gpus // wanted.tensor_parallel
    return Placement(
        variant=variant,
        checkpoint=checkpoint,
        instance=instance,
        nodes=-(-wanted.replicas // replicas_per_node),
        replicas=wanted.replicas,
        tensor_parallel=wanted.tensor_parallel,
        context=wanted.context,
        concurrency=wanted.concurrency,
        utilization=wanted.gpu_memory_utilization,
        memory=found,
        cache_needed_gib=found.cache_needed,
    )


def _checkpoint(key: str, variant: Variant, wanted: VariantOnInstances) -> Checkpoint:
    by_precision = {checkpoint.precision: checkpoint for checkpoint in variant.checkpoints}
    if wanted.precision is None:
        return variant.published
    if wanted.precision not in by_precision:
        raise DoesNotFit(
            f"{key}.precision: {wanted.precision}; {variant.name} is published in"
            f" {', '.join(by_precision)}"
        )
    return by_precision[wanted.precision]


def _memory(
    variant: Variant,
    checkpoint: Checkpoint,
    instance: InstanceType,
    wanted: VariantOnInstances,
    *,
    tensor_parallel: int | None = None,
    stages: int = 1,
) -> Memory:
    return memory(
        variant,
        checkpoint,
        GPUS[instance.gpu_model],
        tensor_parallel=tensor_parallel or wanted.tensor_parallel,
        pipeline_parallel=stages,
        utilization=wanted.gpu_memory_utilization,
        context=wanted.context,
        concurrency=wanted.concurrency,
    )


def _check_degree(
    key: str,
    variant: Variant,
    checkpoint: Checkpoint,
    instance: InstanceType,
    wanted: VariantOnInstances,
) -> None:
    if instance.gpus == 0:
        raise DoesNotFit(f"{key}.instance: {instance.name} has no GPU")
    gpu = GPUS[instance.gpu_model]
    if runs_on(checkpoint, gpu) is None:
        able = [other.precision for other in variant.checkpoints if runs_on(other, gpu)]
        raise DoesNotFit(
            f"{key}.precision: {gpu.name} (compute capability {gpu.compute_capability}) has no"
            f" arithmetic for {checkpoint.precision}; it has for {', '.join(able) or 'none'}"
        )
    degrees = tensor_parallel_degrees(variant, checkpoint)
    choices = ", ".join(str(degree) for degree in degrees if degree <= instance.gpus)
    if wanted.tensor_parallel > instance.gpus:
        raise DoesNotFit(
            f"{key}.tensor_parallel: {wanted.tensor_parallel} GPUs on one {instance.name},"
            f" which has {instance.gpus}; possible there: {choices}"
        )
    if wanted.tensor_parallel not in degrees:
        raise DoesNotFit(
            f"{key}.tensor_parallel: {wanted.tensor_parallel} does not divide the attention"
            f" heads and layers of {variant.name} in {checkpoint.precision}; possible on"
            f" {instance.name}: {choices}"
        )
    if wanted.context > variant.context:
        raise DoesNotFit(
            f"{key}.context: {wanted.context} tokens; {variant.name} ends at {variant.context}"
        )


def _too_large(
    key: str,
    variant: Variant,
    checkpoint: Checkpoint,
    instance: InstanceType,
    wanted: VariantOnInstances,
) -> str:
    """What is wrong, and what would fit.

    Fewer requests come before shorter ones, then fewer bits, then more GPUs.
    """
    gpu = GPUS[instance.gpu_model]
    tokens = _memory(variant, checkpoint, instance, wanted).tokens
    others = _other_ways(variant, checkpoint, instance, wanted)
    at_a_time = most_at_a_time(
        variant,
        checkpoint,
        gpu,
        tensor_parallel=wanted.tensor_parallel,
        utilization=wanted.gpu_memory_utilization,
        context=wanted.context,
        most=wanted.concurrency,
    )
    if at_a_time:
        return (
            f"{key}.concurrency: {wanted.concurrency} requests of {wanted.context} tokens do not"
            f" fit the cache of {tokens} tokens on {instance.name}; at most"
            f" {at_a_time} do, or {wanted.concurrency} of"
            f" {tokens // wanted.concurrency} tokens{others}"
        )
    alone = wanted.model_copy(update={"concurrency": 1})
    others = others or _other_ways(variant, checkpoint, instance, alone)
    tokens = _memory(variant, checkpoint, instance, alone).tokens
    if tokens >= _SHORTEST:
        return f"{key}.context: one request of {wanted.context} tokens; {tokens} fit{others}"
    return (
        f"{key}.instance: {checkpoint.weight_bytes / GIB:.1f} GiB of weights over"
        f" {wanted.tensor_parallel} × {gpu.torch_visible_gib} GiB of {instance.name} leave no"
        f" room for a cache{others or '; take a larger type'}"
    )


def _other_ways(
    variant: Variant,
    checkpoint: Checkpoint,
    instance: InstanceType,
    wanted: VariantOnInstances,
) -> str:
    """Fewer bits, then more GPUs: the first of each that fits all that is wanted."""
    smaller = (
        (f"precision {other.precision} ({other.repository}, ", found)
        for other in sorted(variant.checkpoints, key=lambda one: -one.weight_bytes)
        if other.weight_bytes < checkpoint.weight_bytes
        and runs_on(other, GPUS[instance.gpu_model])
        and wanted.tensor_parallel in tensor_parallel_degrees(variant, other)
        and (found := _memory(variant, other, instance, wanted)).fits
    )
    wider = (
        (f"tensor_parallel {degree} (", found)
        for degree in tensor_parallel_degrees(variant, checkpoint)
        if wanted.tensor_parallel < degree <= instance.gpus
        and (found := _memory(variant, checkpoint, instance, wanted, tensor_parallel=degree)).fits
    )
    over_nodes = (
        (f"{stages} nodes as pipeline stages, which no stack file can ask for (", found)
        for stages in range(2, _MOST_STAGES + 1)
        if wanted.tensor_parallel == instance.gpus > 1
        and (found := _memory(variant, checkpoint, instance, wanted, stages=stages)).fits
    )
    firsts = (next(found, None) for found in (smaller, wider, over_nodes))
    ways = [
        f"{way}{found.weights:.1f} GiB of weights, {found.cache_needed:.1f} of"
        f" {found.cache:.1f} GiB of cache per GPU)"
        for way, found in filter(None, firsts)
    ]
    whole = "all of it" if wanted.concurrency > 1 else "one request"
    return f"; {whole} fits with {' or '.join(ways)}" if ways else ""
