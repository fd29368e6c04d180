"""Studies as the markdown of a pull request: GitHub's, GitLab's, or a plain file's."""

from collections.abc import Sequence

from r1_on_eks.catalog.price_book import REMEMBERED
from r1_on_eks.cost.bill import Bill, Line
from r1_on_eks.cost.compare import Comparison, ResourceChange, signed, signed_percent
from r1_on_eks.cost.options import Option
from r1_on_eks.cost.preview import Change
from r1_on_eks.cost.stateful import STATEFUL
from r1_on_eks.cost.study import Study
from r1_on_eks.cost.tables import coverage_told, standings_told
from r1_on_eks.cost.tokens import UTILISATIONS

# GitHub's limit on a comment is 65,536 characters; GitLab's is above.
LONGEST = 65_000
_FEW = 12


def comment(found: Sequence[Study], longest: int = LONGEST) -> str:
    """A headline, a table of stacks, what to watch, and the details to unfold.

    Args:
        found: One of each stack.
        longest: Characters; of a longer one the longest details are left out, and named.
    """
    head = "\n".join([
        f"### {headline(found)}",
        "",
        *_stacks_table(found),
        *_watch(found),
    ])  # fmt: skip
    details = {one.stack: _details(one) for one in found}
    left_out: list[str] = []
    while True:
        text = "\n\n".join([head, *details.values(), _foot(left_out)]) + "\n"
        if len(text) <= longest or not details:
            return text if len(text) <= longest else _cut(text, longest)
        longest_one = max(details, key=lambda stack: len(details[stack]))
        left_out.append(longest_one)
        del details[longest_one]


def headline(found: Sequence[Study]) -> str:
    """One sentence: what all stacks together cost more."""
    after = sum(one.compared.after.monthly.desired for one in found)
    compared = [one.compared for one in found if one.compared.before is not None]
    if not found:
        return "Cost: no stack is changed"
    if not compared:
        return f"Cost: ${after:,.2f} a month, ${after / 730:,.2f} an hour"
    more = sum(one.difference for one in compared)
    before = after - more
    if abs(more) < 0.005:
        return f"Cost: unchanged, ${after:,.2f} a month"
    percent = f" ({signed_percent(more / before * 100)} %)" if before > 0.005 else ""
    return f"Cost: {signed(more)} a month{percent}, {signed(more / 730)} an hour"


