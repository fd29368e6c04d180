"""What the speed model says of measured rows, all at once."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from r1_on_eks.calibration.rows import Row
from r1_on_eks.plan.overhead import SORTED, outside_torch
from r1_on_eks.plan.replica import Bare, Factors, bare, names_of, with_factors
from r1_on_eks.plan.speed import Replica, closed_loop, open_loop, prompt_cost, step_seconds

Array = NDArray[Any]
Indices = NDArray[np.intp]
METRICS = ("per_token", "first_token", "output_rate", "whole")
# What only a replay needs: launching kernels without CUDA graphs.
REPLAY_ONLY = ("layer.eager", "link.pods")
_GRAPHS_GIB = 0.5
_UTILIZATION = 0.9
# Tokens of a repeated prompt that are reckoned anew: the last block of the cache.
_FRESH = 16.0
# So many of a source's or set's times must be impossible for all of them to be doubted.
GIVEN_AWAY = 0.05


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """Seconds and tokens per second for each row; `saturated` where requests wait for room."""

    per_token: Array
    first_token: Array
    output_rate: Array
    whole: Array
    saturated: NDArray[np.bool_]


class Replay:
    """Rows prepared for any number of predictions with changing coefficients."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.arrival = np.array([row.arrival for row in rows])
        self.bare = _stacked([
            bare(row.size, row.gpu, row.tensor_parallel, row.pipeline_parallel) for row in rows
        ])  # fmt: skip
        self._names = [_names(row) for row in rows]
        number = {name: _column(rows, name) for name in _NUMBERS}
        self._of = {name: number[name] for name in _NUMBERS}
        self.measured = {metric: _column(rows, metric) for metric in METRICS}
        self._eager = np.array([float(row.eager) for row in rows])
        self._waves = np.array([row.harness.waves for row in rows])
        self._eager_prompts = np.array([
            float(row.eager or row.harness.eager_prompts) for row in rows
        ])  # fmt: skip
        # vLLM's first engine stops all answers while it reckons a prompt.
        self._apart = np.array([float(row.engine == "vllm-0.7") for row in rows])
        self.room = np.array([_room(row) for row in rows])
        self.from_cache = self._prompts_from_cache()
        self._cached = np.where(self.from_cache, self._of["prompt"] - _FRESH, 0.0)
        self._steady = np.array([_steady(row) for row in rows])
        self.admitted = np.array([_admitted(row) for row in rows])
        self._design: tuple[tuple[str, ...], dict[str, Array]] | None = None

    def _prompts_from_cache(self) -> NDArray[np.bool_]:
        """Who repeats prompts does so always: impossible times, if not few, give it away."""
        with np.errstate(invalid="ignore"):
            prefill = self.bare.token_compute * self._of["prompt"]
            impossible = self.measured["first_token"] < prefill
        sources = np.array([row.source for row in self.rows])
        found = np.array([row.repeated for row in self.rows])
        for source in set(sources[impossible]):
            here = sources == source
            timed = here & np.isfinite(self.measured["first_token"])
            few = (impossible & here).sum() < GIVEN_AWAY * timed.sum()
            found |= impossible & here if few else here
        # Of a burst that is more than the cache holds, each prompt drives out the next one's.
        beyond = (self.arrival == "burst") & (self._of["concurrency"] > self.room)
        return found & ~beyond

    def coefficient_names(self) -> list[str]:
        """Every coefficient that some row needs."""
        used = {part for names in self._names for parts in names.values() for part in parts}
        return sorted((used | set(REPLAY_ONLY)) - {"zero"})

    def predict(self, coefficients: Mapping[str, float]) -> Predicted:
        """What the model says of every row."""
        replica = self._replica(coefficients)
        share = self._of["replicas"]
        requests = np.maximum(np.nan_to_num(self._of["concurrency"] / share, nan=1.0), 1.0)
        per_token, first, output_rate = (np.empty(len(self.rows)) for _ in range(3))
        saturated = requests > self.room
        loops = {"open": self._open, "burst": self._burst}
        for arrival in set(self.arrival):
            at = np.flatnonzero(self.arrival == arrival)
            loop = loops.get(arrival, self._closed)
            there = loop(_at(replica, at), requests[at], at)
            per_token[at], first[at], output_rate[at] = there[:3]
            if arrival == "open":
                saturated[at] = there[3]
        return Predicted(
            per_token=per_token,
            first_token=first,
            output_rate=share * output_rate,
            whole=first + self._of["output"] * per_token,
            saturated=saturated,
        )

    def _closed(self, replica: Replica, requests: Array, at: Indices) -> tuple[Array, ...]:
        prompt, output = self._of["prompt"][at], self._of["output"][at]
        running = np.minimum(requests, self.room[at])
        # All that fit, sent at once and of one length, end and begin together.
        together = np.where(self.arrival[at] == "most", running, 1.0)
        fresh, context = prompt - self._cached[at], prompt + output / 2
        burst = prompt_cost(replica, fresh, context, running, running)
        queued = (running - 1) / 2 * burst.added / self._waves[at]
        speed = closed_loop(replica, prompt, output, running, self._cached[at], together, queued)
        return speed.per_token, speed.first_token, speed.output

    def _open(self, replica: Replica, _: Array, at: Indices) -> tuple[Array, ...]:
        prompt, output = self._of["prompt"][at], self._of["output"][at]
        rate = self._of["rate"][at] / self._of["replicas"][at]
        # A short run is over before more than a part of it is under way at a time.
        most = np.maximum(np.minimum(self.room[at], 0.6 * self._of["requests"][at]), 1.0)
        speed, _running = open_loop(replica, prompt, output, rate, most, self._cached[at])
        wanted = rate * (speed.first_token + output * speed.per_token)
        return speed.per_token, speed.first_token, rate * output, wanted > 0.95 * most

    def _replica(self, coefficients: Mapping[str, float]) -> Replica:
        by = self._factors(coefficients)
        launches = coefficients["layer.eager"] * self.bare.layers
        replica = with_factors(self.bare, by)
        return dataclasses.replace(
            replica, launches=launches * self._eager,
            prompt_launches=launches * self._eager_prompts, apart=self._apart,
        )  # fmt: skip

    def _factors(self, coefficients: Mapping[str, float]) -> Factors:
        """Products of coefficients as sums of their logarithms: one matrix per factor."""
        names = tuple(coefficients)
        if self._design is None or self._design[0] != names:
            self._design = names, {
                factor: np.array([[float(name in row[factor]) for name in names]
                                  for row in self._names])
                for factor in self._names[0]
            }  # fmt: skip
        logs = np.log(np.array([coefficients[name] for name in names]))
        values = {factor: np.exp(matrix @ logs) for factor, matrix in self._design[1].items()}
        none = np.array(["zero" in row["all_reduce"] for row in self._names])
        values["all_reduce"] = np.where(none, 0.0, values["all_reduce"])
        return Factors(**values)

    def _burst(self, replica: Replica, requests: Array, at: Indices) -> tuple[Array, ...]:
        """All requests at once: prompts queue up, then the batch runs until the longest ends."""
        prompt, output, longest = (self._of[name][at] for name in ("prompt", "output", "longest"))
        running = np.minimum(requests, self.room[at])
        context = prompt + output / 2
        fresh = prompt - self._cached[at]
        cost = prompt_cost(replica, fresh, context, running, running)
        empty = prompt_cost(replica, fresh, context, running * 0, running)
        prompts = np.minimum(cost.added, empty.own)
        others = np.maximum(running - 1, 0)
        # What waits is let in as soon as its prompt has room; what has none left while it grows
        # is put off, and its time runs on.
        admitted = np.minimum(requests, self.admitted[at])
        steady = np.minimum(admitted, self._steady[at])
        crowd = np.maximum(steady / running, 1.0)
        # Of the prompts of its wave a request waits for one half and is slowed by the other; in a
        # steady flow it is slowed by all that come while it runs.
        share = np.where(requests > running, 1.0, 0.5)
        per_token = (cost.decode + share * others * cost.added / output) * crowd
        first = replica.first_token + cost.own + others / 2 * prompts
        draining = step_seconds(replica, running * output / longest, context, 0.0)
        rounds = requests / running
        total = (
            requests * cost.added
            + np.where(rounds > 1, output * cost.decode * rounds, longest * draining)
            + replica.first_token
        )
        return per_token, first, requests * output / total


