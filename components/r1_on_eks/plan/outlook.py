"""What is to be expected of a placement that a stack file asks for."""

from dataclasses import dataclass

from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.plan.estimate import Estimate, at_concurrency, replica_of
from r1_on_eks.plan.placement import Placement

_HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """A placement with its speed and its price.

    Attributes:
        placement: What the stack file asks for.
        alone: Speed of a single request.
        full: Speed with as many at a time as the placement is for.
        usd_per_hour: On demand, instances alone; None where no price was read.
        usd_per_million: Dollars for a million output tokens at full load; None likewise.
    """

    placement: Placement
    alone: Estimate
    full: Estimate
    usd_per_hour: float | None
    usd_per_million: float | None


def outlook(placement: Placement, *, prompt: int, output: int) -> Outlook:
    """Speed and price for requests of `prompt` tokens with answers of `output`."""
    gpu = GPUS[placement.instance.gpu_model]
    replica = replica_of(
        placement.variant, placement.checkpoint, gpu, tensor_parallel=placement.tensor_parallel
    )
    at = {"prompt": prompt, "output": output}
    full = at_concurrency(replica, gpu, concurrency=placement.concurrency, **at)
    price = placement.instance.on_demand_usd_per_hour
    per_hour = None if price is None else price * placement.nodes
    tokens = full.output_per_s.likely * placement.replicas * _HOUR
    return Outlook(
        placement=placement,
        alone=at_concurrency(replica, gpu, concurrency=1, **at),
        full=full,
        usd_per_hour=per_hour,
        usd_per_million=None if per_hour is None else per_hour / tokens * 1e6,
    )
