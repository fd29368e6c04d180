"""Two bills of a stack, resource by resource, and the limits that a change may meet."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.cost.bill import Bill, Line, total
from r1_on_eks.cost.charges import Amount
from r1_on_eks.cost.preview import Change
from r1_on_eks.stack_config import Budget

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_NOTHING = Amount(0, 0, 0)
# Less is no difference: prices have six decimals, bills two.
_CENT = 0.005


@dataclass(frozen=True, kw_only=True)
class ResourceChange:
    """A resource whose cost is another than before; dollars a month."""

    name: str
    type: str
    how: str
    before: Amount
    after: Amount
    lines_before: tuple[Line, ...]
    lines_after: tuple[Line, ...]

    @property
    def difference(self) -> float:
        """Dollars a month more, as it is declared."""
        return self.after.desired - self.before.desired


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A bill, and the one before it.

    Attributes:
        before: What stood; None where nothing is known of it.
        after: What is to stand.
        resources: The resources that cost more or less, the greatest difference first.
        changes: What happens to resources, where a preview says it.
    """

    before: Bill | None
    after: Bill
    resources: tuple[ResourceChange, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def difference(self) -> float:
        """Dollars a month more, as it is declared."""
        return self.after.monthly.desired - (self.before.monthly.desired if self.before else 0)

    @property
    def percent(self) -> float | None:
        """The same in percent; None where nothing was paid before."""
        if self.before is None or self.before.monthly.desired < _CENT:
            return None
        return self.difference / self.before.monthly.desired * 100


def compare(before: Bill | None, after: Bill, changes: Sequence[Change] = ()) -> Comparison:
    """What differs between two bills."""
    old, new = _by_resource(before), _by_resource(after)
    found = []
    for urn in dict.fromkeys([*old, *new]):
        was, is_ = tuple(old.get(urn, ())), tuple(new.get(urn, ()))
        if before is not None and _differ(was, is_):
            one = (is_ or was)[0]
            found.append(ResourceChange(
                name=one.name,
                type=one.type,
                how=CHANGED if was and is_ else ADDED if is_ else REMOVED,
                before=total(was) if was else _NOTHING,
                after=total(is_) if is_ else _NOTHING,
                lines_before=was,
                lines_after=is_,
            ))  # fmt: skip
    found.sort(key=lambda one: (-abs(one.difference), one.name))
    return Comparison(before=before, after=after, resources=tuple(found), changes=tuple(changes))


def _by_resource(bill: Bill | None) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for line in bill.lines if bill else ():
        found.setdefault(line.urn, []).append(line)
    return found


def _differ(was: tuple[Line, ...], is_: tuple[Line, ...]) -> bool:
    def months(lines: tuple[Line, ...]) -> Amount:
        return total(lines)

    old, new = months(was), months(is_)
    apart = (old.least - new.least, old.desired - new.desired, old.most - new.most)
    what = [line.price.what for line in was] != [line.price.what for line in is_]
    return what or any(abs(one) >= _CENT for one in apart)


@dataclass(frozen=True)
class Verdict:
    """One limit, and whether it is kept."""

    told: str
    kept: bool


@dataclass(frozen=True)
class Limit:
    """What `--fail-over` says: dollars a month, or percent."""

    amount: float
    percent: bool


def limit_from(text: str) -> Limit:
    """A limit as somebody types it: 500, $500, 10%.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"\$?(\d+(?:\.\d+)?)(%?)", text.replace(",", ""))
    if not found:
        raise ValueError(f"{text} is no limit; write 500 for dollars a month, or 10%")
    return Limit(float(found[1]), bool(found[2]))


def verdicts(compared: Comparison, budget: Budget, limit: Limit | None) -> list[Verdict]:
    """Each limit of the stack file and of the command line."""
    found = []
    month = compared.after.monthly.desired
    if budget.usd_per_month is not None:
        told = f"${month:,.2f} of a budget of ${budget.usd_per_month:,.2f} a month"
        found.append(Verdict(told, month <= budget.usd_per_month + _CENT))
    if compared.before is not None:
        if budget.increase_usd is not None:
            found.append(_increase(compared, Limit(budget.increase_usd, percent=False)))
        if budget.increase_percent is not None:
            found.append(_increase(compared, Limit(budget.increase_percent, percent=True)))
    if limit is not None:
        found.append(
            _increase(compared, limit)
            if compared.before is not None
            else Verdict(
                f"${month:,.2f} a month, of at most ${limit.amount:,.2f}",
                month <= limit.amount + _CENT,
            )
        )
    return found


def _increase(compared: Comparison, limit: Limit) -> Verdict:
    more, percent = compared.difference, compared.percent
    if not limit.percent:
        told = f"{signed(more)} a month, of at most ${limit.amount:,.2f} more"
        return Verdict(told, more <= limit.amount + _CENT)
    if percent is None:
        return Verdict(f"{signed(more)} a month, from nothing", more < _CENT)
    told = f"{signed_percent(percent)} % a month, of at most {limit.amount:g} % more"
    return Verdict(told, percent <= limit.amount + 1e-9)


def signed_percent(percent: float) -> str:
    """+7.2, −100.0."""
    return f"{percent:+.1f}".replace("-", "−")


def signed(usd: float) -> str:
    """+$1,402.00, −$12.30 or ±$0.00."""
    if abs(usd) < _CENT:
        return "±$0.00"
    return f"{'+' if usd > 0 else '−'}${abs(usd):,.2f}"
