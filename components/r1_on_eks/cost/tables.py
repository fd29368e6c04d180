"""A study as tables and bars on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from r1_on_eks.catalog.price_book import REMEMBERED
from r1_on_eks.cost.bill import COVERAGE, Bill, Line
from r1_on_eks.cost.compare import Comparison, signed, signed_percent
from r1_on_eks.cost.study import Study
from r1_on_eks.cost.tokens import UTILISATIONS

# With its columns it stays within 80.
_BAR = 22
_MARK = "?"


def print_study(found: Study, console: Console) -> None:
    """Everything about the money of one stack."""
    bill = found.compared.after
    where = f" in {found.region}" if found.region else ""
    console.print(f"[bold]{found.stack}[/bold]{where}, prices as known on {bill.day}")
    _print_lines(console, bill)
    _print_total(console, bill)
    if found.compared.before is not None:
        _print_comparison(console, found.compared, found.against)
    _print_options(console, found)
    _print_tokens(console, found)
    for one in found.once:
        saved = f"; through NAT it would be ${one.otherwise_usd:,.2f}" if one.otherwise_usd else ""
        usd = "not priced" if one.usd is None else f"${one.usd:,.2f}"
        console.print(f"once: {one.told}, {one.gb:,.0f} GB by {one.way}: {usd}{saved}")
    _print_actual(console, found)
    for verdict in found.verdicts:
        word = "[green]kept[/green]" if verdict.kept else "[red]exceeded[/red]"
        console.print(f"{word}: {verdict.told}")
    for warning in found.warnings:
        console.print(f"[yellow]warning[/yellow]: {warning}", highlight=False)


def _table(*columns: str, left: int = 1) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left else "right")
    return table


def _print_lines(console: Console, bill: Bill) -> None:
    table = _table("component", "what", "$/h", "$/month", "", left=2)
    table.columns[4].justify = "left"
    most = max((line.monthly.desired for line in bill.lines), default=0) or 1
    parts = bill.by(lambda line: line.component)
    for component, whole in parts.items():
        lines = [line for line in bill.lines if line.component == component]
        lines.sort(key=lambda line: -line.monthly.desired)
        for number, line in enumerate(lines):
            table.add_row(
                component if number == 0 else "",
                f"{line.told}{' (assumed)' if line.assumed else ''}",
                f"{line.hourly.desired:,.3f}",
                f"{line.monthly.desired:,.2f}{_mark(line)}",
                _bar(line.monthly.desired / most),
            )
            if line.note:
                table.add_row("", Text(f"  {line.note}", style="dim"), "", "", "")
        if len(lines) > 1:
            table.add_row("", Text("together", style="dim"), "", Text(f"{whole.desired:,.2f} ",
                          style="dim"), "")  # fmt: skip
    console.print(table)


def _mark(line: Line) -> str:
    return _MARK if line.price.standing == REMEMBERED else " "


def _bar(share: float) -> Text:
    eighths = round(share * _BAR * 8)
    full, part = divmod(eighths, 8)
    return Text("█" * full + (" ▏▎▍▌▋▊▉"[part] if part else ""), style="blue")


def _print_total(console: Console, bill: Bill) -> None:
    month, hour = bill.monthly, bill.hourly
    console.print(
        f"\n[bold]${month.desired:,.2f} a month[/bold], ${hour.desired:,.2f} an hour, "
        f"${hour.desired * 48:,.0f} a weekend"
    )
    console.print(
        f"scaled in ${month.least:,.2f}, scaled out ${month.most:,.2f} a month;"
        f" ${bill.assumed.desired:,.2f} of it is assumed use"
    )
    if bill.discounted:
        console.print(f"discounts of ${bill.discounted:,.2f} a month are taken off")
    variants = {name or "shared": one for name, one in bill.by(lambda x: x.variant).items()}
    console.print("by variant: " + ", ".join(
        f"{name} ${one.desired:,.2f}" for name, one in variants.items()
    ))  # fmt: skip
    console.print(f"prices: {standings_told(bill)}")
    console.print(f"resources: {coverage_told(bill)}")
    for gap in bill.gaps:
        console.print(f"[yellow]{gap.kind}[/yellow]: {gap.name}, {gap.why}", highlight=False)


def standings_told(bill: Bill) -> str:
    """Which share of the dollars has which standing."""
    whole = bill.monthly.desired or 1
    told = [
        f"{usd / whole:.1%} {standing}{f' ({_MARK})' if standing == REMEMBERED else ''}"
        for standing, usd in bill.standings.items()
    ]
    return ", ".join(told) or "none"


def coverage_told(bill: Bill) -> str:
    """How many resources are priced, free, by use, not priced, unknown."""
    return " · ".join(f"{bill.coverage[kind]} {kind}" for kind in COVERAGE)


def _print_comparison(console: Console, compared: Comparison, against: str) -> None:
    before = compared.before.monthly.desired if compared.before else 0
    percent = f" ({signed_percent(compared.percent)} %)" if compared.percent is not None else ""
    console.print(
        f"\n[bold]{signed(compared.difference)} a month[/bold]{percent} against {against}:"
        f" ${before:,.2f} → ${compared.after.monthly.desired:,.2f}"
    )
    table = _table("", "resource", "before", "after", "difference", left=2)
    letters = {"added": "+", "removed": "-", "changed": "~"}
    for one in compared.resources:
        table.add_row(
            letters[one.how],
            one.name,
            f"{one.before.desired:,.2f}",
            f"{one.after.desired:,.2f}",
            signed(one.difference),
        )
    if compared.resources:
        console.print(table)
    for change in compared.changes:
        if change.replaces:
            name = change.urn.rpartition("::")[2]
            console.print(f"[red]replaced[/red]: {name} ({', '.join(change.keys) or 'all of it'})")


def _print_options(console: Console, found: Study) -> None:
    if not found.options:
        return
    table = _table("node group", "instances", "bought", "$/h", "seen", left=3)
    group = ""
    for one in found.options:
        low, high = f"{one.low:,.2f}", f"{one.high:,.2f}"
        table.add_row(
            "" if one.group == group else one.group,
            "" if one.group == group else f"{one.nodes:g} × {one.instance}",
            f"{'→' if one.chosen else ' '} {one.way}",
            low if low == high else f"{low}–{high}",
            f"{one.standing} {one.date}",
            style="bold" if one.chosen else "",
        )
        group = one.group
    console.print()
    console.print(table)


def _print_tokens(console: Console, found: Study) -> None:
    if not found.tokens:
        return
    table = _table("$ per million tokens", "in/out at", *(f"{one:.0%}" for one in UTILISATIONS))
    for one in found.tokens:
        cells = [one.per_million(share) for share in UTILISATIONS]
        table.add_row(
            one.variant,
            f"{one.output_per_s:,.0f} tokens/s",
            *(f"{usd_in:,.2f} / {usd_out:,.2f}" for usd_in, usd_out in cells),
        )
    console.print()
    console.print(table)
    console.print(
        "of full load as r1 plan predicts it, with its share of the whole stack;"
        f" a token out costs as much as {found.tokens[0].ratio:g} in",
        style="dim",
    )
    _print_break_even(console, found)


def _print_break_even(console: Console, found: Study) -> None:
    for one in found.tokens:
        if one.break_even is None or one.break_even_tokens_a_day is None:
            continue
        if one.break_even > 1:
            console.print(f"{one.variant}: the API is cheaper at any load")
        else:
            console.print(
                f"{one.variant}: cheaper than the API from"
                f" {one.break_even_tokens_a_day / 1e6:,.1f} million tokens a day"
                f" ({one.break_even:.0%} of full load)"
            )


def _print_actual(console: Console, found: Study) -> None:
    actual = found.actual
    if actual is None:
        return
    estimate = found.compared.after.monthly.desired
    console.print(
        f"\nbilled {actual.first} to {actual.last}: ${actual.usd:,.2f}, a pace of"
        f" ${actual.per_month:,.2f} a month; the estimate is ${estimate:,.2f}"
        f"{' (AWS may still correct it)' if actual.estimated else ''}"
    )
    table = _table("service", "billed")
    for service, usd in actual.by_service.items():
        table.add_row(service, f"{usd:,.2f}")
    console.print(table)


def print_differences(console: Console, rows: Sequence[tuple[str, ...]]) -> None:
    """Rows of prices that are others than before."""
    table = _table("price", "Region", "before", "now", "", left=2)
    for row in rows:
        table.add_row(*row)
    console.print(table)
