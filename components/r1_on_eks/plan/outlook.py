"""What is to be expected of a placement: speed as asked and at full load, and the price."""

from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.catalog.prices import HOME_REGION, on_demand
from r1_on_eks.plan import Model
from r1_on_eks.plan.choice import sustained_rate
from r1_on_eks.plan.estimate import Estimate, at_concurrency, at_rate
from r1_on_eks.plan.placement import Placement
from r1_on_eks.stack_config import Workload

_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """A placement with its speed and its price.

    Attributes:
        placement: What stands up.
        workload: What is asked of it.
        asked: Speed of one replica at its share of the rate; None where requests come faster
            than it answers.
        full: Speed with as many at a time as the placement is for; None where it is not
            predicted, without a GPU.
        most_rate: Requests per second that all replicas answer within the limits; None likewise.
        usd_per_hour: On demand, its share of its instances; None where no price was read.
    """

    placement: Placement
    workload: Workload
    asked: Estimate | None
    full: Estimate | None
    most_rate: float | None
    usd_per_hour: float | None

    @property
    def meets(self) -> bool:
        """Whether it answers the rate that is asked within the limits, so far as is known."""
        return self.most_rate is None or self.most_rate >= self.workload.rate

    @property
    def usd_per_million_asked(self) -> float | None:
        """Dollars for a million output tokens at the rate asked; None where it isn't known."""
        if self.full is None:
            return None
        return self._usd_per_million(self.workload.rate * self.workload.output)

    @property
    def usd_per_million_full(self) -> float | None:
        """The same with every replica at work on as many answers as it takes."""
        if self.full is None:
            return None
        return self._usd_per_million(self.full.output_per_s.likely * self.placement.replicas)

    def _usd_per_million(self, tokens_per_s: float) -> float | None:
        if self.usd_per_hour is None:
            return None
        return self.usd_per_hour / (tokens_per_s * _HOUR) * 1e6


def outlooks(models: Sequence[Model], region: str = HOME_REGION) -> list[Outlook]:
    """What is to be expected of each model of a stack, at the prices of a Region."""
    in_use: dict[str, int] = {}
    for model in models:
        in_use[model.pool] = in_use.get(model.pool, 0) + model.placement.gpus
    return [
        outlook(
            model.placement,
            model.workload,
            share=model.placement.gpus / in_use[model.pool] if in_use[model.pool] else 1.0,
            region=region,
        )
        for model in models
    ]


def outlook(
    placement: Placement, workload: Workload, *, share: float = 1.0, region: str = HOME_REGION
) -> Outlook:
    """Speed and price of a placement under a workload.

    Args:
        placement: What stands up.
        workload: What is asked of it.
        share: How much of its instances' price is its own: of a shared pool, its part of the
            GPUs in use, so that idle ones are paid for too.
        region: Whose prices.
    """
    price = on_demand(placement.instance, region)
    usd_per_hour = None if price is None else price * placement.nodes * share
    if placement.on_cpu:
        return Outlook(
            placement=placement,
            workload=workload,
            asked=None,
            full=None,
            most_rate=None,
            usd_per_hour=usd_per_hour,
        )
    gpu = placement.gpu
    replica = placement.replica
    lengths = {"prompt": workload.prompt, "output": workload.output}
    asked = at_rate(
        replica,
        gpu,
        rate=workload.rate / placement.replicas,
        most=placement.concurrency,
        measured=placement.stages == 1,
        **lengths,
    )
    return Outlook(
        placement=placement,
        workload=workload,
        asked=asked,
        full=at_concurrency(
            replica,
            gpu,
            concurrency=placement.concurrency,
            measured=placement.stages == 1,
            **lengths,
        ),
        most_rate=sustained_rate(replica, workload, placement.concurrency) * placement.replicas,
        usd_per_hour=usd_per_hour,
    )
