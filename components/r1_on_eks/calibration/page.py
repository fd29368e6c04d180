"""The committed page that holds estimates against measurements, row by row."""

from collections.abc import Callable, Iterable

from r1_on_eks.calibration.beside import Beside, section
from r1_on_eks.calibration.families import NEWER, family_of
from r1_on_eks.calibration.rows import Row
from r1_on_eks.calibration.scoring import (
    FOLDS,
    SCORED,
    TITLES,
    Scored,
    engine_family,
    inside,
    load_of,
    median_error,
    table,
)
from r1_on_eks.catalog.speed_coefficients import SpeedCoefficients

_INTRODUCTION = """\
# Estimates against measurements

Written by `r1 calibrate --score benchmarks/measured.csv --page docs/estimates.md`; the figures
are those of the fit of {fitted}, on {rows} public measurements.

The speed model has a few physical coefficients: how much of the memory bandwidth, of the tensor
cores and of the links a step reaches, what a layer, a step and a sequence cost besides, and how
engines and GPU classes differ in that. A prediction is for the pinned engine; older ones enter
through factors of their own. Every source weighs the same in the fit.

What is not in it: several nodes over a network, disaggregated prefill, speculative decoding.
Some measurements say nothing of a metric and are counted apart, with their errors, below "By
group": answers of fewer than 16 tokens; sets with a row that is faster than reading the weights
and reckoning the prompts one after the other at full specification; and, for the time to the first
token, loads beyond saturation, where it has no bound, and prompts that came from the engine's
cache: some harnesses send the same ones again, which times to the first token give away that are
shorter than the specification allows.
"""
_WORST, _BEST = 8, 4
_PREFIX = "DeepSeek-R1-"
_UNITS = {"per_token": (1e3, "ms"), "first_token": (1e3, "ms"), "output_rate": (1, "tok/s")}


def page_of(
    scored: dict[str, Scored],
    aside: dict[str, dict[str, Scored]],
    fit: SpeedCoefficients,
    beside: Beside | None,
) -> str:
    """The page, in Markdown; with another tool's predictions where there are some."""
    parts = [_INTRODUCTION.format(fitted=fit.fitted, rows=fit.rows)]
    parts += [_left_out(fit)]
    parts += [_home(fit)]
    parts += [section(beside)] if beside else []
    parts += [_groups(scored, fit), _aside(aside)]
    parts += [_extremes(scored)]
    parts += [_every_row(scored)]
    return "\n".join(parts)


