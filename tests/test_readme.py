"""Figures of the README that the code computes are those that it computes today."""

from pathlib import Path

import pytest
from r1_on_eks.calibration.families import NEWER
from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.speed_coefficients import speed_coefficients
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.estimate import Range, at_concurrency, replica_of

README = (Path(__file__).parent.parent / "README.md").read_text()
A100_80 = GPUS["a100-80"]


def two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}"


def line_of_the_guide(start: str) -> str:
    (line,) = [line for line in README.splitlines() if line.startswith(f"| {start}")]
    return line


def estimate(variant: str, precision: str, tensor_parallel: int, stages: int, concurrency: int):
    known = VARIANTS[variant]
    (checkpoint,) = [one for one in known.checkpoints if one.precision == precision]
    replica = replica_of(
        known, checkpoint, A100_80, tensor_parallel=tensor_parallel, pipeline_parallel=stages
    )
    return at_concurrency(
        replica, A100_80, prompt=1000, output=1000, concurrency=concurrency, measured=stages == 1
    )


@pytest.mark.parametrize(
    ("guide", "variant", "precision", "tensor_parallel", "stages"),
    [
        ("7b: one card", "7b", "bf16", 1, 1),
        ("70b: four cards", "70b", "bf16", 4, 1),
        ("671b: sixteen cards", "671b", "fp8", 8, 2),
    ],
)
def test_the_guides_table_is_recomputed_with_todays_coefficients(
    guide, variant, precision, tensor_parallel, stages
):
    line = line_of_the_guide(guide)
    one = estimate(variant, precision, tensor_parallel, stages, 1)
    assert f"first token {two_digits(1000 * one.first_token_s.likely)} ms" in line
    assert f"then {two_digits(1000 * one.per_token_s.likely)} ms each" in line
    for batch in (32, 4):
        many: Range = estimate(variant, precision, tensor_parallel, stages, batch).output_per_s
        low, likely, high = (two_digits(value) for value in (many.low, many.likely, many.high))
        assert f"{likely} tokens/s ({low}–{high}) at {batch}" in line
    assert f"{27.447 / 8 * tensor_parallel * stages:.2f}" in line


def test_the_errors_it_states_are_those_of_the_committed_fit():
    text = " ".join(README.split())
    stated = {
        metric: next(
            row for row in speed_coefficients().errors["group"][metric] if row["group"] == NEWER
        )
        for metric in ("per_token", "output_rate", "first_token")
    }
    rows, sources = (
        [f"{stated[metric][name]:.0%}".replace("%", " %") for metric in stated]
        for name in ("median", "over_sources")
    )
    assert (
        f"{rows[0]} for the time per token, {rows[1]} for throughput and {rows[2]} for the time"
        f" to the first token ({sources[0]}, {sources[1]} and {sources[2]} where every source"
        " counts the same)"
    ) in text
