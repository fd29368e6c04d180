"""How long the start of each variant takes, on a terminal."""

from rich.console import Console

from r1_on_eks.plan import Model, Plan
from r1_on_eks.plan.stages import COMPILE, FETCH, IMAGE, LOAD, NODES, SYNC, Stage, stages_of
from r1_on_eks.plan.timeline import PROBE_PERIOD_SECONDS
from r1_on_eks.planning.cells import plain_table


def print_stages(console: Console, plan: Plan) -> None:
    """What each stage is likely to take, and may; then when whoever waits gives up."""
    names = (*([SYNC] if plan.sync else []), FETCH, NODES, IMAGE, LOAD, COMPILE)
    table = plain_table("start of", *names, "ready")
    for model in plan.models:
        by_name = {stage.name: stage for stage in stages_of(model, plan.storage, plan.sync)}
        cells = [told_stage(by_name[name]) if name in by_name else "–" for name in names]
        start = model.server.timeline.start_seconds
        table.add_row(model.placement.variant.name, *cells, f"≤ {_minutes(start)} min")
    console.print()
    console.print(table)
    console.print(
        "minutes, likely and at most; ready counts from the container's start. What has no likely"
        " figure, nobody measured",
        style="dim",
    )
    for model in plan.models:
        console.print(f"{model.placement.variant.name} is given up by {_given_up(model)}")


def told_stage(stage: Stage) -> str:
    """`8.0 ≤ 30`, `0.4–2.4 ≤ 5` or `≤ 15`, in minutes."""
    most = f"≤ {_minutes(stage.most_s)}"
    if stage.likely_s is None:
        return most
    low, high = (f"{seconds / 60:.1f}" for seconds in stage.likely_s)
    return f"{low if low == high else f'{low}–{high}'} {most}"


def _given_up(model: Model) -> str:
    timeline = model.server.timeline
    probe = _minutes(timeline.probe_failures * PROBE_PERIOD_SECONDS)
    deadline = _minutes(timeline.progress_deadline_seconds)
    return (
        f"its start-up probe, vLLM and NCCL after {probe} min, by Kubernetes after {deadline} min"
        f" (an old pod's end and the image besides), by Pulumi after {timeline.wait}"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f}"
