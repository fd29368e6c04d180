"""Memory of one replica, per GPU, in vLLM's own budget.

Of what PyTorch sees of a GPU, `gpu_memory_utilization` is shared by weights, activations and
CUDA graphs; the rest holds the key-value cache.
"""

from dataclasses import dataclass

from r1_on_eks.catalog.gpus import Gpu
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant

GIB = 2**30
# vLLM counts graphs inside the budget since 0.21; 0.5 to 1.9 GiB were measured.
CUDA_GRAPHS_GIB = 1.0


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One GPU of the fullest stage, in GiB.

    Attributes:
        budget: What vLLM may take.
        weights: Its share of the weights.
        overhead: Activations, sampler and libraries.
        graphs: CUDA graphs.
        cache: What is left for the key-value cache; negative where the weights don't fit.
        cache_per_token: What one token of one sequence takes of it.
    """

    budget: float
    weights: float
    overhead: float
    graphs: float
    cache: float
    cache_per_token: float

    @property
    def tokens(self) -> int:
        """Tokens that the cache holds, of all sequences together."""
        return max(0, int(self.cache / self.cache_per_token))


def memory(
    variant: Variant,
    checkpoint: Checkpoint,
    gpu: Gpu,
    *,
    tensor_parallel: int,
    pipeline_parallel: int = 1,
    utilization: float,
) -> Memory:
    """What one replica leaves for its cache on each GPU.

    Within 0.25 GiB of six logged starts of these shapes on one node (vLLM 0.10 and 0.11). Over
    several nodes the overhead is that of a single start, 0.8 GiB more.
    """
    layers = stage_layers(variant.layers, pipeline_parallel)
    fullest = max(
        _stage_bytes(variant, checkpoint, layers, stage) for stage in range(pipeline_parallel)
    )
    weights = fullest / tensor_parallel / GIB
    overhead = _overhead(variant, gpu, tensor_parallel, pipeline_parallel)
    budget = utilization * gpu.torch_visible_gib
    shards = min(tensor_parallel, variant.cache_shards)
    return Memory(
        budget=budget,
        weights=weights,
        overhead=overhead,
        graphs=CUDA_GRAPHS_GIB,
        cache=budget - weights - overhead - CUDA_GRAPHS_GIB,
        cache_per_token=variant.kv_bytes_per_token
        * max(layers) / variant.layers / shards / GIB,
    )  # fmt: skip


def stage_layers(layers: int, stages: int) -> tuple[int, ...]:
    """Layers of each pipeline stage, as vLLM splits them (distributed/utils.py, get_pp_indices).

    Left-over layers go one each to the second-to-last stage and those before it; the last one
    has the head besides.
    """
    split = [layers // stages] * stages
    for number in range(layers % stages):
        split[stages - 2 - number] += 1
    return tuple(split)


def _stage_bytes(
    variant: Variant, checkpoint: Checkpoint, layers: tuple[int, ...], stage: int
) -> float:
    """Weights of a stage: its layers, and embedding or head, which stay in 16 bits."""
    table = 2 * variant.vocabulary * variant.hidden
    in_layers = (checkpoint.weight_bytes - 2 * table) * layers[stage] / variant.layers
    ends = (stage == 0) + (stage == len(layers) - 1)
    return in_layers + table * ends


def _overhead(variant: Variant, gpu: Gpu, tensor_parallel: int, stages: int) -> float:
    across = tensor_parallel > 1
    over_nodes = 0.8 if stages > 1 else 0.0
    if gpu.batched_tokens <= 2048:
        return 0.6 + 0.15 * across + over_nodes
    # The sampler's profile at 1,024 sequences, which grows with the vocabulary.
    return 5.0 * variant.vocabulary / 128256 + 0.5 * across + over_nodes