def _left_out(fit: SpeedCoefficients) -> str:
    lines = [
        "## Rows left out of the fit\n",
        "Each row is predicted by coefficients that were fitted without its group: the rows of",
        "its GPU class, model and source together; then without its whole GPU class, as for",
        "hardware that nobody has measured yet; without its model; and without its source.",
        "Medians of the absolute error, read in three ways: every row alike; the median of the",
        "sources' medians (of those with three rows or more); and over rows with every source",
        "alike, those with a single row too. The stated interval is the widest that any of these",
        "needs for nine in ten of its rows to be inside: for a calibrated class without the one",
        "that leaves out whole classes, for another with it.\n",
        _aims(fit),
        "| left out | what | engine | rows | median error | over sources | sources alike | bias |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for folding, metrics in fit.errors.items():
        for metric, rows in metrics.items():
            lines += [
                f"| {folding} | {TITLES[metric]} | {row['group']} | {row['rows']} |"
                f" {row['median']:.1%} | {_share(row['over_sources'])} | {row['weighted']:.1%} |"
                f" {row['bias']:+.1%} |"
                for row in rows
            ]
    return "\n".join([*lines, ""])


# What is aimed at for the engines from vLLM 0.8 on: where the GPU class is calibrated, and where
# it isn't.
_CALIBRATED = {"per_token": 0.12, "first_token": 0.25, "output_rate": 0.20}
_AIMS = {
    "group": _CALIBRATED,
    "GPU class": {"per_token": 0.25, "first_token": 0.25, "output_rate": 0.20},
    "model": _CALIBRATED,
    "source": _CALIBRATED,
}
_READINGS = {"median": "rows", "over_sources": "sources", "weighted": "rows, sources alike"}


def _aims(fit: SpeedCoefficients) -> str:
    lines = [
        "| left out | what, vLLM ≥ 0.8 | n | aim | "
        + " | ".join(_READINGS.values())
        + " | inside the 90 % interval |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for folding, aims in _AIMS.items():
        for metric, aim in aims.items():
            row = fit.errors[folding][metric][0]
            cells = [
                f"{_share(row[name])}" + ("" if (row[name] or 0) <= aim else " **missed**")
                for name in _READINGS
            ]
            lines.append(
                f"| {folding} | {TITLES[metric]} | {row['rows']} | {aim:.0%} | "
                + " | ".join(cells)
                + f" | {fit.inside[folding][metric][NEWER]:.1%} |"
            )
    return "\n".join([*lines, "", _WHY_MISSED, *_noise(fit)])


_NOISE = """\
How near could anybody be? Measurements that should agree do not quite: those of one source, of one
model, GPU, split, precision and load; and those of two sources, near in load, lengths and size,
once what the model expects of the difference is taken out (so that this also counts its errors).
Half of a disagreement remains for the best of predictions between the two:
"""


def _noise(fit: SpeedCoefficients) -> list[str]:
    return [
        _NOISE,
        "| what | engine | pairs of | pairs | sources | median apart | over sources |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {TITLES[one['what']]} | {one['engine']} | {one['kind']} | {one['pairs']} |"
            f" {one['sources']} | {one['median']:.1%} | {one['over_sources']:.1%} |"
            for one in fit.noise
        ),
        "",
    ]


_WHY_MISSED = """\
Half of the rows are InferenceX's, and FP8 on H100, H200 and B200 is measured by hardly anybody
else. What carries over to GPUs and models without rows is what is known of how they were served:
its scripts keep the cache in FP8, schedule a step ahead, begin with a request of every client,
and on B200 launch the kernels of prompts one by one; other harnesses repeat prompts, or join GPUs
through the network of their pods. Before that was reckoned with, coefficients bent to it.

What is missed is in the last reading, where a single row weighs as much as a whole source: a
burst on two data-parallel halves of one node, cards whose software is not stated, one request to
671b (the worst cases below); and the time to the first token of small prompts on a class of GPUs
without any rows, most of it a server's fixed cost. Rows of vLLM 0.7 and of other engines, which
share coefficients with those of vLLM 0.8 and later but have no aim of their own, are farther off.
"""


_BETWEEN = """\
One answer at a time and a full engine are met; between them, at 2 and 5 requests a second, a
token takes 1.4 and 1.7 times as long as estimated. It isn't the A100 with 40 GB: the same harness
and engine are as far off at these rates on eight A800, and farther on eight H200. Nor is it a
queue alone: of four answers at a time each takes 15 % longer than one by itself, where reading
their cache and reckoning each other's prompts explains 4 %. What remains looks like a cost of
this engine for each sequence beside seven ranks, more for the first ones than for the next, which
a factor that is one for all numbers of sequences doesn't follow. 5 a second is nine tenths of
what the same GPUs answered of a hundred requests at once: there, a few per cent of a step are
many answers under way.
"""


def _home(fit: SpeedCoefficients) -> str:
    lines = [
        "## On a p4d.24xlarge, by name\n",
        "Eight A100 with 40 GB behind NVLink, every public measurement of them; each predicted by",
        "a fit without its group. All are of vLLM 0.7, which enters through factors of its own.",
        _BETWEEN,
        "| row | what | model | precision | split | load | estimate | measured | off |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in fit.home:
        scale, unit = _UNITS[row["what"]]
        lines.append(
            f"| {row['row']} | {TITLES[row['what']]} | {row['model'].removeprefix(_PREFIX)} |"
            f" {row['precision']} | TP{row['tensor_parallel']} | {row['load']} |"
            f" {row['predicted'] * scale:.3g} {unit} | {row['measured'] * scale:.3g} {unit} |"
            f" {row['predicted'] / row['measured'] - 1:+.0%} |"
        )
    return "\n".join([*lines, ""])


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _groups(scored: dict[str, Scored], fit: SpeedCoefficients) -> str:
    lines = [
        "## By group\n",
        "The committed coefficients on the rows of this table.\n",
        "| what | by | group | rows | median error | bias | inside the 90 % interval |",
        "|---|---|---|---|---|---|---|",
    ]
    by: tuple[tuple[str, Callable[[Row], str]], ...] = (
        ("engine", engine_family), ("GPU", lambda row: row.gpu_name), ("model", FOLDS["model"]),
        ("source", FOLDS["source"]),
    )  # fmt: skip
    for metric in SCORED:
        for title, key in by:
            for errors in table(scored[metric], key)[1:]:
                members = [key(row) == errors.group for row in scored[metric].rows]
                covered = _covered(scored[metric].of(members), fit.intervals[metric]["group"])
                lines.append(
                    f"| {TITLES[metric]} | {title} | {errors.group} | {errors.rows} |"
                    f" {errors.median:.1%} | {errors.bias:+.1%} | {covered:.0%} |"
                )
    return "\n".join([*lines, ""])


def _aside(aside: dict[str, dict[str, Scored]]) -> str:
    lines = [
        "Measurements of this table that are not among those:\n",
        "| what | why | rows | median error |",
        "|---|---|---|---|",
    ]
    for metric, by_reason in aside.items():
        lines += [
            f"| {TITLES[metric]} | {reason} | {len(found.rows)} | {median_error(found):.0%} |"
            for reason, found in by_reason.items()
        ]
    return "\n".join([*lines, ""])


def _covered(scored: Scored, intervals: dict[str, tuple[float, float]]) -> float:
    found = 0.0
    for family in {family_of(row) for row in scored.rows}:
        part = scored.of([family_of(row) == family for row in scored.rows])
        found += inside(part, intervals[family]) * len(part.rows)
    return found / len(scored.rows)


def _extremes(scored: dict[str, Scored]) -> str:
    lines = ["## Best and worst\n", f"| what | {_HEAD} |", f"|---|{_RULE}|"]
    for metric in SCORED:
        ranked = sorted(scored[metric].each(), key=lambda one: abs(one[1] / one[2] - 1))
        for one in [*ranked[:_BEST], *ranked[-_WORST:]]:
            lines.append(f"| {TITLES[metric]} | {_line(metric, *one)} |")
    return "\n".join([*lines, ""])


def _every_row(scored: dict[str, Scored]) -> str:
    lines = ["## Every row\n"]
    for metric in SCORED:
        lines += [f"### {TITLES[metric].capitalize()}\n", f"| {_HEAD} |", f"|{_RULE}|"]
        lines += [f"| {_line(metric, *one)} |" for one in _by_id(scored[metric].each())]
        lines.append("")
    return "\n".join(lines)


_HEAD = (
    "row | model | precision | GPUs | engine | tokens in/out | load | estimate | measured | off"
)
_RULE = "|".join(["---"] * 10)


def _by_id(rows: Iterable[tuple[Row, float, float]]) -> list[tuple[Row, float, float]]:
    return sorted(rows, key=lambda one: one[0].id)


def _line(metric: str, row: Row, predicted: float, measured: float) -> str:
    scale, unit = _UNITS[metric]
    gpus = f"{row.tensor_parallel * row.pipeline_parallel:g} × {row.gpu_name}"
    cells = (
        row.id, row.model.removeprefix(_PREFIX), row.precision, gpus, row.engine,
        f"{row.prompt:.0f}/{row.output:.0f}", load_of(row),
        f"{predicted * scale:.3g} {unit}", f"{measured * scale:.3g} {unit}",
        f"{predicted / measured - 1:+.0%}",
    )  # fmt: skip
    return " | ".join(cells)
