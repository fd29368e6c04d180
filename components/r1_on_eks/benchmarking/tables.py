"""Runs as tables for people."""

from rich.console import Console
from rich.table import Table

from r1_on_eks.benchmarking.compare import Difference
from r1_on_eks.benchmarking.run import Run
from r1_on_eks.benchmarking.verdict import Figure

_MARKS = {True: "inside", False: "OUTSIDE", None: "–"}


def print_run(console: Console, run: Run) -> None:
    """Measured beside predicted, a line for each figure."""
    found = run.measured
    console.print(f"\n[bold]{run.name}[/bold]  {run.route.url}\n{run.load.told()}")
    table = Table("", "measured", "predicted", "interval", "", "limit", "", box=None)
    for figure in run.figures:
        table.add_row(*_cells(figure))
    console.print(table)
    console.print(
        f"answered {found.requests} in {found.seconds:.1f} s, {found.failed} failed; the server"
        f" counted {found.prompt:.0f} tokens in, {found.output:.0f} out; {found.whole_s:.2f} s"
        " an answer"
    )
    if run.figures[2].predicted is None and run.model and run.load.rate is not None:
        console.print("throughput is that of the arrivals: compare it with --concurrency")
    if run.model and run.model.scaling:
        console.print(
            "replicas follow the requests: predictions and dollars are of all"
            f" {run.model.scaling.most}, and fewer may have answered"
        )
    if run.rehearsed:
        console.print(
            "a stand-in answered, at the pace that was set: nothing about a model's speed"
        )


def _cells(figure: Figure) -> list[str]:
    rate = figure.what == "throughput"

    def told(value: float | None) -> str:
        if value is None:
            return "–"
        return f"{value:,.1f}" if rate else f"{value * 1e3:,.1f}"

    expected = figure.predicted
    kept = {True: "kept", False: "MISSED", None: ""}[figure.within_limit]
    return [
        f"{figure.what}, {'tokens/s' if rate else 'ms'}",
        told(figure.measured),
        told(expected and expected.likely),
        f"{told(expected.low)}–{told(expected.high)}" if expected else "–",
        _MARKS[figure.inside],
        told(figure.limit),
        kept,
    ]


def print_differences(console: Console, differences: list[Difference]) -> None:
    """What the second variant of each pair costs more, and gains."""
    for one in differences:
        console.print(f"\n[bold]{one.larger}[/bold] instead of [bold]{one.smaller}[/bold]")
        for line in one.told():
            console.print(f"  {line}")
