"""Which variant for a task, and why the others not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from r1_on_eks.catalog.instances import InstanceType
from r1_on_eks.catalog.languages import LANGUAGES
from r1_on_eks.catalog.model_shapes import Checkpoint, Variant
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.choice import Option, best, options
from r1_on_eks.stack_config import Workload


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A variant in the running.

    Attributes:
        variant: The model.
        option: Its cheapest placement for the workload; None where nothing meets it.
        verdict: Why it is taken, or why not.
        taken: Whether it is the recommended one.
    """

    variant: Variant
    option: Option | None
    verdict: str
    taken: bool = False


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody looks for.

    Attributes:
        task: One of `TASKS`.
        workload: What is asked at the busiest.
        budget: Dollars per hour that instances may cost; None for any.
        languages: ISO 639-1 codes that it must have been made for.
        accepted: Which checkpoints will do; the published ones if not said.
        instances: Types to look at, with a Region's prices; all, with us-east-1's, if not said.
    """

    task: str
    workload: Workload
    budget: float | None = None
    languages: Sequence[str] = ()
    accepted: Callable[[Checkpoint], bool] | None = None
    instances: Sequence[InstanceType] | None = None


def recommend(wish: Wish) -> list[Candidate]:
    """Every variant with a verdict, the recommended one marked.

    The cheapest of those that are meant for the task and the languages, meet the workload and
    stay within the budget is taken; of the others each hears its own reason.
    """
    cheapest = {name: best(_options(variant, wish)) for name, variant in VARIANTS.items()}
    reasons = {
        name: _reason_against(variant, cheapest[name], wish) for name, variant in VARIANTS.items()
    }
    able = [option for name, option in cheapest.items() if option and not reasons[name]]
    taken = min(able, key=lambda option: option.usd_per_hour, default=None)
    return [
        Candidate(
            variant=variant,
            option=cheapest[name],
            verdict=reasons[name] or _compared(variant, cheapest[name], taken),
            taken=taken is not None and cheapest[name] is taken,
        )
        for name, variant in VARIANTS.items()
    ]


# The guide's path: begin with 14b, go on to 32b or 70b, and keep 671b in reserve.
_PATH = (("14b",), ("32b", "70b"), ("671b",))


def growth(variant: str) -> list[tuple[str, ...]]:
    """The variants to go on to, step by step; the last one is kept in reserve."""
    smaller = list(VARIANTS)[: list(VARIANTS).index(variant) + 1]
    steps = (tuple(name for name in step if name not in smaller) for step in _PATH)
    return [step for step in steps if step]


def _options(variant: Variant, wish: Wish, workload: Workload | None = None) -> list[Option]:
    if wish.accepted is None:
        checkpoints = [variant.published]
    else:
        checkpoints = [one for one in variant.checkpoints if wish.accepted(one)]
    workload = workload or wish.workload
    return options(variant, workload, checkpoints=checkpoints, instances=wish.instances)


def _reason_against(variant: Variant, option: Option | None, wish: Wish) -> str:
    """Why it can't be taken; nothing where it can."""
    if wish.task not in variant.tasks:
        return f"not for {wish.task}: its best is {variant.tasks[-1]}"
    spoken = LANGUAGES[variant.name]
    foreign = [code for code in wish.languages if code not in spoken]
    if foreign:
        return f"not made for {', '.join(foreign)}; it was for {', '.join(spoken)}"
    if option is None:
        return _what_it_misses(variant, wish)
    if wish.budget is not None and option.usd_per_hour > wish.budget:
        return f"${option.usd_per_hour:.2f} an hour, over the budget of ${wish.budget:.2f}"
    return ""


def _what_it_misses(variant: Variant, wish: Wish) -> str:
    """Which limit to give up, and how far, for the variant to have a placement."""
    asked = wish.workload
    slower = asked.model_copy(update={"first_token_s": _ANY_S, "per_token_s": _ANY_S})
    patient = _options(variant, wish, slower)
    if not patient:
        return f"no priced instance type holds it with {asked.context} tokens of context"
    first = min(option.estimate.first_token_s.likely for option in patient)
    if first > asked.first_token_s:
        return f"first token after {first:.2g} s at best; {asked.first_token_s:g} s are allowed"
    each = min(option.estimate.per_token_s.likely for option in patient)
    if each > asked.per_token_s:
        return f"{each * 1e3:.2g} ms a token at best; {asked.per_token_s * 1e3:g} ms are allowed"
    return (
        f"first token within {asked.first_token_s:g} s or {asked.per_token_s * 1e3:g} ms a token,"
        " never both"
    )


_ANY_S = 3600.0


def _compared(variant: Variant, option: Option | None, taken: Option | None) -> str:
    if option is None or taken is None or option is taken:
        return "recommended: the cheapest that is meant for it"
    more = option.usd_per_hour - taken.usd_per_hour
    price = f"${more:.2f} an hour more" if more >= _CENT else "as dear"
    return f"{price}; worth it for {variant.tasks[-1]}"


_CENT = 0.005
