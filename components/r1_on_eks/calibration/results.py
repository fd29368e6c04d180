"""The whole calibration: fit, leave out, write down."""

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from r1_on_eks.calibration.fitting import doubted_sets, fit
from r1_on_eks.calibration.replay import Array, Replay
from r1_on_eks.calibration.rows import Row
from r1_on_eks.calibration.scoring import (
    FOLDS,
    SCORED,
    Scored,
    cross_validate,
    engine_table,
    interval,
    load_of,
)

NEWER = "vLLM ≥ 0.8"
OLDER = "vLLM 0.7"
OTHERS = "other engines"
P4D_GPUS = 8
# What the interval of a calibrated and of an unknown GPU class rest on.
INTERVALS = ("group", "GPU class")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Coefficients; by what was left out, predictions of the rows left out; doubted sets."""

    coefficients: dict[str, float]
    rows: int
    left_out: dict[str, dict[str, Scored]]
    doubted: list[str]


def calibrate(rows: Sequence[Row], told: Callable[[str], None]) -> Calibration:
    """Fits all rows, and then again without each group in turn (minutes)."""
    told("fitting all rows")
    return Calibration(
        coefficients=fit(rows),
        rows=len(rows),
        left_out={folding: cross_validate(rows, folding, told) for folding in FOLDS},
        doubted=doubted_sets(Replay(rows)),
    )


def write(calibration: Calibration, path: Path) -> None:
    """Writes what `catalog.speed_coefficients` reads."""
    content = {
        "fitted": datetime.date.today().isoformat(),
        "rows": calibration.rows,
        "doubted": calibration.doubted,
        "values": {
            name: float(f"{value:.4g}") for name, value in calibration.coefficients.items()
        },
        "intervals": {
            metric: {
                folding: {
                    family: [round(factor, 3) for factor in interval(scored[metric], members)]
                    for family in (NEWER, OLDER, OTHERS)
                    if (members := in_family(scored[metric], family)).any()
                }
                for folding in INTERVALS
                if (scored := calibration.left_out[folding])
            }
            for metric in SCORED
        },
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


def _is_p4d(row: Row) -> bool:
    # Eight A100 with 40 GB behind NVLink: what EC2 rents as p4d.24xlarge.
    gpus = row.tensor_parallel * row.pipeline_parallel * row.replicas
    return row.gpu_name == "A100-40" and gpus == P4D_GPUS


def in_family(scored: Scored, family: str) -> Array:
    """Which rows are of the newer engines, of older ones, or of other projects'."""
    return np.array([family_of(row) == family for row in scored.rows], dtype=bool)


def family_of(row: Row) -> str:
    """Engines whose intervals are kept apart."""
    if row.engine == "vllm-0.7":
        return OLDER
    return NEWER if row.engine.startswith("vllm") else OTHERS
