"""Plans as tables and bars on a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.model_shapes import TASKS
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan import Plan
from r1_on_eks.plan.choice import Option, Workload
from r1_on_eks.plan.estimate import Range
from r1_on_eks.plan.outlook import Outlook
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.recommend import Candidate

_BAR = 32


def print_variants(workload: Workload, found: Mapping[str, Mapping[str, Option | None]]) -> None:
    """The seven variants with their placements for one workload."""
    console = Console(highlight=False)
    console.print(_told(workload))
    table = Table("variant", "weights", "", "instances", "GPUs", "at a time", "first token",
                  "per token", "$/h", "$/1M tokens", box=None)  # fmt: skip
    for name, ways in found.items():
        row = VARIANTS[name]
        told = (name, f"{row.published.weight_bytes / 2**30:.0f} GiB {row.published.precision}")
        seen = None
        for way, option in ways.items():
            if option is not None and option == seen:
                continue
            seen = option
            table.add_row(
                *told, way, *(_option_cells(option) if option else ("nothing meets it",))
            )
            told = ("", "")
    console.print(table)
    console.print(_FOOTNOTE)


def print_recommendation(task: str, workload: Workload, candidates: Sequence[Candidate]) -> None:
    """The recommended variant, then every one with its reason."""
    console = Console(highlight=False)
    taken = [one for one in candidates if one.taken]
    console.print(f"for {task}: {TASKS[task]}; {_told(workload)}")
    table = Table("", "variant", "instances", "first token", "per token", "$/h", "$/1M tokens",
                  "", box=None)  # fmt: skip
    for one in candidates:
        cells = _option_cells(one.option) if one.option else ("",) * 7
        table.add_row("→" if one.taken else "", one.variant.name, cells[0], *cells[3:],
                      one.verdict, style="" if one.taken else "dim")  # fmt: skip
    console.print(table)
    console.print(_FOOTNOTE)
    for one in taken:
        console.print(f"to grow: {_growth(one.variant.name)}")


def _growth(variant: str) -> str:
    """The guide's path: begin in the middle, grow with the need, keep the largest in reserve."""
    names = list(VARIANTS)
    later = names[names.index(variant) + 1 :]
    return f"{', then '.join(later)} on the same gateway" if later else "more replicas"


def _told(workload: Workload) -> str:
    return (
        f"at {workload.rate:g} requests/s of {workload.prompt} tokens, answers of"
        f" {workload.output}, sequences of up to {workload.context}; first token within"
        f" {workload.first_token_s:g} s, {workload.per_token_s * 1e3:g} ms a token"
    )


_FOOTNOTE = (
    "on-demand prices of us-east-1, instances alone; predictions, see docs/estimates.md;"
    " * layout, ° GPU class of which no measurement was found"
)


def _option_cells(option: Option) -> tuple[str, ...]:
    unmeasured = "*" if option.experimental else "" if option.estimate.calibrated else "°"
    over = f" × {option.stages} nodes" if option.stages > 1 else ""
    split = f"{option.tensor_parallel}{over}"
    copies = f"{option.replicas} × {split}" if option.replicas > 1 else split
    return (
        f"{option.nodes} × {option.instance.name}{unmeasured}",
        copies,
        str(option.concurrency * option.replicas),
        _seconds(option.estimate.first_token_s),
        _seconds(option.estimate.per_token_s),
        f"{option.usd_per_hour:.2f}",
        f"{option.usd_per_million:.2f}",
    )


def print_plan(plan: Plan, outlooks: Sequence[Outlook]) -> None:
    """What one stack would stand up: placements, memory, speed, price."""
    console = Console(highlight=False)
    console.print(f"[bold]{plan.stack}[/bold] in {plan.region}, GPUs in {plan.gpu_zone}")
    table = Table("variant", "served as", "instances", "replicas × GPUs", "context",
                  "at a time", box=None)  # fmt: skip
    for one in outlooks:
        placement = one.placement
        table.add_row(
            placement.variant.name,
            placement.checkpoint.precision,
            f"{placement.nodes} × {placement.instance.name}",
            f"{placement.replicas} × {placement.tensor_parallel}",
            str(placement.context),
            str(placement.concurrency * placement.replicas),
        )
    console.print(table)
    for one in outlooks:
        _print_memory(console, one.placement)
    _print_speed(console, outlooks)


def _print_memory(console: Console, placement: Placement) -> None:
    found = placement.memory
    visible = GPUS[placement.instance.gpu_model].torch_visible_gib
    parts = (
        ("weights", found.weights, "█", "blue"),
        ("overhead and graphs", found.overhead + found.graphs, "▓", "yellow"),
        ("cache in use at full load", placement.cache_needed_gib, "▒", "green"),
        ("cache to spare", found.cache - placement.cache_needed_gib, "░", "green"),
        ("not vLLM's", visible - found.budget, " ", "white"),
    )
    bar = Text("│")
    for _, size, letter, colour in parts:
        bar.append(letter * round(_BAR * size / visible), style=colour)
    told = ", ".join(f"{letter} {size:.1f} {name}".strip() for name, size, letter, _ in parts)
    console.print(f"\n{placement.variant.name}, memory of each GPU ({visible:g} GiB)")
    console.print(bar.append("│"))
    console.print(told, style="dim")


def _print_speed(console: Console, outlooks: Sequence[Outlook]) -> None:
    table = Table("variant", "load", "first token", "per token", "tokens/s, all replicas",
                  "$/h", "$/1M tokens", box=None)  # fmt: skip
    for one in outlooks:
        replicas = one.placement.replicas
        for load, estimate in (("one request", one.alone), ("full", one.full)):
            together = estimate.output_per_s
            full = load == "full"
            table.add_row(
                one.placement.variant.name if not full else "",
                load,
                _seconds(estimate.first_token_s),
                _seconds(estimate.per_token_s),
                f"{together.likely * (replicas if full else 1):.0f}"
                f" ({together.low * (replicas if full else 1):.0f}"
                f"–{together.high * (replicas if full else 1):.0f})",
                _dollars(one.usd_per_hour) if full else "",
                _dollars(one.usd_per_million) if full else "",
            )
    console.print()
    console.print(table)
    if not all(one.full.calibrated for one in outlooks):
        console.print("no GPU of one of these classes was measured: intervals are wider there")
    console.print(
        "predictions with their 90 % intervals (docs/estimates.md); on-demand prices of"
        " us-east-1, instances alone"
    )


def _dollars(amount: float | None) -> str:
    return "not priced" if amount is None else f"{amount:.2f}"


def _seconds(found: Range) -> str:
    if found.high < 1:
        return f"{found.likely * 1e3:.0f} ({found.low * 1e3:.0f}–{found.high * 1e3:.0f}) ms"
    return f"{found.likely:.1f} ({found.low:.1f}–{found.high:.1f}) s"
