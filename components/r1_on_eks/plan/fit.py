"""Memory of one replica, per GPU, in vLLM's own budget.

Of what PyTorch sees of a GPU, `gpu_memory_utilization` is shared by weights, activations and
CUDA graphs; the rest holds the key-value cache.
"""

from dataclasses import dataclass

from r1_on_eks.catalog.gpus import Gpu
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.plan.overhead import PINNED, activations, cuda_graphs, outside_torch

GIB = 2**30
# The least compute capability that multiplies a precision, and that unpacks it to 16 bits
# (Marlin kernels): vLLM 0.33, get_min_capability of layers/quantization; for bf16 the hardware's.
_NATIVE = {"bf16": 8.0, "fp8": 8.9, "int8": 7.5, "int4": 7.5}
_UNPACKED = {"fp8": 7.5}


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One GPU of the stage whose cache is full first, in GiB.

    Attributes:
        budget: What vLLM may take.
        weights: Its share of the weights.
        overhead: Activations, sampler and libraries.
        graphs: CUDA graphs.
        cache: What is left for the key-value cache; negative where the weights don't fit.
        cache_per_token: What one token of one sequence takes of it.
        cache_needed: What all sequences at full length need of it; 0 where neither was said.
    """

    budget: float
    weights: float
    overhead: float
    graphs: float
    cache: float
    cache_per_token: float
    cache_needed: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens that the cache holds, of all sequences together."""
        return max(0, int(self.cache / self.cache_per_token))

    @property
    def fits(self) -> bool:
        """Whether there is a cache, and it holds what is needed."""
        return self.cache > 0 and self.cache_needed <= self.cache


def memory(
    variant: Variant,
    checkpoint: Checkpoint,
    gpu: Gpu,
    *,
    tensor_parallel: int,
    pipeline_parallel: int = 1,
    utilization: float,
    context: int | None = None,
    concurrency: int | None = None,
) -> Memory:
    """What one replica leaves for its cache on each GPU.

    Of 14 logged starts (vLLM 0.10 and 0.11) none needed 0.06 GiB more than its overhead, and none
    0.5 less. Nobody logged the pinned version, whose sampler is counted from its source.

    Args:
        variant: The model.
        checkpoint: In which precision.
        gpu: On what.
        tensor_parallel: GPUs of each stage, all in one node.
        pipeline_parallel: Stages, a node each.
        utilization: Share of the GPU's memory that vLLM may take.
        context: Longest sequence (`--max-model-len`); the model's own if not said.
        concurrency: Sequences at a time (`--max-num-seqs`); vLLM's default if not said.
    """
    layers = stage_layers(variant.layers, pipeline_parallel)
    sequences = concurrency or gpu.batched_seqs
    over_nodes = pipeline_parallel > 1
    shards = min(tensor_parallel, variant.cache_shards)
    budget = utilization * gpu.torch_visible_gib
    stages = []
    for stage, own in enumerate(layers):
        weights = stage_bytes(variant, checkpoint, layers, stage, tensor_parallel) / GIB
        last = stage == pipeline_parallel - 1
        working = activations(
            variant,
            PINNED,
            tokens=gpu.batched_tokens,
            sequences=sequences,
            context=context or variant.context,
            tensor_parallel=tensor_parallel,
            samples=last,
        )
        overhead = working / GIB + outside_torch(tensor_parallel, over_nodes=over_nodes)
        graphs = cuda_graphs(variant, own, sequences) / GIB
        per_token = variant.kv_bytes_per_token * own / variant.layers / shards / GIB
        stages.append(
            Memory(
                budget=budget,
                weights=weights,
                overhead=overhead,
                graphs=graphs,
                cache=budget - weights - overhead - graphs,
                cache_per_token=per_token,
                cache_needed=per_token * (context or 0) * (concurrency or 0),
            )
        )
    return min(stages, key=lambda one: one.cache / one.cache_per_token)


