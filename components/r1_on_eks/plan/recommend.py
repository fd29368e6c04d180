"""Which variant for a task, and why the others not."""

from collections.abc import Callable
from dataclasses import dataclass

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


def recommend(
    task: str,
    workload: Workload,
    *,
    budget: float | None = None,
    accepted: Callable[[Checkpoint], bool] | None = None,
) -> list[Candidate]:
    """Every variant with a verdict, the recommended one marked.

    The cheapest of those that are meant for the task, meet the workload and stay within the
    budget is taken; of the others each hears its own reason.

    Args:
        task: One of `TASKS`.
        workload: What is asked at the busiest.
        budget: Dollars per hour that instances may cost; None for any.
        accepted: Which checkpoints will do; the published ones if not said.
    """
    cheapest = {name: _cheapest(variant, workload, accepted) for name, variant in VARIANTS.items()}
    able = {
        name: option
        for name, option in cheapest.items()
        if option
        and task in VARIANTS[name].tasks
        and (budget is None or option.usd_per_hour <= budget)
    }
    taken = min(able.values(), key=lambda option: option.usd_per_hour, default=None)
    return [
        Candidate(
            variant=variant,
            option=cheapest[name],
            verdict=_verdict(task, budget, variant, cheapest[name], taken),
            taken=taken is not None and cheapest[name] is taken,
        )
        for name, variant in VARIANTS.items()
    ]


def _cheapest(
    variant: Variant, workload: Workload, accepted: Callable[[Checkpoint], bool] | None
) -> Option | None:
    if accepted is None:
        checkpoints = [variant.published]
    else:
        checkpoints = [one for one in variant.checkpoints if accepted(one)]
    found = options(variant, workload, checkpoints=checkpoints) if checkpoints else []
    return best(found)


def _verdict(
    task: str, budget: float | None, variant: Variant, option: Option | None, taken: Option | None
) -> str:
    if task not in variant.tasks:
        heaviest = variant.tasks[-1]
        return f"not for {task}: its best is {heaviest}"
    if option is None:
        return "no placement meets the limits"
    if budget is not None and option.usd_per_hour > budget:
        return f"${option.usd_per_hour:.2f} an hour, over the budget of ${budget:.2f}"
    if taken is None or option is taken:
        return "recommended: the cheapest that is meant for it"
    return f"${option.usd_per_hour - taken.usd_per_hour:.2f} an hour more"
