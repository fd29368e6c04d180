"""Over how many GPUs a model can be split."""

from r1_on_eks.catalog.model_shapes import Checkpoint, Variant

# Weights share a scale in groups or blocks of this many, which no split may cut.
_BLOCK = 128
_MOST = 64


def tensor_parallel_degrees(variant: Variant, checkpoint: Checkpoint) -> tuple[int, ...]:
    """Powers of two that vLLM 0.33 accepts as `--tensor-parallel-size`.

    Its checks, by file: heads (config/model.py), heads of the cache (models/qwen2.py, llama.py),
    groups of a quantized layer (verify_group_size_divides_partition, validate_fp8_block_shape).
    """
    powers = (2**exponent for exponent in range(_MOST.bit_length()))
    return tuple(degree for degree in powers if _divides(variant, checkpoint, degree))


def _divides(variant: Variant, checkpoint: Checkpoint, degree: int) -> bool:
    widths = [variant.intermediate]
    if variant.experts:
        widths.append(variant.experts.intermediate)
    heads, shards = variant.heads, variant.cache_shards
    whole = heads % degree == 0 and all(width % degree == 0 for width in widths)
    shared = shards % degree == 0 or degree % shards == 0
    in_blocks = checkpoint.precision == "int4" or (
        checkpoint.precision == "fp8" and variant.experts is not None
    )
    if in_blocks:
        widths.append(heads * variant.head_dim)
        whole = whole and all(width // degree % _BLOCK == 0 for width in widths)
    return whole and shared
