"""The whole calibration: fit, leave out, write down."""

import datetime
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from r1_on_eks.calibration.families import FAMILIES, family_of
from r1_on_eks.calibration.fitting import doubted_sets, fit
from r1_on_eks.calibration.noise import Noise, noise
from r1_on_eks.calibration.replay import Array, Replay
from r1_on_eks.calibration.rows import Row
from r1_on_eks.calibration.scoring import (
    FOLDS,
    SCORED,
    Scored,
    cross_validate,
    engine_table,
    inside,
    interval,
    load_of,
    score,
)

P4D_GPUS = 8
# Bounds and shares are written to three decimals.
_STEPS = 1000
# What the interval of a calibrated and of an unknown GPU class rest on: each holds in all of
# these foldings.
INTERVALS = {"group": ("group", "model", "source"), "GPU class": tuple(FOLDS)}


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Coefficients; predictions of rows left out, by what was; doubted sets; noise of the rows."""

    coefficients: dict[str, float]
    rows: int
    left_out: dict[str, dict[str, Scored]]
    doubted: list[str]
    noise: list[Noise]


def calibrate(rows: Sequence[Row], told: Callable[[str], None]) -> Calibration:
    """Fits all rows, and then again without each group in turn (minutes).

    To the committed digits the same again with the same order of rows and number of BLAS threads
    (two for the committed fit); otherwise a search may end elsewhere on a flat part.
    """
    told("fitting all rows")
    coefficients, doubted = fit(rows), doubted_sets(Replay(rows))
    return Calibration(
        coefficients=coefficients,
        rows=len(rows),
        left_out={folding: cross_validate(rows, folding, told) for folding in FOLDS},
        doubted=doubted,
        noise=noise(score(rows, coefficients, doubted)),
    )


def write(calibration: Calibration, path: Path) -> None:
    """Writes what `catalog.speed_coefficients` reads."""
    bounds = intervals(calibration.left_out)
    content = {
        "fitted": datetime.date.today().isoformat(),
        "rows": calibration.rows,
        "doubted": calibration.doubted,
        "values": {
            name: float(f"{value:.4g}") for name, value in calibration.coefficients.items()
        },
        "intervals": bounds,
        "inside": _inside(calibration, bounds),
        "noise": [asdict(one) for one in calibration.noise],
        "errors": {
            folding: {
                metric: [
                    {name: round(value, 4) if isinstance(value, float) else value
                     for name, value in asdict(errors).items()}
                    for errors in engine_table(scored[metric])
                ]
                for metric in SCORED
            }
            for folding, scored in calibration.left_out.items()
        },
        "home": [
            {"row": row.id, "what": metric, "precision": row.precision, "model": row.model,
             "engine": row.engine, "tensor_parallel": row.tensor_parallel,
             "load": load_of(row), "predicted": float(f"{predicted:.4g}"), "measured": measured}
            for metric in SCORED
            for row, predicted, measured in calibration.left_out["group"][metric].each()
            if _is_p4d(row)
        ],
    }  # fmt: skip
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def intervals(
    left_out: dict[str, dict[str, Scored]],
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """By metric, standing of the GPU class and family: the widest of what the foldings need.

    Rounded outward, so that no measurement at a bound falls outside of it.
    """
    return {
        metric: {
            standing: {
                family: [_down(each[:, 0].min()), -_down(-each[:, 1].max())]
                for family in FAMILIES
                if len(each := _each(left_out, metric, foldings, family))
            }
            for standing, foldings in INTERVALS.items()
        }
        for metric in SCORED
    }  # fmt: skip


def _down(value: float) -> float:
    return math.floor(value * _STEPS) / _STEPS


def _each(
    left_out: dict[str, dict[str, Scored]], metric: str, foldings: Sequence[str], family: str
) -> Array:
    parts = [left_out[folding][metric] for folding in foldings]
    return np.array([
        interval(scored, members) for scored in parts
        if (members := in_family(scored, family)).any()
    ])  # fmt: skip


def _inside(
    calibration: Calibration, bounds: dict[str, dict[str, dict[str, list[float]]]]
) -> dict[str, dict[str, dict[str, float]]]:
    return {
        folding: {
            metric: {
                family: _down(inside(scored[metric].of(members), (low, high)))
                for family, (low, high) in bounds[metric][
                    "GPU class" if folding == "GPU class" else "group"
                ].items()
                if (members := in_family(scored[metric], family)).any()
            }
            for metric in SCORED
        }
        for folding, scored in calibration.left_out.items()
    }


def _is_p4d(row: Row) -> bool:
    # Eight A100 with 40 GB behind NVLink: what EC2 rents as p4d.24xlarge.
    gpus = row.tensor_parallel * row.pipeline_parallel * row.replicas
    return row.gpu_name == "A100-40" and gpus == P4D_GPUS


def in_family(scored: Scored, family: str) -> Array:
    """Which rows are of the newer engines, of older ones, or of other projects'."""
    return np.array([family_of(row) == family for row in scored.rows], dtype=bool)
