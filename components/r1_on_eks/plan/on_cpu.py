"""One replica on an instance without GPU: what of its memory goes where.

No speed is predicted there: nobody published a measurement of these variants on these processors.
"""

from r1_on_eks.catalog.instances import InstanceType
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.plan.fit import Memory

GIB = 2**30
# vLLM's default for its server on processors, `--max-num-batched-tokens`, remembered, 2026-11.
BATCHED_TOKENS = 2048
ATTENTION = "CPU_ATTN"
# The published weights alone: of smaller ones it is not known which kernels a processor has.
PRECISION = "bf16"
# Each token reads all weights from main memory, which is slow: larger ones are for GPUs.
MOST_PARAMETERS = 2_000_000_000
# Interpreter, libraries, activations and compiled code; a guess to the safe side.
_PROCESS_GIB = 4.0


def memory_on_cpu(
    variant: Variant, checkpoint: Checkpoint, instance: InstanceType, *, tokens: int
) -> Memory:
    """What one replica takes of half of a node's memory, in place of a GPU's.

    Args:
        variant: The model.
        checkpoint: In which precision.
        instance: On what; one replica has it alone.
        tokens: Of all sequences at full length together.
    """
    budget = instance.memory_gib / 2
    weights = checkpoint.weight_bytes / GIB
    # Weights are packed anew for the processor's matrix units, beside the copy that was loaded.
    overhead = weights + _PROCESS_GIB
    per_token = variant.kv_bytes_per_token / GIB
    return Memory(
        budget=budget,
        weights=weights,
        overhead=overhead,
        graphs=0.0,
        cache=budget - weights - overhead,
        cache_per_token=per_token,
        cache_needed=per_token * tokens,
    )


def cache_gib(found: Memory) -> int:
    """Whole GiB for the cache, as vLLM takes them on a processor."""
    return max(1, -int(-found.cache_needed // 1))


def threads_of(instance: InstanceType) -> int:
    """One thread for each core: its second one serves requests."""
    return max(1, instance.vcpus // 2)
