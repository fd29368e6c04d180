"""Our predictions beside another tool's, on rows that both can predict, as written down."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from r1_on_eks.calibration.families import NEWER
from r1_on_eks.calibration.scoring import SCORED, TITLES
from r1_on_eks.catalog.speed_coefficients import SpeedCoefficients

NAME = "beside_aiconfigurator.json"
# Of a source with fewer rows a median says little; the same as for our own errors.
_FEWEST = 3
_WORST = 6


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One measured row predicted twice; seconds, or tokens per second."""

    row: str
    source: str
    engine: str
    what: str
    ours: float
    theirs: float
    measured: float


@dataclass(frozen=True, kw_only=True)
class SourceErrors:
    """Median absolute errors and medians with their sign, on one source's rows of a metric."""

    what: str
    source: str
    engine: str
    rows: int
    ours: float
    theirs: float
    our_bias: float
    their_bias: float


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What the page tells.

    Attributes:
        version: Of the other tool.
        fitted: Our coefficients that the rows were left out of, to know when this is stale.
        sources: Errors by metric and source, of all rows.
        pairs: Rows that are committed here.
        refused: Rows that the other tool can't predict, by reason.
    """

    version: str
    fitted: dict[str, float]
    sources: list[SourceErrors]
    pairs: list[Pair]
    refused: dict[str, int]

    @classmethod
    def of(
        cls,
        pairs: Sequence[Pair],
        committed: Collection[str],
        *,
        version: str,
        fitted: SpeedCoefficients,
        refused: Mapping[str, int],
    ) -> Self:
        """Errors by source, and the committed rows one by one."""
        return cls(
            version=version,
            fitted=dict(fitted.values),
            sources=errors_by_source(pairs),
            pairs=[_rounded(pair) for pair in pairs if pair.row in committed],
            refused=dict(refused),
        )


def errors_by_source(pairs: Sequence[Pair]) -> list[SourceErrors]:
    """For each metric and source the medians of both, rows alike."""
    found = []
    for metric in SCORED:
        of_metric = [pair for pair in pairs if pair.what == metric]
        for engine, source in sorted({(pair.engine, pair.source) for pair in of_metric}):
            here = [pair for pair in of_metric if (pair.engine, pair.source) == (engine, source)]
            ours = np.array([pair.ours / pair.measured - 1 for pair in here])
            theirs = np.array([pair.theirs / pair.measured - 1 for pair in here])
            found.append(
                SourceErrors(
                    what=metric,
                    source=source,
                    engine=engine,
                    rows=len(here),
                    ours=round(float(np.median(np.abs(ours))), 4),
                    theirs=round(float(np.median(np.abs(theirs))), 4),
                    our_bias=round(float(np.median(ours)), 4),
                    their_bias=round(float(np.median(theirs)), 4),
                )
            )
    return found


def _rounded(pair: Pair) -> Pair:
    return replace(pair, **{
        name: float(f"{getattr(pair, name):.4g}") for name in ("ours", "theirs", "measured")
    })  # fmt: skip


def write(beside: Beside, path: Path) -> None:
    """Writes what `read` reads."""
    path.write_text(json.dumps(asdict(beside), indent=1, ensure_ascii=False) + "\n")


def read(path: Path) -> Beside:
    """What was written last."""
    text: dict[str, Any] = json.loads(path.read_text())
    sources = [SourceErrors(**one) for one in text.pop("sources")]
    pairs = [Pair(**one) for one in text.pop("pairs")]
    return Beside(sources=sources, pairs=pairs, **text)


def section(beside: Beside) -> str:
    """The section of the page, in Markdown."""
    lines = [
        f"## Beside aiconfigurator-core {beside.version}\n",
        "NVIDIA's predictor sums measured times of each operation; it knows neither A100 with",
        "40 GB nor A10G, and no prices. It was asked for the same requests at a time, its newest",
        "tables of the row's GPU and engine, one prompt a step, and prompts in the cache where",
        "they were. Ours are of a fit without the row's group; some of theirs rest on the same",
        "systems that a row was measured on (InferenceX is its own check).\n",
        "| what | source | engine | rows | ours | theirs | our bias | their bias |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for metric in SCORED:
        here = [one for one in beside.sources if one.what == metric]
        lines += [
            f"| {TITLES[metric]} | {one.source} | {one.engine} | {one.rows} |"
            f" {_best(one.ours, one.theirs)} | {_best(one.theirs, one.ours)} |"
            f" {one.our_bias:+.1%} | {one.their_bias:+.1%} |"
            for one in here
        ]
        lines += _medians(metric, here)
    lines += ["", _WHY, "Rows of this repository where it is nearer by most, and we by most:\n"]
    lines += [
        "| what | row | source | measured | ours | theirs |",
        "|---|---|---|---|---|---|",
        *(_line(pair) for pair in _extremes(beside.pairs)),
        "",
        "Rows that it can't predict:\n",
        *(f"- {count} × {reason}" for reason, count in beside.refused.items()),
    ]
    return "\n".join([*lines, ""])


def _medians(metric: str, errors: Sequence[SourceErrors]) -> list[str]:
    lines = []
    for engines, members in (
        (NEWER, [one for one in errors if one.engine == NEWER]),
        ("all", errors),
    ):
        counted = [one for one in members if one.rows >= _FEWEST]
        ours = float(np.median([one.ours for one in counted]))
        theirs = float(np.median([one.theirs for one in counted]))
        lines.append(
            f"| **{TITLES[metric]}** | median over {len(counted)} sources | {engines} |"
            f" {sum(one.rows for one in counted)} | {_best(ours, theirs)} |"
            f" {_best(theirs, ours)} | | |"
        )
    return lines


def _best(error: float, other: float) -> str:
    return f"**{error:.1%}**" if error < other else f"{error:.1%}"


_WHY = """\
Where it is nearer, it has measured what our fit had to do without: the time per token and the
throughput of InferenceX, which is its own check and nearly all that is public of FP8 on Hopper
and Blackwell (with those rows in the fit ours are nearer: "By group"); TensorRT-LLM as NVIDIA
itself runs it; a single request to 671b on vLLM, and bursts to 671b on other engines, which both
miss. The first token of vLLM 0.7 is timed by AccelMark alone: without the rows of a GPU class and
model, what it costs is told by the other classes. Where ours is nearer, it is queues, caches that
are full, and what an engine costs besides its kernels.
"""


def _advantage(pair: Pair) -> float:
    ours, theirs = (abs(value / pair.measured - 1) for value in (pair.ours, pair.theirs))
    return theirs - ours


def _extremes(pairs: Sequence[Pair]) -> list[Pair]:
    ranked = sorted(pairs, key=_advantage)
    return [*ranked[:_WORST], *ranked[-_WORST:]]


def _line(pair: Pair) -> str:
    scale, unit = (1, "tok/s") if pair.what == "output_rate" else (1e3, "ms")
    cells = " | ".join(
        f"{value * scale:.3g} {unit}" for value in (pair.measured, pair.ours, pair.theirs)
    )
    return f"| {TITLES[pair.what]} | {pair.row} | {pair.source} | {cells} |"
