"""What those who measured are known to do, and their tables do not say."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Harness:
    """How a row was served and measured, beyond its columns.

    Attributes:
        cache_bytes: Bytes of a number in the key-value cache.
        prompt_step: Prompt tokens that one step takes; None for the engine's default.
        ahead: Whether a step is scheduled while the one before it runs, as the pinned engine does.
        eager_prompts: Whether kernels of steps with prompts are launched one by one.
        waves: Requests of each client in the run, all clients beginning at once.
        pods: Whether the GPUs of a replica exchange through the network of their pods.
    """

    cache_bytes: int = 2
    prompt_step: int | None = None
    ahead: bool = False
    eager_prompts: bool = False
    waves: float = math.inf
    pods: bool = False


# Its client asks for ten times as many answers as it has requests under way.
_INFERENCEX_WAVES = 10.0


def harness_of(source: str, engine: str, shape: str, precision: str, capability: str) -> Harness:
    """What is known of a source's way with an engine, a model and a GPU.

    Source: SemiAnalysisAI/InferenceX, benchmarks/70b_fp8_{h100,h200}_slurm.sh and
    70b_fp8_b200_docker.sh, its other scripts for the client; README.md and run-vllm.py of
    dennislee22/vLLM-benchmarking; 2026-11-25. vLLM's first engine captured graphs of decoding
    only.
    """
    if source == "InferenceX":
        vllm = engine.startswith("vllm") and shape.endswith("70B") and precision == "fp8"
        if not vllm:
            return Harness(waves=_INFERENCEX_WAVES)
        return Harness(
            cache_bytes=1,
            prompt_step=8192,
            ahead=True,
            eager_prompts=capability == "10.0",
            waves=_INFERENCEX_WAVES,
        )
    pods = source == "dennislee22/vLLM-benchmarking"
    return Harness(eager_prompts=engine == "vllm-0.7", pods=pods)
