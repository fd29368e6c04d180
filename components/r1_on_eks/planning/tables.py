"""Plans as tables and bars on a terminal."""

from collections.abc import Mapping, Sequence
from datetime import date

from rich.console import Console
from rich.table import Table
from rich.text import Text

from r1_on_eks.catalog.languages import TUNED
from r1_on_eks.catalog.model_shapes import TASKS
from r1_on_eks.catalog.prices import PURCHASES
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan import Plan
from r1_on_eks.plan.choice import Option
from r1_on_eks.plan.estimate import Estimate, Range
from r1_on_eks.plan.outlook import Outlook
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.purchase import ON_DEMAND
from r1_on_eks.plan.recommend import Candidate, Wish, growth
from r1_on_eks.plan.storage import Storage, replacement_told, told_size
from r1_on_eks.plan.upgrades import upgrade_told
from r1_on_eks.planning.stage_table import print_stages
from r1_on_eks.stack_config import Workload

_BAR = 32


def print_variants(
    workload: Workload, found: Mapping[str, Mapping[str, Option | None]], region: str
) -> None:
    """The seven variants, then their placements for one workload at a Region's prices."""
    console = Console(highlight=False)
    table = _table("variant", "parameters", "weights", "context", "licence", "for")
    for name in found:
        row = VARIANTS[name]
        table.add_row(
            name,
            f"{row.parameters / 1e9:.3g} B",
            f"{row.published.weight_bytes / 2**30:.0f} GiB {row.published.precision}",
            f"{row.context // 1024}k",
            row.licence.partition(" ")[0],
            ", ".join(row.tasks),
        )
    console.print(table)
    console.print(f"\n{_told(workload)}:")
    table = _option_table("variant")
    for name, ways in found.items():
        different = dict.fromkeys(ways.values())
        for number, option in enumerate(different):
            told = name if number == 0 else ""
            table.add_row(told, *(_option_cells(option) if option else ("nothing meets it",)))
    console.print(table)
    console.print(_footnote(region), style="dim")


def _table(*headings: str) -> Table:
    # As narrow as can be: it should be read on 80 columns.
    return Table(*headings, box=None, pad_edge=False, padding=(0, 1, 0, 0))


def _option_table(*before: str) -> Table:
    return _table(*before, "instances", "GPUs", "at a\ntime", "first\ntoken", "per\ntoken",
                  "$/h", "$/1M\ntokens")  # fmt: skip


def print_recommendation(wish: Wish, candidates: Sequence[Candidate], region: str) -> None:
    """The recommended variant, then every one with its reason."""
    console = Console(highlight=False)
    taken = [one for one in candidates if one.taken]
    console.print(f"for {wish.task}: {TASKS[wish.task]}; {_told(wish.workload)}")
    table = _option_table("", "variant")
    for one in candidates:
        cells = _option_cells(one.option) if one.option else ()
        style = "" if one.taken else "dim"
        table.add_row("→" if one.taken else "", one.variant.name, *cells, style=style)
    console.print(table)
    console.print()
    reasons = _table()
    for one in candidates:
        reasons.add_row(one.variant.name, one.verdict, style="bold" if one.taken else "")
    console.print(reasons)
    console.print(_footnote(region), style="dim")
    for one in taken:
        if one.option:
            _print_purchases(console, {one.option.instance.name: one.option.nodes})
        if mixed := [code for code in wish.languages if code not in TUNED]:
            console.print(f"R1 was tuned in Chinese and English: in {', '.join(mixed)} it may mix")
        console.print(f"to grow: {_growth(one.variant.name)}")


def _growth(variant: str) -> str:
    steps = [" or ".join(step) for step in growth(variant)]
    if not steps:
        return "more replicas"
    return ", then ".join([*steps[:-1], f"{steps[-1]} as a reserved extension"]) + "; same gateway"


def _print_purchases(console: Console, nodes: Mapping[str, int]) -> None:
    """The same instances bought otherwise; dollars of all of them an hour."""
    for name, count in nodes.items():
        ways = []
        for way in PURCHASES.get(name, ()):
            low, high = (f"{usd * count:.2f}" for usd in (way.low, way.high))
            price = low if low == high else f"{low}–{high}"
            ways.append(f"{way.way} {price} ({way.standing} {way.seen})")
        if ways:
            console.print(f"{count} × {name} bought otherwise, $ an hour: {'; '.join(ways)}")


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


