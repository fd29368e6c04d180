"""What was measured beside what the plan predicts, and beside the limits that it was made for."""

from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.benchmarking.load import Load
from r1_on_eks.benchmarking.measured import Measured
from r1_on_eks.plan import Model
from r1_on_eks.plan.estimate import Estimate, Range, at_concurrency
from r1_on_eks.plan.outlook import outlook


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure, in seconds or tokens per second.

    Attributes:
        what: `first token`, `per token` or `throughput`.
        measured: The mean of the run.
        predicted: The plan's, or None where it predicts none.
        limit: What the stack file allows; None where it limits nothing.
    """

    what: str
    measured: float
    predicted: Range | None
    limit: float | None

    @property
    def inside(self) -> bool | None:
        """Whether it lies in the predicted interval; None without a prediction."""
        if self.predicted is None:
            return None
        return self.predicted.low <= self.measured <= self.predicted.high

    @property
    def within_limit(self) -> bool | None:
        """Whether it keeps the limit; None where there is none."""
        return None if self.limit is None else self.measured <= self.limit

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the plan."""
        return self.inside is not False and self.within_limit is not False


def predicted(model: Model, load: Load, region: str) -> Estimate | None:
    """What the plan says of a model under this load; None where it predicts nothing.

    At a rate, a replica gets its share of the requests; in a closed loop, of those at a time.
    """
    placement = model.placement
    if load.rate is not None:
        workload = model.workload.model_copy(
            update={"prompt": load.prompt, "output": load.output, "rate": load.rate}
        )
        return outlook(placement, workload, region=region).asked
    if placement.on_cpu or load.concurrency is None:
        return None
    replica = placement.replica
    at_a_time = max(1, round(load.concurrency / placement.replicas))
    if at_a_time > placement.concurrency:
        # The rest waits, and the plan says nothing of how long.
        return None
    return at_concurrency(
        replica,
        placement.gpu,
        prompt=load.prompt,
        output=load.output,
        concurrency=at_a_time,
        measured=placement.stages == 1,
    )


def figures(
    found: Measured, load: Load, model: Model | None, estimate: Estimate | None
) -> Sequence[Figure]:
    """The three figures of a run.

    Throughput at a rate is that of the arrivals, so it is compared in a closed loop alone. The
    limits are those of the workload, so they are compared at a rate alone.
    """
    limited = model.workload if model and load.rate is not None else None
    whole = None
    if estimate and model and load.rate is None:
        copies, one = model.placement.replicas, estimate.output_per_s
        whole = Range(low=one.low * copies, likely=one.likely * copies, high=one.high * copies)
    return (
        Figure(
            what="first token",
            measured=found.first_token_s,
            predicted=estimate and estimate.first_token_s,
            limit=limited and limited.first_token_s,
        ),
        Figure(
            what="per token",
            measured=found.per_token_s,
            predicted=estimate and estimate.per_token_s,
            limit=limited and limited.per_token_s,
        ),
        Figure(what="throughput", measured=found.output_per_s, predicted=whole, limit=None),
    )
