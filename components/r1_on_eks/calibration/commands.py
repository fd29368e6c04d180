"""`r1 calibrate`: what each form of it does."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from r1_on_eks.calibration import beside
from r1_on_eks.calibration.families import family_of
from r1_on_eks.calibration.noise import noise
from r1_on_eks.calibration.page import page_of
from r1_on_eks.calibration.results import calibrate, in_family, write
from r1_on_eks.calibration.rows import Row, read
from r1_on_eks.calibration.scoring import (
    FOLDS,
    SCORED,
    TITLES,
    Errors,
    Scored,
    engine_table,
    inside,
    median_error,
    not_scored,
    score,
    table,
)
from r1_on_eks.catalog.speed_coefficients import FILE, speed_coefficients
from r1_on_eks.screen import screen

GROUPINGS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("GPU class", FOLDS["GPU class"]),
    ("GPU", lambda row: row.gpu_name),
    ("model", FOLDS["model"]),
    ("source", FOLDS["source"]),
    ("arrival", lambda row: row.arrival),
)

# Columns for the name of a group; longer ones go on below.
_NAME = 23


def run(arguments: argparse.Namespace) -> int:
    """Runs `r1 calibrate`.

    Returns:
        0 fine, 2 a file that can't be read.
    """
    try:
        # What a stand-in took can be held against the plan; it must not become the plan.
        rows, skipped = read(map(Path, arguments.rows), rehearsed=arguments.score)
    except OSError as error:
        print(f"r1 calibrate: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"r1 calibrate: {error}", file=sys.stderr)
        return 2
    _tell_skipped(len(rows), skipped)
    if not rows:
        print("r1 calibrate: no row that the model can speak about", file=sys.stderr)
        return 2
    if not arguments.score:
        calibration = calibrate(rows, _progress)
        write(calibration, FILE)
        speed_coefficients.cache_clear()
        print(f"wrote {FILE.name}: {len(calibration.coefficients)} coefficients")
        for folding, scored in calibration.left_out.items():
            print(f"\nrows left out of the fit, by {folding}")
            _print_tables(scored, ())
        return 0
    fitted = speed_coefficients()
    scored = score(rows, fitted.values, fitted.doubted)
    aside = not_scored(rows, fitted.values, fitted.doubted)
    if arguments.page:
        _write_page(Path(arguments.page), scored, aside)
    elif arguments.json:
        print(json.dumps(_as_json(scored, aside, skipped), indent=1, ensure_ascii=False))
    else:
        _print_tables(scored, GROUPINGS)
        _print_coverage(scored)
        _print_noise(scored)
        _print_aside(aside)
    return 0


def _write_page(
    path: Path, scored: dict[str, Scored], aside: dict[str, dict[str, Scored]]
) -> None:
    other = path.with_name(beside.NAME)
    found = beside.read(other) if other.exists() else None
    if found and found.fitted != speed_coefficients().values:
        print(f"{other} is of another fit: python benchmarks/beside_aiconfigurator.py benchmarks/"
              "measured.csv", file=sys.stderr)  # fmt: skip
    path.write_text(page_of(scored, aside, speed_coefficients(), found))
    print(f"wrote {path}")


def _progress(step: str) -> None:
    print(f"  … {step}", file=sys.stderr, flush=True)


def _tell_skipped(used: int, skipped: Counter[str]) -> None:
    print(f"{used} of {used + skipped.total()} rows are used", file=sys.stderr)
    for reason, count in skipped.most_common():
        print(f"not used: {count} × {reason}", file=sys.stderr)


def _print_tables(
    scored: dict[str, Scored], groupings: Sequence[tuple[str, Callable[[Row], str]]]
) -> None:
    console = screen()
    for metric in SCORED:
        if not scored[metric].rows:
            print(f"{TITLES[metric]}: no measurement of it is scored")
            continue
        shown = Table(
            "", "", "rows", "median\nerror", "over\nsources", "sources\nalike", "bias",
            "9 of 10\nwithin",
            title=TITLES[metric], title_justify="left", box=None, pad_edge=False,
            padding=(0, 1, 0, 0),
        )  # fmt: skip
        shown.columns[1].overflow = "fold"
        shown.columns[1].min_width = _NAME
        for column in shown.columns[2:]:
            column.justify = "right"
        for errors in engine_table(scored[metric]):
            shown.add_row("engine", errors.group, *cells(errors))
        for title, by in groupings:
            for errors in table(scored[metric], by)[1:]:
                shown.add_row(title, errors.group.removeprefix("DeepSeek-R1-"), *cells(errors))
        console.print(shown)


def cells(errors: Errors) -> list[str]:
    """Rows, three medians, bias and ninth decile, as text."""
    over = "–" if errors.over_sources is None else f"{errors.over_sources:.1%}"
    return [
        str(errors.rows),
        f"{errors.median:.1%}",
        over,
        f"{errors.weighted:.1%}",
        f"{errors.bias:+.1%}",
        f"{errors.ninth:.0%}",
    ]


def _print_coverage(scored: dict[str, Scored]) -> None:
    print("measured values inside the stated 90 % intervals")
    for metric in SCORED:
        intervals = speed_coefficients().intervals[metric]["group"]
        for family, bounds in intervals.items():
            found = scored[metric].of(in_family(scored[metric], family))
            if found.rows:
                print(f"  {TITLES[metric]}, {family}: {inside(found, bounds):.0%}"
                      f" of {len(found.rows)}")  # fmt: skip


def _print_noise(scored: dict[str, Scored]) -> None:
    print("how far measurements disagree that should not")
    for one in noise(scored):
        print(f"  {TITLES[one.what]}, {one.engine}, {one.kind}: {one.pairs} pairs,"
              f" median {one.median:.1%}")  # fmt: skip


def _print_aside(aside: dict[str, dict[str, Scored]]) -> None:
    print("measured values not among those above, and how far off they are")
    for metric, by_reason in aside.items():
        for reason, found in by_reason.items():
            print(f"  {TITLES[metric]}: {len(found.rows)} × {reason}"
                  f" (median error {median_error(found):.0%})")  # fmt: skip


def _as_json(
    scored: dict[str, Scored], aside: dict[str, dict[str, Scored]], skipped: Counter[str]
) -> dict[str, object]:
    metrics: dict[str, object] = {
        metric: {
            "groups": {
                "engine": [asdict(errors) for errors in engine_table(scored[metric])],
                **{title: [asdict(errors) for errors in table(scored[metric], by)]
                   for title, by in GROUPINGS},
            },
            "rows": _plain(scored[metric]),
            "left_out": {reason: _plain(found) for reason, found in aside[metric].items()},
        }
        for metric in SCORED
    }  # fmt: skip
    return metrics | {"not_used": dict(skipped)}


def _plain(scored: Scored) -> list[dict[str, object]]:
    return [
        {"id": row.id, "predicted": predicted, "measured": measured, "interval_of": family_of(row)}
        for row, predicted, measured in scored.each()
    ]
