"""From a model's size, a GPU and the coefficients to what a step costs."""

from collections.abc import Mapping
from dataclasses import dataclass

from r1_on_eks.catalog.gpus import Gpu
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.plan.speed import Number, Replica, at_least

Coefficients = Mapping[str, float]
# What later engines are measured with; those coefficients are for the pinned version.
PINNED_ENGINE = "vllm-0.20"
# Calibrated by measured rows; the class of a GPU is that of its compute capability.
GPU_CLASSES = {
    "8.0": "ampere",
    "8.6": "ampere-graphics",
    "8.9": "ada",
    "9.0": "hopper",
    "10.0": "blackwell",
}


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """What a step needs to know of a model in one precision.

    Attributes:
        layers: Layers.
        hidden: Width of the residual stream.
        attention_width: Heads times their dimension.
        kv_heads: Heads of the key-value cache; 1 where every rank holds all of it.
        cache_bytes: Key-value cache per token, all layers.
        weight_bytes: All weights.
        dense_bytes: Weights read in each step: without embedding and routed experts.
        expert_bytes: Weights of all routed experts; 0 for a dense model.
        expert_share: Share of them that a token uses.
        compute_parameters: Parameters multiplied for each token, without the embedding.
        bits: Bits of a quantized weight: 16, 8 or 4.
        arithmetic: Tensor cores used: `bf16`, `fp8` or `int8`.
    """

    layers: int
    hidden: int
    attention_width: int
    kv_heads: int
    cache_bytes: int
    weight_bytes: float
    dense_bytes: float
    expert_bytes: float
    expert_share: float
    compute_parameters: float
    bits: int
    arithmetic: str

    @classmethod
    def of(cls, variant: Variant, checkpoint: Checkpoint) -> "ModelSize":
        """The size of a variant in the precision of one of its checkpoints."""
        embedding = variant.vocabulary * variant.hidden
        experts = variant.experts
        routed = experts.parameters if experts else 0
        # Routed experts are quantized throughout; embedding and head stay at 2 bytes.
        bits = BITS[checkpoint.precision]
        expert_bytes = routed * checkpoint.weight_bytes / variant.parameters if routed else 0.0
        return cls(
            layers=variant.layers,
            hidden=variant.hidden,
            attention_width=variant.heads * variant.head_dim,
            kv_heads=variant.cache_shards,
            cache_bytes=variant.kv_bytes_per_token,
            weight_bytes=checkpoint.weight_bytes,
            dense_bytes=checkpoint.weight_bytes - expert_bytes - 2 * embedding,
            expert_bytes=expert_bytes,
            expert_share=experts.active / experts.routed if experts else 0.0,
            compute_parameters=variant.active_parameters - embedding,
            bits=bits,
            arithmetic=ARITHMETIC[checkpoint.precision],
        )


BITS = {"bf16": 16, "fp8": 8, "int8": 8, "int4": 4}
# Four-bit weights are multiplied as 16-bit ones.
ARITHMETIC = {"bf16": "bf16", "fp8": "fp8", "int8": "int8", "int4": "bf16"}


@dataclass(frozen=True, kw_only=True)
class Factors:
    """Coefficients as they hold for one model, GPU class and engine (numbers or arrays)."""

    read: Number
    expert_read: Number
    compute: Number
    cache_read: Number
    layer: Number
    all_reduce: Number
    link: Number
    step: Number
    sequence: Number
    first_token: Number
    interleave: Number
    norm: Number


@dataclass(frozen=True, kw_only=True)
class Bare:
    """The same replica at 100 % of its specification (numbers or arrays); seconds, or counts."""

    dense_read: Number
    expert_read: Number
    expert_share: Number
    token_compute: Number
    cache_read: Number
    attention: Number
    link_token: Number
    layers: Number
    stages: Number
    prompt_step: Number