def _option_cells(option: Option) -> tuple[str, ...]:
    unmeasured = "*" if option.experimental else "" if option.estimate.calibrated else "°"
    over = f"\n× {option.stages} nodes" if option.stages > 1 else ""
    copies = f"{option.replicas} × " if option.replicas > 1 else ""
    return (
        f"{option.nodes} × {option.instance.name}{unmeasured}",
        f"{copies}{option.tensor_parallel}{over}",
        str(option.concurrency * option.replicas),
        _seconds(option.estimate.first_token_s, "\n"),
        _seconds(option.estimate.per_token_s, "\n"),
        f"{option.usd_per_hour:.2f}",
        f"{option.usd_per_million:.2f}",
    )


def print_plan(plan: Plan, outlooks: Sequence[Outlook], cheaper: float | None) -> None:
    """What one stack would stand up: placements, memory, speed, price.

    Args:
        plan: The stack.
        outlooks: What is to be expected of each of its models.
        cheaper: Dollars per hour of the cheapest placements now, if they cost less.
    """
    console = Console(highlight=False)
    console.print(f"[bold]{plan.stack}[/bold] in {plan.region}, GPUs in {plan.gpu_zone}")
    table = _table("variant", "as", "instances", "pool", "GPUs", "context", "at a time", "$/h")
    for model, one in zip(plan.models, outlooks, strict=True):
        placement = one.placement
        stages = f" × {placement.stages} nodes" if placement.stages > 1 else ""
        table.add_row(
            placement.variant.name,
            placement.checkpoint.precision,
            f"{placement.nodes} × {placement.instance.name}",
            _pool_told(model.pool, placement),
            "none"
            if placement.on_cpu
            else f"{placement.replicas} × {placement.tensor_parallel}{stages}",
            str(placement.context),
            str(placement.concurrency * placement.replicas),
            f"{_dollars(one.usd_per_hour)}{' reserved' if placement.reserved else ''}",
        )
    console.print(table)
    for one in outlooks:
        _print_memory(console, one.placement)
    _print_batching(console, outlooks)
    _print_speed(console, outlooks)
    _print_storage(console, plan.storage)
    print_stages(console, plan)
    for model in plan.models:
        console.print(f"\nvllm serve {' '.join(model.arguments)}", style="dim")
    console.print()
    _print_verdicts(console, plan, outlooks, cheaper)


def _pool_told(pool: str, placement: Placement) -> str:
    purchase = placement.purchase
    return pool if purchase.way == ON_DEMAND else f"{pool}, {purchase.way}"


def _print_memory(console: Console, placement: Placement) -> None:
    found = placement.memory
    visible = found.budget if placement.on_cpu else placement.gpu.torch_visible_gib
    of = "memory that a server may take of a node" if placement.on_cpu else "memory of each GPU"
    parts = (
        ("weights", found.weights, "█", "blue"),
        ("overhead and graphs", found.overhead + found.graphs, "▓", "yellow"),
        ("cache in use at full load", found.cache_needed, "▒", "green"),
        ("cache to spare", found.cache - found.cache_needed, "░", "green"),
        ("not vLLM's", visible - found.budget, " ", "white"),
    )
    bar = Text("│")
    for _, size, letter, colour in parts:
        bar.append(letter * round(_BAR * size / visible), style=colour)
    told = ", ".join(f"{letter} {size:.1f} {name}".strip() for name, size, letter, _ in parts)
    console.print(f"\n{placement.variant.name}, {of} ({visible:g} GiB)")
    console.print(bar.append("│"))
    console.print(told, style="dim")


def _print_batching(console: Console, outlooks: Sequence[Outlook]) -> None:
    """What stands in vLLM for the guide's dynamic batching: no batch waits to be full."""
    table = _table("variant", "at a time", "tokens a step", "long prompts", "attention")
    for one in outlooks:
        placement = one.placement
        table.add_row(
            placement.variant.name,
            f"{placement.concurrency} a replica",
            str(placement.batched_tokens),
            "in chunks" if placement.context > placement.batched_tokens else "whole",
            placement.attention,
        )
    console.print()
    console.print(table)


