"""All that is told of the money of one stack: made once, then shown as a table or as a comment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from r1_on_eks.cost.actual import Actual
from r1_on_eks.cost.bill import Terms, bill_of
from r1_on_eks.cost.compare import Comparison, Limit, Verdict, compare, verdicts
from r1_on_eks.cost.declared import Declaration
from r1_on_eks.cost.once import Once, once_of
from r1_on_eks.cost.options import Option, options_of
from r1_on_eks.cost.preview import Change
from r1_on_eks.cost.samples import samples_of
from r1_on_eks.cost.tokens import TokenPrice, token_prices
from r1_on_eks.plan import Plan
from r1_on_eks.stack_config import Budget, StackConfig


@dataclass(frozen=True, kw_only=True)
class States:
    """Two states of a stack, from wherever they were read.

    Attributes:
        after: What is to stand.
        before: What stood; None where nothing is compared.
        changes: What a preview says of the way from one to the other.
        against: What `before` is, in words.
        warnings: What may make them wrong.
    """

    after: Declaration
    before: Declaration | None = None
    changes: Sequence[Change] = ()
    against: str = ""
    warnings: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Study:
    """The money of one stack.

    Attributes:
        stack: Its name.
        region: AWS Region; "" where none is known.
        compared: Its bill, and the one before.
        against: What it is compared with, in words.
        options: Ways to buy its instances.
        tokens: What its tokens cost; none where no plan is known.
        once: What its rollout costs once.
        verdicts: The limits, and whether they are kept.
        warnings: What a reader must know.
        actual: What was billed, where it was asked for.
    """

    stack: str
    region: str
    compared: Comparison
    against: str = ""
    options: Sequence[Option] = ()
    tokens: Sequence[TokenPrice] = ()
    once: Sequence[Once] = ()
    verdicts: Sequence[Verdict] = ()
    warnings: Sequence[str] = field(default=())
    actual: Actual | None = None

    @property
    def kept(self) -> bool:
        """Whether every limit is kept."""
        return all(one.kept for one in self.verdicts)


def study(
    stack: str,
    states: States,
    *,
    config: StackConfig | None,
    plan: Plan | None,
    limit: Limit | None = None,
) -> Study:
    """Prices two states of a stack.

    Args:
        stack: Its name.
        states: What stands, and what is to stand.
        config: Its file, for usage, discounts and budgets; None for the defaults.
        plan: Its plan, for throughput; None where there is none.
        limit: What the command line says beside the budgets.
    """
    terms = _terms(config, plan)
    after = bill_of(states.after, terms)
    # With the same use: what stood has no plan here that counts its own.
    before = None if states.before is None else bill_of(states.before, terms)
    compared = compare(before, after, states.changes)
    budget = config.budget if config else Budget()
    warnings = [*states.warnings]
    if stale := after.stale():
        oldest = stale[0]
        warnings.append(
            f"{len(stale)} prices were seen over 180 days ago, the oldest in {oldest.date}"
            f" ({oldest.what}); r1 prices refresh renews them"
        )
    if (
        config
        and budget.usd_per_month is None
        and (budget.increase_usd or budget.increase_percent)
        and before is None
    ):
        warnings.append("budget.increase_… holds for comparisons; add --against main")
    return Study(
        stack=stack,
        region=(config.region if config else "") or _region(states.after),
        compared=compared,
        against=states.against,
        options=options_of(after.lines, terms.book),
        tokens=token_prices(plan, after, config.api_price if config else None) if plan else (),
        once=once_of(plan, states.after, terms.book) if plan else (),
        verdicts=verdicts(compared, budget, limit),
        warnings=tuple(warnings),
    )


def _terms(config: StackConfig | None, plan: Plan | None) -> Terms:
    if config is None:
        return Terms()
    return Terms(
        usage=config.usage,
        samples=samples_of(config.usage, plan),
        discounts={**config.discounts},
        region=config.region,
    )


def _region(declared: Declaration) -> str:
    regions = {
        region for one in declared if isinstance(region := declared.region(one), str) and region
    }
    return ", ".join(sorted(regions))