_NUMBERS = ("prompt", "output", "longest", "concurrency", "rate", "requests", "replicas")


def _column(rows: Sequence[Row], name: str) -> Array:
    return np.array([getattr(row, name) for row in rows], dtype=float)


def _names(row: Row) -> dict[str, tuple[str, ...]]:
    names = names_of(row.size, row.gpu, row.tensor_parallel, row.engine)
    if row.harness.ahead:
        names["sequence"] = ("sequence",)
    if row.harness.pods:
        names["link"] = (*names["link"], "link.pods")
    return names


def _at(replica: Replica, at: Indices) -> Replica:
    return Replica(**{name: value[at] for name, value in vars(replica).items()})


def _stacked(items: Sequence[Bare]) -> Bare:
    names = [field.name for field in dataclasses.fields(Bare)]
    return Bare(**{
        name: np.array([getattr(item, name) for item in items], dtype=float) for name in names
    })  # fmt: skip


def _room(row: Row) -> float:
    """Sequences that run at a time to their end: the engine's limit, or what the cache holds."""
    # The answers of a burst grow together, those of a steady flow are of all lengths.
    share = 1.0 if row.arrival == "burst" else 0.5
    held = _cache_tokens(row) / (row.prompt + row.output * share)
    return max(1.0, min(row.most_sequences, held))


def _admitted(row: Row) -> float:
    """Sequences that the engine lets in: those whose prompts have room."""
    return max(1.0, min(row.most_sequences, _cache_tokens(row) / row.prompt))


def _steady(row: Row) -> float:
    """Sequences of all lengths that the cache holds: those of a long queue, once they mix."""
    return max(1.0, min(row.most_sequences, _cache_tokens(row) / (row.prompt + row.output / 2)))


def _cache_tokens(row: Row) -> float:
    size, ranks = row.size, row.tensor_parallel * row.pipeline_parallel
    weights = (size.dense_bytes + size.expert_bytes) / ranks / 2**30
    vocabulary = (size.weight_bytes - size.dense_bytes - size.expert_bytes) / 2 / size.hidden
    sampling = SORTED.sampling_bytes * row.most_sequences * vocabulary / 2**30
    overhead = sampling + outside_torch(ranks, over_nodes=False) + _GRAPHS_GIB
    usual = _UTILIZATION * row.gpu.torch_visible_gib - weights - overhead
    free = (usual if math.isnan(row.cache_gib) else row.cache_gib) * 2**30
    shards = min(row.tensor_parallel, size.kv_heads) * row.pipeline_parallel
    return max(2000.0, free / (size.cache_bytes / shards))