def _print_speed(console: Console, outlooks: Sequence[Outlook]) -> None:
    table = _table("variant", "load", "first token", "per token", "tokens/s", "$/1M tokens")
    for one in outlooks:
        loads = (
            (f"{one.workload.rate:g}/s asked", one.asked, one.usd_per_million_asked),
            ("full", one.full, one.usd_per_million_full),
        )
        for number, (load, estimate, per_million) in enumerate(loads):
            table.add_row(
                one.placement.variant.name if number == 0 else "",
                load,
                *_speed_cells(
                    estimate, one.placement.replicas, "too slow" if one.full else "not measured"
                ),
                _dollars(per_million),
            )
    console.print()
    console.print(table)


def _print_storage(console: Console, storage: Storage | None) -> None:
    if storage is None:
        console.print("\nweights are read from the bucket; no file system")
        return
    known = "" if storage.price_standing == "read" else ", a price remembered and not read"
    console.print(
        f"\nfile system: {storage.file_system.deployment}, {told_size(storage.file_system)},"
        f" decided by {storage.decided_by}; ${storage.usd_per_month:,.0f} a month{known}"
    )
    console.print(
        f"weights: {storage.weights_gib:.0f} GiB, read by all variants at once in"
        f" {storage.read_minutes:.1f} of {storage.load_minutes:g} minutes"
    )
    if told := replacement_told(storage):
        console.print(told)


def _bill(outlooks: Sequence[Outlook]) -> str:
    """What all instances cost, on demand."""
    if any(one.usd_per_hour is None for one in outlooks):
        return "instances together: not priced"
    live, reserved = (
        sum(one.usd_per_hour or 0 for one in outlooks if one.placement.reserved is kept)
        for kept in (False, True)
    )
    more = f"; ${reserved:.2f} more when what is reserved stands" if reserved else ""
    return f"instances together: ${live:.2f} an hour, ${live * 730:,.0f} a month{more}"


def _speed_cells(estimate: Estimate | None, replicas: int, otherwise: str) -> tuple[str, ...]:
    if estimate is None:
        return (otherwise,) * 3
    together = estimate.output_per_s
    low, likely, high = (
        f"{rate * replicas:.0f}" for rate in (together.low, together.likely, together.high)
    )
    return (
        _seconds(estimate.first_token_s),
        _seconds(estimate.per_token_s),
        f"{likely} ({low}–{high})",
    )


def _print_verdicts(
    console: Console, plan: Plan, outlooks: Sequence[Outlook], cheaper: float | None
) -> None:
    for one in outlooks:
        asked = one.workload
        limits = f"{asked.first_token_s:g} s and {asked.per_token_s * 1e3:g} ms a token"
        placement = one.placement
        name = placement.variant.name
        if one.most_rate is None:
            console.print(
                f"{name} without a GPU: no speed is predicted, for nobody published a measurement;"
                f" whether {placement.instance.name} keeps {limits} has to be tried"
            )
        elif one.meets:
            console.print(f"{name} answers up to {one.most_rate:.2g} requests/s within {limits}")
        else:
            console.print(
                f"{name} misses its limits: {one.most_rate:.2g} requests/s within {limits},"
                f" {asked.rate:g} are asked; r1 plan {plan.stack} --refresh places it anew"
            )
    console.print(_bill(outlooks))
    nodes: dict[str, int] = {}
    for pool in plan.gpu_pools:
        nodes[pool.instance_type] = nodes.get(pool.instance_type, 0) + pool.nodes
    _print_purchases(console, {name: count for name, count in nodes.items() if count})
    console.print(upgrade_told(plan.kubernetes, date.today()))
    if cheaper is not None:
        console.print(
            f"cheaper now: ${cheaper:.2f} an hour; r1 plan {plan.stack} --refresh takes it"
        )
    if not all(one.full.calibrated for one in outlooks if one.full):
        console.print("no GPU of one of these classes was measured: intervals are wider there")
    console.print(
        "predictions with their 90 % intervals (docs/estimates.md); on-demand prices of"
        f" {plan.region}, instances alone"
    )


def _dollars(amount: float | None) -> str:
    return "not priced" if amount is None else f"{amount:.2f}"


def _seconds(found: Range, between: str = " ") -> str:
    unit, factor, digits = ("ms", 1e3, 0) if found.high < 1 else ("s", 1, 1)
    low, likely, high = (
        f"{value * factor:.{digits}f}" for value in (found.low, found.likely, found.high)
    )
    return f"{likely} {unit}{between}({low}–{high})"