def bare(size: ModelSize, gpu: Gpu, tensor_parallel: int, pipeline_parallel: int = 1) -> Bare:
    """Times from the specification alone: bytes over bandwidth, operations over FLOPS."""
    bandwidth = gpu.bandwidth_gb_s * 1e9 * tensor_parallel
    rate = gpu.tflops.get(size.arithmetic, gpu.tflops["bf16"]) * 1e12 * tensor_parallel
    shards = min(tensor_parallel, size.kv_heads)
    moved = 4 * size.hidden * (tensor_parallel - 1) / tensor_parallel * size.layers
    return Bare(
        dense_read=size.dense_bytes / bandwidth,
        expert_read=size.expert_bytes / bandwidth,
        expert_share=size.expert_share,
        token_compute=2 * size.compute_parameters / rate,
        cache_read=size.cache_bytes / shards / (gpu.bandwidth_gb_s * 1e9),
        attention=4 * size.layers * size.attention_width
        / (gpu.tflops["bf16"] * 1e12 * tensor_parallel),
        link_token=moved / (gpu.link_gb_s * 1e9),
        layers=size.layers,
        stages=pipeline_parallel,
        prompt_step=gpu.batched_tokens,
    )  # fmt: skip


def names_of(
    size: ModelSize, gpu: Gpu, tensor_parallel: int, engine: str = PINNED_ENGINE
) -> dict[str, tuple[str, ...]]:
    """Which coefficients make each factor: their product."""
    native = size.arithmetic in gpu.tflops
    # Relative to 16 bits: what nobody measured in a precision is expected to behave as there.
    stored = (f"read.{size.bits}",) if size.bits < 16 else ()
    if size.expert_bytes:
        reckoned: tuple[str, ...] = ("compute.expert",)
    elif size.bits < 16:
        weights_only = size.arithmetic == "bf16" or not native
        reckoned = ("compute.weight-only",) if weights_only else (f"compute.{size.arithmetic}",)
    else:
        reckoned = ()
    across = ("all_reduce.nvlink" if gpu.nvlink else "all_reduce.pcie",)
    known = GPU_CLASSES.get(gpu.compute_capability)
    of_class = {part: (f"class.{known}.{part}",) if known else () for part in _CLASS_PARTS}
    of_engine = {part: (f"engine.{engine}.{part}",) if engine != PINNED_ENGINE else ()
                 for part in ENGINE_PARTS}  # fmt: skip
    overhead = of_engine["overhead"] + of_class["overhead"]
    return {
        "read": ("read", *stored, *of_class["read"]),
        "expert_read": ("read", "read.expert", *of_class["read"]),
        "compute": ("compute", *reckoned, *of_class["compute"]),
        "cache_read": ("cache_read.latent" if size.expert_bytes else "cache_read.grouped",),
        "layer": ("layer.expert" if size.expert_bytes else "layer.dense", *overhead),
        "all_reduce": (*across, *overhead) if tensor_parallel > 1 else ("zero",),
        "link": ("link",),
        "step": ("step", *overhead),
        "sequence": ("sequence", *of_engine["sequence"]),
        "first_token": ("first_token", *of_engine["first_token"]),
        "interleave": of_engine["interleave"],
        "norm": ("norm",),
    }


_CLASS_PARTS = ("read", "compute", "overhead")
ENGINE_PARTS = ("overhead", "sequence", "first_token", "interleave")


def factors(names: Mapping[str, tuple[str, ...]], coefficients: Coefficients) -> Factors:
    """The product of the named coefficients, for each factor."""
    values = {}
    for factor, parts in names.items():
        value = 1.0
        for part in parts:
            value *= 0.0 if part == "zero" else coefficients[part]
        values[factor] = value
    return Factors(**values)


def with_factors(bare_: Bare, by: Factors) -> Replica:
    """The replica as measured ones behave: specification times coefficients."""
    # Whatever a product of coefficients says of what nobody measured, nothing exceeds the
    # specification.
    read, expert_read, compute = (
        at_least(factor, 1.0) for factor in (by.read, by.expert_read, by.compute)
    )
    return Replica(
        dense_read=bare_.dense_read * read,
        expert_read=bare_.expert_read * expert_read,
        expert_share=bare_.expert_share,
        token_compute=bare_.token_compute * compute,
        token_link=bare_.link_token * by.link,
        cache_read=bare_.cache_read * by.cache_read,
        attention=bare_.attention * compute,
        step=bare_.layers * (by.layer + by.all_reduce) + by.step,
        launches=0.0,
        prompt_launches=0.0,
        sequence=by.sequence,
        stages=bare_.stages,
        norm=by.norm,
        prompt_step=bare_.prompt_step,
        first_token=by.first_token,
        interleave=by.interleave,
        apart=0.0,
    )
