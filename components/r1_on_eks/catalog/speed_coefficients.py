"""Coefficients of the speed model and how far it is off, as `r1 calibrate` wrote them."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

FILE = Path(str(files("r1_on_eks.catalog").joinpath("speed_coefficients.json")))


@dataclass(frozen=True, kw_only=True)
class SpeedCoefficients:
    """What was fitted.

    Attributes:
        fitted: Date of the fit.
        rows: Measured rows that it saw.
        doubted: Sets of rows that are too fast to be believed: neither fitted nor scored.
        values: The coefficients, by name.
        intervals: Factors on a prediction between which at least 90 % of measurements left out
            of the fit lie: by metric, then by what was left out (`group`: other rows of the GPU
            class were in the fit, or the model or the source was not; `GPU class`: none was),
            then by engine.
        inside: Shares of those measurements inside: by what was left out, metric and engine.
        noise: How far measurements disagree that should not.
        errors: Tables of errors: by what was left out, then by metric.
        home: Rows measured on what is a p4d.24xlarge, each predicted by a fit without its group.
    """

    fitted: str
    rows: int
    doubted: list[str]
    values: dict[str, float]
    intervals: dict[str, dict[str, dict[str, tuple[float, float]]]]
    inside: dict[str, dict[str, dict[str, float]]]
    noise: list[dict[str, Any]]
    errors: dict[str, dict[str, list[dict[str, Any]]]]
    home: list[dict[str, Any]]


@cache
def speed_coefficients() -> SpeedCoefficients:
    """The committed fit."""
    return SpeedCoefficients(**json.loads(FILE.read_text()))