def _stacks_table(found: Sequence[Study]) -> list[str]:
    if not found:
        return ["Nothing of what its stacks declare is another than before."]
    rows = [
        "| stack | before | after | change | $/hour | scaled in to out, a month |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for one in found:
        bill, before = one.compared.after, one.compared.before
        rows.append(
            f"| **{one.stack}** | {_month(before)} | {_month(bill)} | {_change(one.compared)}"
            f" | {bill.hourly.desired:,.2f}"
            f" | ${bill.monthly.least:,.0f} to ${bill.monthly.most:,.0f} |"
        )
    marks = any(_remembered(one.compared.after.lines) for one in found)
    told = [
        "",
        f"<sub>{_MARK.strip()} has prices in it that are remembered, not looked up; a month has"
        " 730 hours; assumed use is in it.</sub>",
    ]
    return [*rows, *(told if marks else [])]


# A cell doesn't break before it.
_MARK = "\N{NO-BREAK SPACE}(?)"


def _remembered(lines: Sequence[Line]) -> bool:
    return any(line.price.standing == REMEMBERED for line in lines)


def _month(bill: Bill | None) -> str:
    if bill is None:
        return "–"
    mark = _MARK if _remembered(bill.lines) else ""
    return f"${bill.monthly.desired:,.2f}{mark}"


def _change(compared: Comparison) -> str:
    if compared.before is None:
        return "–"
    percent = (
        ""
        if compared.percent is None or abs(compared.difference) < 0.005
        else f" ({signed_percent(compared.percent)}\N{NO-BREAK SPACE}%)"
    )
    new = " new" if not compared.before.lines and compared.after.lines else ""
    return f"**{signed(compared.difference)}**{percent}{new}"


def _watch(found: Sequence[Study]) -> list[str]:
    """What nobody may overlook: limits, replacements, gaps, warnings."""
    caution, warning = [], []
    for one in found:
        caution += [f"**{one.stack}**: {v.told}" for v in one.verdicts if not v.kept]
        caution += [
            f"**{one.stack}**: {_ended(change)}"
            for change in one.compared.changes
            if change.type in STATEFUL and (change.replaces or change.operation == "delete")
        ]
        warning += [
            f"**{one.stack}**: {gap.kind}: `{gap.name}`, {gap.why}"
            for gap in one.compared.after.gaps
        ]
        warning += [f"**{one.stack}**: {told}" for told in one.warnings]
    lines: list[str] = []
    for word, told in (("CAUTION", caution), ("WARNING", warning)):
        if told:
            few = [*told[:_FEW], *([f"and {len(told) - _FEW} more"] if len(told) > _FEW else [])]
            lines += ["", f"> [!{word}]", *(f"> - {line}" for line in few)]
    return lines


def _ended(change: Change) -> str:
    name = change.urn.rpartition("::")[2]
    what = "replaced" if change.replaces else "deleted"
    why = f" because of {', '.join(f'`{key}`' for key in change.keys)}" if change.keys else ""
    return f"**`{name}` is {what}**{why}: {STATEFUL[change.type].lost}"


def _details(one: Study) -> str:
    compared = one.compared
    parts = [
        _differences(compared.resources),
        _whole_bill(compared.after),
        _ways(one.options),
        _token_table(one),
        _steps(compared.changes),
        _smallprint(one),
    ]
    body = "\n\n".join(part for part in parts if part)
    return f"<details><summary>{_summary(one)}</summary>\n\n{body}\n\n</details>"


def _summary(one: Study) -> str:
    compared = one.compared
    changed = len(compared.resources)
    told = f"{changed} of its resources cost more or less" if changed else "the whole bill"
    if changed == 1:
        told = "one of its resources costs more or less"
    return f"<b>{one.stack}</b>: {told}"


def _differences(resources: Sequence[ResourceChange]) -> str:
    if not resources:
        return ""
    letters = {"added": "+", "removed": "−", "changed": "~"}
    rows = ["| | resource | before | after | a month |", "|---|---|--:|--:|--:|"]
    for one in resources:
        told = _told(one)
        rows.append(
            f"| {letters[one.how]} | `{one.name}`{told} | ${one.before.desired:,.2f}"
            f" | ${one.after.desired:,.2f} | **{signed(one.difference)}** |"
        )
    return "\n".join(rows)


def _told(one: ResourceChange) -> str:
    was = one.lines_before[0].told if one.lines_before else ""
    is_ = one.lines_after[0].told if one.lines_after else ""
    told = f"{was} → {is_}" if was and is_ and was != is_ else is_ or was
    return f"<br>{told}"


def _whole_bill(bill: Bill) -> str:
    if not bill.lines:
        return ""
    rows = ["| component | what | $/month | least | most |", "|---|---|--:|--:|--:|"]
    for component, whole in bill.by(lambda line: line.component).items():
        lines = [line for line in bill.lines if line.component == component]
        mark = _MARK if _remembered(lines) else ""
        rows.append(
            f"| **{component or 'other'}** | | **{whole.desired:,.2f}**{mark}"
            f" | {whole.least:,.2f} | {whole.most:,.2f} |"
        )
        for line in sorted(lines, key=lambda line: -line.monthly.desired):
            month, assumed = line.monthly, ", assumed" if line.assumed else ""
            mark = _MARK if line.price.standing == REMEMBERED else ""
            rows.append(
                f"| | {line.told}{assumed} | {month.desired:,.2f}{mark}"
                f" | {month.least:,.2f} | {month.most:,.2f} |"
            )
    return "\n".join(rows)


def _ways(options: Sequence[Option]) -> str:
    if not options:
        return ""
    rows = ["| node group | bought | $/hour | seen |", "|---|---|--:|---|"]
    for one in options:
        low, high = f"{one.low:,.2f}", f"{one.high:,.2f}"
        price = low if low == high else f"{low}–{high}"
        way = f"**{one.way}**, as it is" if one.chosen else one.way
        rows.append(
            f"| {one.nodes:g} × {one.instance} (`{one.group}`) | {way} | {price}"
            f" | {one.standing} {one.date} |"
        )
    return "\n".join(rows)


def _token_table(one: Study) -> str:
    if not one.tokens:
        return ""
    shares = " | ".join(f"at {share:.0%}" for share in UTILISATIONS)
    rows = [
        f"| $ per million tokens, in / out | {shares} | cheaper than the API from |",
        "|---|" + "--:|" * (len(UTILISATIONS) + 1),
    ]
    for price in one.tokens:
        cells = (price.per_million(share) for share in UTILISATIONS)
        told = " | ".join(f"{usd_in:,.2f} / {usd_out:,.2f}" for usd_in, usd_out in cells)
        even, tokens = price.break_even, price.break_even_tokens_a_day
        if even is None or tokens is None:
            api = "no API price given"
        else:
            api = "no load" if even > 1 else f"{tokens / 1e6:,.1f} M tokens a day ({even:.0%})"
        rows.append(f"| {price.variant} | {told} | {api} |")
    return "\n".join(rows)


def _steps(changes: Sequence[Change]) -> str:
    if not changes:
        return ""
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.operation] = counts.get(change.operation, 0) + 1
    told = ", ".join(f"{number} {operation}" for operation, number in sorted(counts.items()))
    replaced = [
        f"**`{change.urn.rpartition('::')[2]}`**"
        if change.type in STATEFUL
        else f"`{change.urn.rpartition('::')[2]}`"
        for change in changes
        if change.replaces
    ]
    # Without the engine nobody foresees the others.
    foreseen = all(change.type in STATEFUL for change in changes)
    what = "Steps for what holds state or costs most" if foreseen else "Steps"
    return f"{what}: {told}" + (f". Replaced: {', '.join(replaced)}" if replaced else "")


def _smallprint(one: Study) -> str:
    bill = one.compared.after
    lines = []
    if bill.lines or bill.gaps:
        lines += [f"- prices: {standings_told(bill)}", f"- resources: {coverage_told(bill)}"]
    lines += [
        f"- once: {once.told}, {once.gb:,.0f} GB by {once.way}: "
        + ("not priced" if once.usd is None else f"${once.usd:,.2f}")
        + (f" (through NAT ${once.otherwise_usd:,.2f})" if once.otherwise_usd else "")
        for once in one.once
    ]
    lines += [f"- {line.name}: {line.note}" for line in bill.lines if line.note]
    lines += [f"- limit kept: {verdict.told}" for verdict in one.verdicts if verdict.kept]
    if bill.discounted:
        lines.append(f"- discounts of ${bill.discounted:,.2f} a month are taken off")
    return "\n".join(lines)


def _foot(left_out: Sequence[str]) -> str:
    what = f"Details of {', '.join(left_out)} are left out for their length; " if left_out else ""
    return f"<sub>{what}`r1 cost STACK` tells all of it, and where each price was seen.</sub>"


def _cut(text: str, longest: int) -> str:
    told = "\n\n… cut here for its length; `r1 cost STACK` tells all of it\n"
    return text[: longest - len(told)] + told
