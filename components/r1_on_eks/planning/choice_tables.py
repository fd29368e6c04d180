"""The seven variants, and which of them is recommended, on a terminal."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from r1_on_eks.catalog.languages import TUNED
from r1_on_eks.catalog.model_shapes import TASKS
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.choice import Option
from r1_on_eks.plan.recommend import Candidate, Wish, growth
from r1_on_eks.planning.cells import plain_table, print_purchases, seconds
from r1_on_eks.screen import screen
from r1_on_eks.stack_config import Workload


def print_variants(
    workload: Workload, found: Mapping[str, Mapping[str, Option | None]], region: str
) -> None:
    """The seven variants, then their placements for one workload at a Region's prices."""
    console = screen()
    table = plain_table("variant", "parameters", "weights", "context", "licences", "for")
    for name in found:
        row = VARIANTS[name]
        table.add_row(
            name,
            f"{row.parameters / 1e9:.3g} B",
            f"{row.published.weight_bytes / 2**30:.0f} GiB {row.published.precision}",
            f"{row.context // 1024}k",
            row.licences,
            ", ".join(row.tasks),
        )
    console.print(table)
    console.print(f"licences: {_bases(found)}", style="dim")
    console.print(f"\n{_told(workload)}:")
    table = _option_table("variant")
    for name, ways in found.items():
        different = dict.fromkeys(ways.values())
        for number, option in enumerate(different):
            told = name if number == 0 else ""
            table.add_row(told, *(_option_cells(option) if option else ("nothing meets it",)))
    console.print(table)
    console.print(_footnote(region), style="dim")


def _bases(names: Iterable[str]) -> str:
    bases = {name: base for name in names if (base := VARIANTS[name].base)}
    told = ", ".join(f"{name} {base.name.partition('/')[2]}" for name, base in bases.items())
    (source,) = {base.source for base in bases.values()}
    return f"of the weights, and of the model that they derive from: {told} ({source})"


def print_recommendation(wish: Wish, candidates: Sequence[Candidate], region: str) -> None:
    """The recommended variant, then every one with its reason."""
    console = screen()
    taken = [one for one in candidates if one.taken]
    console.print(f"for {wish.task}: {TASKS[wish.task]}; {_told(wish.workload)}")
    table = _option_table("", "variant")
    for one in candidates:
        cells = _option_cells(one.option) if one.option else ()
        style = "" if one.taken else "dim"
        table.add_row("→" if one.taken else "", one.variant.name, *cells, style=style)
    console.print(table)
    console.print()
    reasons = plain_table()
    for one in candidates:
        reasons.add_row(one.variant.name, one.verdict, style="bold" if one.taken else "")
    console.print(reasons)
    console.print(_footnote(region), style="dim")
    for one in taken:
        if one.option:
            print_purchases(console, {one.option.instance.name: one.option.nodes})
        if mixed := [code for code in wish.languages if code not in TUNED]:
            console.print(f"R1 was tuned in Chinese and English: in {', '.join(mixed)} it may mix")
        console.print(f"to grow: {_growth(one.variant.name)}")


def _growth(variant: str) -> str:
    steps = [" or ".join(step) for step in growth(variant)]
    if not steps:
        return "more replicas"
    return ", then ".join([*steps[:-1], f"{steps[-1]} as a reserved extension"]) + "; same gateway"


def _told(workload: Workload) -> str:
    return (
        f"at {workload.rate:g} requests/s of {workload.prompt} tokens, answers of"
        f" {workload.output}, sequences of up to {workload.context}; first token within"
        f" {workload.first_token_s:g} s, {workload.per_token_s * 1e3:g} ms a token"
    )


def _footnote(region: str) -> str:
    return (
        f"on-demand prices of {region}, instances alone; predictions, see docs/estimates.md;"
        " * layout, ° GPU class of which no measurement was found"
    )


def _option_table(*before: str) -> Table:
    return plain_table(*before, "instances", "GPUs", "at a\ntime", "first\ntoken", "per\ntoken",
                  "$/h", "$/1M\ntokens")  # fmt: skip


def _option_cells(option: Option) -> tuple[str, ...]:
    unmeasured = "*" if option.experimental else "" if option.estimate.calibrated else "°"
    over = f"\n× {option.stages} nodes" if option.stages > 1 else ""
    copies = f"{option.replicas} × " if option.replicas > 1 else ""
    return (
        f"{option.nodes} × {option.instance.name}{unmeasured}",
        f"{copies}{option.tensor_parallel}{over}",
        str(option.concurrency * option.replicas),
        seconds(option.estimate.first_token_s, "\n"),
        seconds(option.estimate.per_token_s, "\n"),
        f"{option.usd_per_hour:.2f}",
        f"{option.usd_per_million:.2f}",
    )
