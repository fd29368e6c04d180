"""What one stack would stand up, on a terminal."""

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.text import Text

from r1_on_eks.cost.managed_metrics import usd_of_metrics
from r1_on_eks.plan import Plan
from r1_on_eks.plan.estimate import Estimate
from r1_on_eks.plan.monitoring.decided import MonitoringPlan
from r1_on_eks.plan.outlook import Outlook
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.purchase import ON_DEMAND
from r1_on_eks.plan.storage import Storage, replacement_told, told_size
from r1_on_eks.plan.upgrades import upgrade_told
from r1_on_eks.planning.cells import dollars, plain_table, print_purchases, seconds
from r1_on_eks.planning.stage_table import print_stages
from r1_on_eks.screen import screen
from r1_on_eks.stack_config import Usage

_BAR = 32


def print_plan(
    plan: Plan, outlooks: Sequence[Outlook], cheaper: float | None, usage: Usage
) -> None:
    """What one stack would stand up: placements, memory, speed, price.

    Args:
        plan: The stack.
        outlooks: What is to be expected of each of its models.
        cheaper: Dollars per hour of the cheapest placements now, if they cost less.
        usage: What its file assumes of a month.
    """
    console = screen()
    console.print(f"[bold]{plan.stack}[/bold] in {plan.region}, GPUs in {plan.gpu_zone}")
    table = plain_table(
        "variant", "as", "instances", "pool", "GPUs", "context", "at a time", "$/h"
    )
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
            f"{dollars(one.usd_per_hour)}{' reserved' if placement.reserved else ''}",
        )
    console.print(table)
    for one in outlooks:
        _print_memory(console, one.placement)
    _print_batching(console, outlooks)
    _print_speed(console, outlooks)
    _print_storage(console, plan.storage)
    if plan.monitoring:
        console.print(_metrics_told(plan, plan.monitoring, usage))
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
    table = plain_table("variant", "at a time", "tokens a step", "long prompts", "attention")
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
    table = plain_table("variant", "load", "first token", "per token", "tokens/s", "$/1M tokens")
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
                dollars(per_million),
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


def _metrics_told(plan: Plan, monitoring: MonitoringPlan, usage: Usage) -> str:
    volume, days = monitoring.volume, monitoring.retention_days
    told = (
        f"metrics: {volume.total:,} series, {volume.samples_a_month / 1e6:,.0f} million samples a"
        " month;"
    )
    if monitoring.managed:
        usd = usd_of_metrics(plan, usage)
        price = "not priced" if usd is None else f"${usd.desired:,.0f} a month as declared"
        return f"{told} Amazon's Prometheus takes them in and keeps {days} days: {price}"
    return (
        f"{told} {days} days are {volume.disk_gib:.1f} of {monitoring.disk_gib} GiB of a node's"
        f" disk, with {monitoring.memory_mib} MiB of memory"
    )


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
        seconds(estimate.first_token_s),
        seconds(estimate.per_token_s),
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
    print_purchases(console, {name: count for name, count in nodes.items() if count})
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
