"""Finds the coefficients that measured rows agree with best."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from r1_on_eks.calibration.replay import GIVEN_AWAY, METRICS, Array, Predicted, Replay
from r1_on_eks.calibration.rows import Row

# Where the search starts, and by what factor a coefficient may leave it: wide where little is
# known beforehand, narrow where physics says that it is near one.
_STARTS: tuple[tuple[str, float, float], ...] = (
    ("read", 1.25, 1.35),
    ("read.8", 1.1, 1.5),
    ("read.4", 1.3, 1.6),
    ("read.expert", 1.2, 2),
    ("compute", 1.5, 1.5),
    ("compute.fp8", 0.9, 2),
    ("compute.int8", 1.0, 2),
    ("compute.weight-only", 1.1, 2),
    ("compute.expert", 1.5, 3),
    ("cache_read.grouped", 1.3, 2),
    ("cache_read.latent", 2.0, 4),
    ("norm", 2.5, 2.5),
    ("layer.dense", 15e-6, 4),
    ("layer.expert", 150e-6, 4),
    ("layer.eager", 500e-6, 4),
    ("all_reduce.nvlink", 12e-6, 4),
    ("all_reduce.pcie", 40e-6, 4),
    ("link", 1.3, 3),
    ("link.pods", 4.0, 4),
    ("step", 1e-3, 4),
    ("sequence", 15e-6, 10),
    ("first_token", 12e-3, 4),
    ("engine.vllm-0.7.overhead", 1.8, 4),
    ("engine.vllm-0.7.sequence", 4.0, 10),
    ("engine.vllm-0.7.first_token", 1.5, 4),
    ("engine.vllm-0.7.interleave", 0.6, 4),
    ("engine.vllm-0.10.overhead", 1.2, 2),
    ("engine.vllm-0.10.sequence", 2.0, 10),
    ("engine.vllm-0.10.first_token", 1.5, 4),
    ("engine.vllm-0.10.interleave", 1.0, 1.3),
    ("engine.sglang.overhead", 0.8, 3),
    ("engine.sglang.first_token", 8.0, 4),
    ("engine.tensorrt-llm.overhead", 0.8, 3),
    ("engine.tensorrt-llm.first_token", 8.0, 4),
)
# Nothing reads faster than its bandwidth or computes faster than its tensor cores.
_AT_LEAST_ONE = {"read", "cache_read.grouped", "compute", "norm"}
# How strongly a coefficient is pulled to where the search starts. A precision is expected to
# reach the share of its own specification that 16 bits do, so that a GPU class measured in one
# precision tells of the class; what launching a layer takes is the processor's, and known.
_USUAL, _CLASS_COMPUTE = 0.5, 0.3
_PULLS = {
    "compute.fp8": 1.0, "compute.int8": 1.0, "compute.weight-only": 1.0, "read.8": 1.0,
    "read.4": 0.6, "layer.eager": 2.0,
}  # fmt: skip
# Errors beyond this count linearly, not squared: tables hold outliers.
_LINEAR_BEYOND = 0.1
_WEIGHTS = {"per_token": 1.0, "first_token": 0.9, "output_rate": 0.7, "whole": 0.7}
# The search begins inside of its bounds, and ends when a step gains less than this share.
_INSIDE, _ENOUGH = 1e-6, 1e-6
# A cell with fewer rows says too little to bend the fit.
_FEWEST = 3
_ASSUMED = 0.3
_SHORTEST = 16
_COARSE_S = 2


def fit(rows: Sequence[Row], near: Mapping[str, float] | None = None) -> dict[str, float]:
    """Coefficients by robust least squares on logarithms of predicted over measured.

    Every source weighs the same in each engine group, however many rows it has. The search begins
    where it usually does, or `near` the answer for almost the same rows, which is faster.
    """
    replay = Replay(rows)
    # What no row speaks of stays where the search starts.
    names = sorted({*replay.coefficient_names(), *(name for name, _, _ in _STARTS)})
    start, low, high, pull = _search_space(names)
    weights = _row_weights(replay, dict(zip(names, np.exp(start), strict=True)))

    counted = {metric: np.flatnonzero(weight) for metric, weight in weights.items()}

    def residuals(logs: Array) -> Array:
        predicted = replay.predict(dict(zip(names, np.exp(logs), strict=True)))
        parts = [_robust(_errors(replay, predicted, metric)[used]) * weights[metric][used]
                 for metric, used in counted.items()]  # fmt: skip
        return np.concatenate([*parts, (logs - start) * pull])

    begin = start if near is None else np.log([near.get(name, np.nan) for name in names])
    begin = np.clip(np.where(np.isfinite(begin), begin, start), low + _INSIDE, high - _INSIDE)
    found = least_squares(residuals, begin, bounds=(low, high), max_nfev=60, ftol=_ENOUGH)
    return {name: float(value) for name, value in zip(names, np.exp(found.x), strict=True)}


def _search_space(names: Sequence[str]) -> tuple[Array, Array, Array, Array]:
    known = {name: (start, width) for name, start, width in _STARTS}
    starts, lows, highs, pulls = [], [], [], []
    for name in names:
        start, width = known.get(name, (1.0, 4.0))
        low = start / width
        if name in _AT_LEAST_ONE:
            low = max(low, 1.0)
        starts.append(np.log(start))
        lows.append(np.log(low))
        highs.append(np.log(start * width))
        pulls.append(_pull(name))
    return np.array(starts), np.array(lows), np.array(highs), np.array(pulls)


def _pull(name: str) -> float:
    if name.startswith("class.") and name.endswith(".compute"):
        return _CLASS_COMPUTE
    return _PULLS.get(name, _USUAL)


def _errors(replay: Replay, predicted: Predicted, metric: str) -> Array:
    with np.errstate(all="ignore"):
        errors = np.log(getattr(predicted, metric) / replay.measured[metric])
    return np.clip(np.nan_to_num(errors, nan=0.0, posinf=3.0, neginf=-3.0), -3, 3)


def _robust(errors: Array) -> Array:
    scaled = 1 + (errors / _LINEAR_BEYOND) ** 2
    return np.sign(errors) * _LINEAR_BEYOND * np.sqrt(2 * (np.sqrt(scaled) - 1))


def _row_weights(replay: Replay, start: Mapping[str, float]) -> dict[str, Array]:
    saturated = replay.predict(start).saturated
    cells = np.array([f"{row.source} {row.engine}" for row in replay.rows])
    foreign = np.array([not row.engine.startswith("vllm") for row in replay.rows])
    first_engine = np.array([row.engine == "vllm-0.7" for row in replay.rows])
    weights = {}
    for metric in METRICS:
        used = in_use(replay, metric, saturated)
        weight = np.zeros(len(replay.rows))
        for cell in set(cells):
            here = (cells == cell) & used
            if here.sum() >= _FEWEST:
                weight[here] = min(1.0, np.sqrt(here.sum() / 12)) / np.sqrt(here.sum())
        # Another engine says how experts behave, less how vLLM does.
        weight *= np.where(foreign, 0.2 if metric == "first_token" else 0.5, 1.0)
        weight *= np.where(saturated, np.where(first_engine, 0.2, 0.5), 1.0)
        # Cards don't state how the GPUs were split at full load; it is assumed.
        weight *= np.where(replay.arrival == "most", _ASSUMED, 1.0)
        weights[metric] = 6 * _WEIGHTS[metric] * weight
    return weights


def in_use(replay: Replay, metric: str, saturated: Array, doubted: Collection[str] = ()) -> Array:
    """Rows that say something about a metric."""
    used = has(replay, metric)
    for against in left_out(replay, metric, saturated, doubted).values():
        used &= ~against
    return used


def has(replay: Replay, metric: str) -> Array:
    """Rows that have a measurement of a metric."""
    measured = replay.measured[metric]
    return np.isfinite(measured) & (measured > 0)


def left_out(
    replay: Replay, metric: str, saturated: Array, doubted: Collection[str] = ()
) -> dict[str, Array]:
    """Measurements that say nothing about a metric, by the reason why.

    Args:
        replay: The rows.
        metric: One of `METRICS`.
        saturated: Rows whose requests wait for room.
        doubted: Sets that were found too fast before, with rows that aren't here.
    """
    short = np.array([row.output < _SHORTEST for row in replay.rows])
    sets = np.array([row.set_name for row in replay.rows])
    in_doubt = np.isin(sets, [*doubted_sets(replay), *doubted])
    found = {
        f"answers of fewer than {_SHORTEST} tokens": short,
        "too fast to be believed, or of a set that is": in_doubt | too_fast(replay),
    }
    if metric == "first_token":
        found["prompts that the engine had in its cache"] = replay.from_cache
        found["loads beyond saturation, where it has no bound"] = saturated
    if metric == "output_rate":
        found["a rate that was set, not found"] = replay.arrival == "open"
    if metric == "whole":
        found["rounded to 0.1 s"] = replay.measured[metric] < _COARSE_S
    return found


def doubted_sets(replay: Replay) -> list[str]:
    """Sets of which rows, and not just a few, are too fast."""
    names, fast = np.array([row.set_name for row in replay.rows]), too_fast(replay)
    return [
        str(name) for name in sorted(set(names[fast]))
        if fast[names == name].mean() >= GIVEN_AWAY
    ]  # fmt: skip


def too_fast(replay: Replay) -> NDArray[np.bool_]:
    """Rows whose time per token is shorter than any engine's.

    Than reading the weights and reckoning the prompts that come in meanwhile take one after the
    other, with all of the bandwidth and all of the tensor cores' rate.
    """
    bare = replay.bare
    prefill = bare.token_compute * np.array([row.prompt for row in replay.rows])
    output = np.array([row.output for row in replay.rows])
    running = np.array([row.concurrency / row.replicas for row in replay.rows])
    floor = bare.dense_read + bare.expert_read * bare.expert_share
    with np.errstate(invalid="ignore"):
        floor = floor + np.maximum(running - 1, 0) * prefill / output * ~replay.from_cache
        known = (replay.arrival == "closed") & (running <= replay.room)
        return known & (replay.measured["per_token"] < floor)
