"""How far predictions are from measurements, by group, in sample and on rows left out."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from r1_on_eks.calibration.fitting import fit, has, in_use, left_out
from r1_on_eks.calibration.replay import Array, Predicted, Replay
from r1_on_eks.calibration.rows import Row
from r1_on_eks.plan.replica import GPU_CLASSES

SCORED = ("per_token", "first_token", "output_rate")
TITLES = {
    "per_token": "time per output token",
    "first_token": "time to first token, below saturation",
    "output_rate": "throughput",
}
# Of the next measurements one in twenty may lie below an interval, and one above.
_ONE_IN = 20
# Too few to speak of a source's median.
_FEWEST = 3


def gpu_class(row: Row) -> str:
    """The class whose coefficients a row's GPU shares."""
    return GPU_CLASSES.get(row.gpu.compute_capability, row.gpu.compute_capability)


def engine_family(row: Row) -> str:
    """Engines whose errors are told apart."""
    return {"vllm-0.20": "vLLM ≥ 0.20", "vllm-0.10": "vLLM 0.8–0.19", "vllm-0.7": "vLLM 0.7"}.get(
        row.engine, "other engines"
    )


# Several families together, beside each of them.
_TOGETHER: dict[str, Callable[[Row], bool]] = {
    "vLLM ≥ 0.8": lambda row: row.engine in ("vllm-0.10", "vllm-0.20"),
    # One whose version is not stated is taken for one of the second half of 2025.
    "vLLM ≥ 0.10": lambda row: row.engine in ("vllm-0.10", "vllm-0.20") and not row.minor < 10,
}


def load_of(row: Row) -> str:
    """How requests come, in a few words."""
    if row.arrival == "most":
        return "most"
    return f"{row.rate:g}/s" if row.arrival == "open" else f"{row.arrival} {row.concurrency:g}"


# What a fold leaves out, by the name of the folding.
FOLDS: dict[str, Callable[[Row], str]] = {
    "group": lambda row: f"{gpu_class(row)} · {row.model} · {row.source}",
    "GPU class": gpu_class,
    "model": lambda row: row.model,
    "source": lambda row: row.source,
}


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Predicted over measured for rows and a metric, those in use; `rows` and `ratio` match."""

    rows: list[Row]
    predicted: Array
    measured: Array

    @property
    def ratio(self) -> Array:
        """Predicted over measured."""
        return self.predicted / self.measured

    def each(self) -> Iterator[tuple[Row, float, float]]:
        """Each row with its prediction and its measurement."""
        for row, predicted, measured in zip(self.rows, self.predicted, self.measured, strict=True):
            yield row, float(predicted), float(measured)

    def of(self, members: Sequence[bool] | Array) -> "Scored":
        """Some of the rows."""
        chosen = np.flatnonzero(np.asarray(members, dtype=bool))
        return Scored(
            rows=[self.rows[index] for index in chosen.tolist()],
            predicted=self.predicted[chosen],
            measured=self.measured[chosen],
        )


def score(
    rows: Sequence[Row], coefficients: Mapping[str, float], doubted: Collection[str] = ()
) -> dict[str, Scored]:
    """Predictions against measurements, for each metric; `doubted` as in `left_out`."""
    replay = Replay(rows)
    return _scored(replay, coefficients, _all(rows), doubted)


def not_scored(
    rows: Sequence[Row], coefficients: Mapping[str, float], doubted: Collection[str] = ()
) -> dict[str, dict[str, Scored]]:
    """What `score` leaves out, by metric and reason; a row that has several counts in each."""
    replay = Replay(rows)
    predicted = replay.predict(coefficients)
    return {
        metric: {
            reason: _part(replay, predicted, metric, members)
            for reason, against in left_out(replay, metric, predicted.saturated, doubted).items()
            if (members := against & has(replay, metric)).any()
        }
        for metric in SCORED
    }


def _scored(
    replay: Replay,
    coefficients: Mapping[str, float],
    chosen: Array,
    doubted: Collection[str] = (),
) -> dict[str, Scored]:
    predicted = replay.predict(coefficients)
    return {
        metric: _part(
            replay,
            predicted,
            metric,
            in_use(replay, metric, predicted.saturated, doubted) & chosen,
        )
        for metric in SCORED
    }


def _part(replay: Replay, predicted: Predicted, metric: str, members: Array) -> Scored:
    used = np.flatnonzero(members)
    return Scored(
        rows=[replay.rows[index] for index in used.tolist()],
        predicted=getattr(predicted, metric)[used],
        measured=replay.measured[metric][used],
    )


def cross_validate(
    rows: Sequence[Row], folding: str, told: Callable[[str], None]
) -> dict[str, Scored]:
    """Each row predicted by coefficients that were fitted without its fold."""
    of = FOLDS[folding]
    replay = Replay(rows)
    keys = np.array([of(row) for row in rows])
    parts: dict[str, list[Scored]] = {metric: [] for metric in SCORED}
    names = sorted(set(keys))
    near = fit(rows)
    for number, name in enumerate(names, 1):
        told(f"leaving out {folding} {number} of {len(names)}: {name}")
        without = fit([row for row in rows if of(row) != name], near)
        for metric, scored in _scored(replay, without, keys == name).items():
            parts[metric].append(scored)
    return {metric: _joined(found) for metric, found in parts.items()}


def _all(rows: Sequence[Row]) -> Array:
    return np.ones(len(rows), dtype=bool)


def _joined(parts: Sequence[Scored]) -> Scored:
    return Scored(
        rows=[row for part in parts for row in part.rows],
        predicted=np.concatenate([part.predicted for part in parts]),
        measured=np.concatenate([part.measured for part in parts]),
    )


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Errors of one group, as shares: 0.12 is 12 %.

    Attributes:
        group: Its name.
        rows: How many.
        median: Median of the absolute errors, every row counting the same.
        over_sources: Median of the sources' medians, of those with three rows or more.
        weighted: Median over rows where every source weighs the same, those with one row too.
        bias: Median with its sign.
        ninth: Nine of ten absolute errors are smaller.
    """

    group: str
    rows: int
    median: float
    over_sources: float | None
    weighted: float
    bias: float
    ninth: float


