"""Whether a variant fits the instances that a stack file puts it on.

Memory follows vLLM's own budget: of what PyTorch sees of a GPU, `gpu_memory_utilization` is
shared by weights, activations and CUDA graphs; the rest holds the key-value cache.
"""

from dataclasses import dataclass

from r1_on_eks.catalog.gpus import GPUS, Gpu
from r1_on_eks.catalog.instances import INSTANCE_TYPES, InstanceType
from r1_on_eks.catalog.model_shapes import Variant
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.degrees import tensor_parallel_degrees
from r1_on_eks.stack_config import VariantOnInstances

GIB = 2**30
# vLLM counts graphs inside the budget since 0.21; 0.5 to 1.9 GiB were measured.
CUDA_GRAPHS_GIB = 1.0


class DoesNotFit(ValueError):
    """A variant does not fit where the stack file puts it; the message names what would."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """One variant on instances.

    Attributes:
        variant: The checkpoint.
        instance: The type that every node of its pool has.
        nodes: Instances in the pool.
        replicas: Complete copies that answer.
        tensor_parallel: GPUs of one replica.
        context: Longest sequence served, in tokens.
        concurrency: Requests that one replica works on at a time.
        utilization: Share of each GPU's memory that vLLM may take.
        weights_gib: Weights per GPU.
        cache_gib: Memory per GPU left for the key-value cache.
        cache_needed_gib: What `concurrency` sequences of `context` tokens need of it.
    """

    variant: Variant
    instance: InstanceType
    nodes: int
    replicas: int
    tensor_parallel: int
    context: int
    concurrency: int
    utilization: float
    weights_gib: float
    cache_gib: float
    cache_needed_gib: float


def place(variant_name: str, wanted: VariantOnInstances) -> Placement:
    """Decides nodes and memory for one entry of a stack file.

    Raises:
        DoesNotFit: saying which number is wrong and what would work.
    """
    variant, instance = VARIANTS[variant_name], INSTANCE_TYPES[wanted.instance]
    key = f"variants.{variant_name}"
    _check_degree(key, variant, instance, wanted)
    gpu = GPUS[instance.gpu_model]
    cache_gib = _cache_gib(variant, gpu, wanted)
    cache_per_token = _cache_per_token(variant, wanted.tensor_parallel)
    needed_gib = cache_per_token * wanted.context * wanted.concurrency / GIB
    if needed_gib > cache_gib:
        raise DoesNotFit(_too_large(key, variant, instance, wanted, cache_gib))
    replicas_per_node = instance.gpus // wanted.tensor_parallel
    return Placement(
        variant=variant,
        instance=instance,
        nodes=-(-wanted.replicas // replicas_per_node),
        replicas=wanted.replicas,
        tensor_parallel=wanted.tensor_parallel,
        context=wanted.context,
        concurrency=wanted.concurrency,
        utilization=wanted.gpu_memory_utilization,
        weights_gib=variant.published.weight_bytes / wanted.tensor_parallel / GIB,
        cache_gib=cache_gib,
        cache_needed_gib=needed_gib,
    )


def _check_degree(
    key: str, variant: Variant, instance: InstanceType, wanted: VariantOnInstances
) -> None:
    if instance.gpus == 0:
        raise DoesNotFit(f"{key}.instance: {instance.name} has no GPU")
    degrees = tensor_parallel_degrees(variant, variant.published)
    possible = [d for d in degrees if d <= instance.gpus]
    choices = ", ".join(str(degree) for degree in possible)
    if wanted.tensor_parallel > instance.gpus:
        raise DoesNotFit(
            f"{key}.tensor_parallel: {wanted.tensor_parallel} GPUs on one {instance.name},"
            f" which has {instance.gpus}; possible there: {choices}"
        )
    if wanted.tensor_parallel not in degrees:
        raise DoesNotFit(
            f"{key}.tensor_parallel: {wanted.tensor_parallel} does not divide the attention"
            f" heads and layers of {variant.name}; possible on {instance.name}: {choices}"
        )
    if wanted.context > variant.context:
        raise DoesNotFit(
            f"{key}.context: {wanted.context} tokens; {variant.name} ends at {variant.context}"
        )


def _cache_per_token(variant: Variant, tensor_parallel: int) -> float:
    return variant.kv_bytes_per_token / min(tensor_parallel, variant.cache_shards)


def _cache_gib(variant: Variant, gpu: Gpu, wanted: VariantOnInstances) -> float:
    """Per GPU. Within 0.25 GiB of eleven logged starts of vLLM on one node (0.10 to 0.11)."""
    across = wanted.tensor_parallel > 1
    if gpu.batched_tokens <= 2048:
        overhead = 0.6 + 0.15 * across
    else:
        overhead = 5.0 * variant.vocabulary / 128256 + 0.5 * across
    budget = wanted.gpu_memory_utilization * gpu.torch_visible_gib
    weights = variant.published.weight_bytes / wanted.tensor_parallel / GIB
    return budget - weights - overhead - CUDA_GRAPHS_GIB


def _too_large(
    key: str, variant: Variant, instance: InstanceType, wanted: VariantOnInstances, cache: float
) -> str:
    tokens = int(cache * GIB / _cache_per_token(variant, wanted.tensor_parallel))
    if tokens >= wanted.context:
        return (
            f"{key}.concurrency: {wanted.concurrency} requests of {wanted.context} tokens do not"
            f" fit the cache of {tokens} tokens on {instance.name}; at most"
            f" {tokens // wanted.context} do, or {wanted.concurrency} of"
            f" {tokens // wanted.concurrency} tokens"
        )
    if tokens >= 1024:
        return f"{key}.context: one request of {wanted.context} tokens; {tokens} fit"
    gpu = GPUS[instance.gpu_model]
    degrees = tensor_parallel_degrees(variant, variant.published)
    larger = [d for d in degrees if wanted.tensor_parallel < d <= instance.gpus]
    enough = [
        d
        for d in larger
        if _cache_gib(variant, gpu, wanted.model_copy(update={"tensor_parallel": d})) > 0
    ]
    nearest = f"tensor_parallel {enough[0]} leaves room" if enough else "take a larger type"
    return (
        f"{key}.instance: {variant.published.weight_bytes / GIB:.1f} GiB of weights over"
        f" {wanted.tensor_parallel} × {gpu.torch_visible_gib} GiB of {instance.name} leave no"
        f" room for a cache; {nearest}"
    )
