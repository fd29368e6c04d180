"""How fast a variant answers somewhere: a prediction with its interval."""

from dataclasses import dataclass

from r1_on_eks.catalog.gpus import Gpu
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.catalog.speed_coefficients import speed_coefficients
from r1_on_eks.plan.replica import (
    GPU_CLASSES,
    ModelSize,
    bare,
    factors,
    names_of,
    with_factors,
)
from r1_on_eks.plan.speed import Replica, Speed, closed_loop, open_loop

# Errors of the engines nearest to the pinned one.
_ENGINES = "vLLM ≥ 0.8"


@dataclass(frozen=True, kw_only=True)
class Range:
    """A prediction; 9 of 10 measurements that the fit had not seen lay between low and high."""

    low: float
    likely: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one replica is expected to do.

    Attributes:
        first_token_s: Seconds to the first token, on average.
        per_token_s: Seconds per output token after it, of one answer.
        output_per_s: Output tokens per second, of all answers together.
        running: Answers under way at a time.
        calibrated: Whether GPUs of this class were measured.
    """

    first_token_s: Range
    per_token_s: Range
    output_per_s: Range
    running: float
    calibrated: bool


def replica_of(
    variant: Variant,
    checkpoint: Checkpoint,
    gpu: Gpu,
    *,
    tensor_parallel: int,
    pipeline_parallel: int = 1,
) -> Replica:
    """One replica as the committed coefficients describe it."""
    size = ModelSize.of(variant, checkpoint)
    names = names_of(size, gpu, tensor_parallel)
    by = factors(names, speed_coefficients().values)
    return with_factors(bare(size, gpu, tensor_parallel, pipeline_parallel), by)


def at_concurrency(
    replica: Replica,
    gpu: Gpu,
    *,
    prompt: int,
    output: int,
    concurrency: int,
    measured: bool = True,
) -> Estimate:
    """Speed with so many answers under way all the time.

    Args:
        replica: From `replica_of`.
        gpu: What it runs on; its class decides the interval.
        prompt: Prompt tokens of a request.
        output: Output tokens of its answer, thinking included.
        concurrency: Answers at a time; no more than fit the cache.
        measured: Whether layouts like this one were measured on any GPU.
    """
    speed = closed_loop(replica, prompt, output, concurrency)
    return _with_ranges(speed, gpu, running=concurrency, measured=measured)


def at_rate(
    replica: Replica,
    gpu: Gpu,
    *,
    prompt: int,
    output: int,
    rate: float,
    most: int,
    measured: bool = True,
) -> Estimate | None:
    """Speed with requests that arrive at random, or None where they come faster than it answers.

    Args:
        replica: From `replica_of`.
        gpu: What it runs on; its class decides the interval.
        prompt: Prompt tokens of a request.
        output: Output tokens of its answer, thinking included.
        rate: Requests per second.
        most: Answers that fit at a time.
        measured: Whether layouts like this one were measured on any GPU.
    """
    speed, running = open_loop(replica, prompt, output, rate, most)
    if rate * (speed.first_token + output * speed.per_token) > most:
        return None
    return _with_ranges(speed, gpu, running=running, measured=measured)


def _with_ranges(speed: Speed, gpu: Gpu, running: float, measured: bool = True) -> Estimate:
    calibrated = measured and gpu.compute_capability in GPU_CLASSES
    intervals = speed_coefficients().intervals

    def within(metric: str, likely: float) -> Range:
        low, high = intervals[metric]["group" if calibrated else "GPU class"][_ENGINES]
        return Range(low=likely * low, likely=likely, high=likely * high)

    return Estimate(
        first_token_s=within("first_token", speed.first_token),
        per_token_s=within("per_token", speed.per_token),
        output_per_s=within("output_rate", speed.output),
        running=running,
        calibrated=calibrated,
    )