def errors_of(scored: Scored, group: str, members: Sequence[bool] | Array) -> Errors | None:
    """Errors of some rows; None where there is no such row."""
    chosen = np.asarray(members, dtype=bool)
    if not chosen.any():
        return None
    off = scored.ratio[chosen] - 1
    sources = np.array([row.source for row in scored.rows])[chosen]
    counted = [source for source in set(sources) if (sources == source).sum() >= _FEWEST]
    medians = [float(np.median(np.abs(off[sources == source]))) for source in counted]
    return Errors(
        group=group,
        rows=int(chosen.sum()),
        median=float(np.median(np.abs(off))),
        over_sources=float(np.median(medians)) if medians else None,
        weighted=_weighted_median(np.abs(off), sources),
        bias=float(np.median(off)),
        ninth=float(np.quantile(np.abs(off), 0.9)),
    )


def median_error(scored: Scored) -> float:
    """Median of the absolute errors, every row counting the same."""
    return float(np.median(np.abs(scored.ratio - 1)))


def _weighted_median(errors: Array, sources: Array) -> float:
    weights = np.array([1 / (sources == source).sum() for source in sources])
    order = np.argsort(errors)
    below = np.cumsum(weights[order])
    return float(errors[order][np.searchsorted(below, below[-1] / 2)])


def table(scored: Scored, by: Callable[[Row], str]) -> list[Errors]:
    """Errors group by group, after those of all rows."""
    keys = np.array([by(row) for row in scored.rows])
    found = [errors_of(scored, "all", _all(scored.rows))]
    found += [errors_of(scored, name, keys == name) for name in sorted(set(keys))]
    return [errors for errors in found if errors is not None]


def engine_table(scored: Scored) -> list[Errors]:
    """Errors by engine: first of several families together, then of all, then of each."""
    together = [
        errors_of(scored, name, [member(row) for row in scored.rows])
        for name, member in _TOGETHER.items()
    ]
    return [*(errors for errors in together if errors), *table(scored, engine_family)]


def interval(scored: Scored, members: Sequence[bool] | Array) -> tuple[float, float]:
    """Factors on a prediction between which at least 90 % of the measurements lie.

    The ⌊(n + 1) · 0.05⌋-th of n factors from each end: the order statistics that hold for one
    more measurement like these (split conformal prediction, arXiv:1604.04173). A quantile
    between two factors would leave one of them outside. Fewer than 19 have no such factor: they
    get the outermost ones.
    """
    factor = np.sort(1 / scored.ratio[np.asarray(members, dtype=bool)])
    outside = max((len(factor) + 1) // _ONE_IN - 1, 0)
    return float(factor[outside]), float(factor[-1 - outside])


def inside(scored: Scored, bounds: tuple[float, float]) -> float:
    """Share of the measurements that lie within an interval."""
    factor = 1 / scored.ratio
    return float(np.mean((factor >= bounds[0]) & (factor <= bounds[1])))