def stage_layers(layers: int, stages: int) -> tuple[int, ...]:
    """Layers of each pipeline stage, as vLLM splits them (distributed/utils.py, get_pp_indices).

    Left-over layers go one each to the second-to-last stage and those before it; the last one
    has the head besides.
    """
    split = [layers // stages] * stages
    for number in range(layers % stages):
        split[stages - 2 - number] += 1
    return tuple(split)


def stage_bytes(
    variant: Variant,
    checkpoint: Checkpoint,
    layers: tuple[int, ...],
    stage: int,
    tensor_parallel: int,
) -> float:
    """Weights of one GPU of a stage: its layers, and embedding or head, which stay in 16 bits."""
    table = 2 * variant.vocabulary * variant.hidden
    in_layers = checkpoint.weight_bytes - 2 * table
    ends = (stage == 0) + (stage == len(layers) - 1)
    own, mixed = layers[stage], 0
    routed = 0.0
    if variant.experts:
        # The first layers are dense; experts fill the others alike.
        dense = max(0, min(own, variant.experts.dense_layers - sum(layers[:stage])))
        mixed = own - dense
        quantized = in_layers / (variant.parameters - 2 * variant.vocabulary * variant.hidden)
        routed = variant.experts.parameters * quantized
    share = (in_layers - routed) * own / variant.layers
    if variant.experts:
        share += routed * mixed / (variant.layers - variant.experts.dense_layers)
    split = (share + table * ends) / tensor_parallel
    return split + _on_every_rank(variant, checkpoint, own, mixed, tensor_parallel)


def _on_every_rank(
    variant: Variant, checkpoint: Checkpoint, own: int, mixed: int, tensor_parallel: int
) -> float:
    """Weights that tensor parallelism doesn't split, beyond their share, and unpacked copies.

    Latent attention's projections down and the router are whole on every rank; the projections
    up are kept a second time in 16 bits, split by heads (vLLM 0.33: models/deepseek_v2.py,
    layers/attention/mla_attention.py, process_weights_after_loading).
    """
    whole = 1 - 1 / tensor_parallel
    found = 0.0
    if variant.latent:
        latent = variant.latent
        per_weight = checkpoint.weight_bytes / variant.parameters
        down = variant.hidden * (latent.q_rank + latent.kv_rank + latent.rope_dim)
        up = variant.heads * latent.kv_rank * (latent.nope_dim + latent.value_dim)
        found += own * (down * per_weight * whole + 2 * up / tensor_parallel)
    if variant.experts:
        found += 2 * mixed * variant.hidden * variant.experts.routed * whole
    return found


def runs_on(checkpoint: Checkpoint, gpu: Gpu) -> str | None:
    """How a GPU multiplies a checkpoint: `native`, `unpacked` to 16 bits, or not at all."""
    try:
        capability = float(gpu.compute_capability)
    except ValueError:
        # No CUDA, nor its kernels that unpack: what its data sheet has arithmetic for.
        return "native" if checkpoint.precision in gpu.tflops else None
    if capability >= _NATIVE[checkpoint.precision]:
        return "native"
    if capability >= _UNPACKED.get(checkpoint.precision, float("inf")):
        return "unpacked"
    return None


def most_at_a_time(
    variant: Variant,
    checkpoint: Checkpoint,
    gpu: Gpu,
    *,
    tensor_parallel: int,
    pipeline_parallel: int = 1,
    utilization: float,
    context: int,
    most: int,
) -> int:
    """Sequences of full length that fit at a time, up to `most`; 0 where not even one does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        found = memory(
            variant,
            checkpoint,
            gpu,
            tensor_parallel=tensor_parallel,
            pipeline_parallel=pipeline_parallel,
            utilization=utilization,
            context=context,
            concurrency=middle,
        )
        low, high = (middle, high) if found.fits else (low, middle - 1)
    return low
