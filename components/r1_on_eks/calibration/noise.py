"""How far measurements disagree where they should not: no model can be nearer than that."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from r1_on_eks.calibration.families import family_of
from r1_on_eks.calibration.rows import Row
from r1_on_eks.calibration.scoring import SCORED, Scored

REPEATED = "same source, same configuration and load"
OTHERS = "another source, same GPU class, split and precision, near size, load and lengths"
# Between sources load, lengths and the model's size may differ by these factors; what the speed
# model expects of that is taken out.
_NEAR_LOAD, _NEAR_LENGTHS, _SIZE = 2.0, 8.0, 1.3


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Pairs of measurements that should agree.

    Attributes:
        what: The metric.
        engine: The family of engines.
        kind: `REPEATED` or `OTHERS`.
        pairs: How many.
        sources: Sources, or pairs of them, that they are of.
        median: Median disagreement, as a share of the smaller.
        over_sources: Median of the sources' (or pairs' of sources) medians.
    """

    what: str
    engine: str
    kind: str
    pairs: int
    sources: int
    median: float
    over_sources: float


def noise(scored: Mapping[str, Scored]) -> list[Noise]:
    """Disagreement by metric and family of engines, within sources and between them."""
    found = []
    for metric in SCORED:
        apart: dict[tuple[str, str], dict[str, list[float]]] = {}
        for one, other in itertools.combinations(scored[metric].each(), 2):
            kind = _kind(one[0], other[0])
            if kind:
                between = " and ".join(sorted({one[0].source, other[0].source}))
                of_kind = apart.setdefault((family_of(one[0]), kind), {})
                of_kind.setdefault(between, []).append(_disagreement(one, other))
        found += [_of(metric, *of, by_source) for of, by_source in sorted(apart.items())]
    return found


def _of(metric: str, engine: str, kind: str, by_source: Mapping[str, Sequence[float]]) -> Noise:
    each = [value for values in by_source.values() for value in values]
    return Noise(
        what=metric,
        engine=engine,
        kind=kind,
        pairs=len(each),
        sources=len(by_source),
        median=round(float(np.median(each)), 4),
        over_sources=round(float(np.median([np.median(one) for one in by_source.values()])), 4),
    )


def _kind(one: Row, other: Row) -> str:
    if _setting(one) != _setting(other):
        return ""
    loads = [(_load(row), row.prompt, row.output) for row in (one, other)]
    if one.source == other.source:
        same = one.gpu_name == other.gpu_name and one.model == other.model
        return REPEATED if same and loads[0] == loads[1] else ""
    sizes = one.size.weight_bytes, other.size.weight_bytes
    factors = (_NEAR_LOAD, _NEAR_LENGTHS, _NEAR_LENGTHS)
    near = all(map(_within, *loads, factors))
    return OTHERS if near and _within(*sizes, _SIZE) else ""


def _setting(row: Row) -> tuple[object, ...]:
    return (
        row.gpu.compute_capability, row.tensor_parallel, row.pipeline_parallel, row.replicas,
        row.precision, row.engine, row.eager,
    )  # fmt: skip


def _load(row: Row) -> float:
    return row.rate if row.arrival == "open" else row.concurrency


def _within(one: float, other: float, factor: float) -> bool:
    return max(one, other) <= factor * min(one, other)


def _disagreement(one: tuple[Row, float, float], other: tuple[Row, float, float]) -> float:
    ratio = one[2] / one[1] / (other[2] / other[1])
    return math.expm1(abs(math.log(ratio)))
