"""Memory of a GPU that is neither weights nor cache.

Its terms are counted from the sources of vLLM and PyTorch; what can't be counted, memory that
libraries take outside PyTorch, is fitted to logged starts (tests/logged_memory.csv).
"""

from dataclasses import dataclass

from r1_on_eks.catalog.model_shapes import Variant

GIB = 2**30
# Fitted to the H100 rows, which need more than the A100 rows (0.02 and 0.17 there).
_LIBRARIES_GIB = 0.19
_RANKS_GIB = 0.43
# One start over two nodes had 2.53 GiB outside PyTorch (vllm issue 13074, 8 × 2 H20-3e); one with
# a rank on each of two nodes had no more than on one node (dennislee22 log, A100-40).
_OVER_NODES_GIB = 1.9
# 0.50 GiB for 67 sizes of 28 layers on one GPU, 0.65 on two (vLLM 0.10, dennislee22 logs).
_GRAPH_LAYER_BYTES = 0.36 * 2**20
# 3.51 GiB for 67 sizes of 61 layers (vLLM 0.8.4, vllm issue 16692).
_EXPERT_GRAPH_LAYER_BYTES = 0.88 * 2**20
_GRAPHS_LEAST_BYTES = 0.5 * GIB
# vLLM reserves latent attention's keys and values, projected up, for so many tokens at most
# (layers/attention/mla_attention.py, determine_chunked_prefill_workspace_size).
_LATENT_ROWS = 64 * 1024
_BLOCK = 16
_BF16 = 2


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How an engine samples: what that takes for each sequence and word of the vocabulary.

    Attributes:
        sampling_bytes: While it samples; freed for the next step.
        kept_bytes: All the time.
    """

    sampling_bytes: float
    kept_bytes: float


# Logits in 16 and in 32 bits, and their masked copy and its softmax (FlashInfer,
# top_k_top_p_sampling_from_logits).
FLASHINFER = Engine(sampling_bytes=2 + 4 + 4 + 4, kept_bytes=0)
# Logits in 16 and in 32 bits; of their sort (PyTorch SortStable.cu, segmented_sort_pairs) values,
# indices, counted indices, and cub's second buffers of values and indices.
SORTED = Engine(sampling_bytes=2 + 4 + (4 + 8) + 8 + (4 + 8), kept_bytes=0)
# vLLM 0.33 samples with FlashInfer (envs.py) and keeps counts of the words of every answer and a
# bit for each word of the prompt (v1/worker/gpu/sample/penalties.py). Nobody logged it yet.
PINNED = Engine(sampling_bytes=2 + 4 + 4 + 4, kept_bytes=4 + 1 / 8)


def activations(
    variant: Variant,
    engine: Engine,
    *,
    tokens: int,
    sequences: int,
    context: int,
    tensor_parallel: int,
    samples: bool,
) -> float:
    """Bytes at the peak of vLLM's profile run (v1/worker/gpu/model_runner.py, profile_run).

    A pass over a full batch, then, on the last stage, sampling from the logits of as many
    sequences as are taken at a time.

    Args:
        variant: The model.
        engine: How it samples.
        tokens: Of a full batch.
        sequences: Taken at a time.
        context: Longest sequence.
        tensor_parallel: GPUs that share a layer.
        samples: Whether this stage has the head.
    """
    hidden = _BF16 * tokens * variant.hidden
    # Gate, up and their product, beside the residual and the layer's input.
    layer = _BF16 * tokens * 3 * variant.intermediate / tensor_parallel
    if variant.latent:
        rows = min(max(8 * context, 4 * sequences * _BLOCK), _LATENT_ROWS)
        width = variant.latent.nope_dim + variant.latent.value_dim
        layer = max(layer, _BF16 * rows * variant.heads / tensor_parallel * width)
    kept = expert_workspace(variant, tokens, tensor_parallel)
    peak = 2 * hidden + layer
    if samples:
        logits = min(sequences, tokens) * variant.vocabulary
        peak = max(peak, hidden + engine.sampling_bytes * logits)
        kept += engine.kept_bytes * sequences * variant.vocabulary
    return kept + peak


def expert_workspace(variant: Variant, tokens: int, tensor_parallel: int) -> float:
    """Two buffers for all tokens' experts (fused_moe/experts/marlin_moe.py, workspace_shapes)."""
    if variant.experts is None:
        return 0.0
    width = variant.experts.intermediate / tensor_parallel
    wide = max(width, variant.hidden) + max(2 * width, variant.hidden)
    return _BF16 * tokens * variant.experts.active * wide


def outside_torch(tensor_parallel: int, *, over_nodes: bool) -> float:
    """GiB that CUDA libraries take, and those that talk to other GPUs."""
    across = tensor_parallel > 1 or over_nodes
    return _LIBRARIES_GIB + _RANKS_GIB * across + _OVER_NODES_GIB * over_nodes


def graph_sizes(sequences: int) -> int:
    """Batch sizes of which vLLM captures a graph (config/vllm.py, _set_cudagraph_sizes).

    1, 2, 4, then by eights to 256, then by sixteens; to twice the sequences, 512 at most.
    """
    largest = min(2 * sequences, 512)
    small = sum(size <= largest for size in (1, 2, 4))
    return small + len(range(8, min(largest + 1, 256), 8)) + len(range(256, largest + 1, 16))


def cuda_graphs(variant: Variant, layers: int, sequences: int) -> float:
    """Bytes of the captured graphs, which vLLM counts inside the budget since 0.21.

    Logged before it captured two kinds of them by default; nobody logged the pinned version.
    """
    per_layer = _EXPERT_GRAPH_LAYER_BYTES if variant.experts else _GRAPH_LAYER_BYTES
    return max(_GRAPHS_LEAST_BYTES, per_layer * layers * graph_sizes(sequences))
