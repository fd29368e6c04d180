"""How replicas follow the requests: between which numbers, by which figures, how fast.

The figure is requests under way, waiting ones included, for each replica. Waiting ones alone are
none as soon as there are enough replicas: an autoscaler that reads them ends what it needs.
"""

from dataclasses import dataclass

from r1_on_eks.plan.choice import sustained_rate
from r1_on_eks.plan.estimate import Estimate, at_rate
from r1_on_eks.plan.placement import DoesNotFit, Placement
from r1_on_eks.plan.timeline import Timeline
from r1_on_eks.stack_config import Hours, Scale, Workload

POLL_SECONDS = 15
# A request at the gateway wakes for so long: four scrapes. Then the cool-down holds what stands.
ASKED_SECONDS = 120
# From the request to EC2 to a node that is Ready; as remembered, 3 to 5 minutes. Not measured.
NODE_SECONDS = 300
# Of the rate that a replica answers within its limits: what is left covers a start.
_BUSY = 0.8
# The most that Kubernetes takes (autoscaling/v2), of a window and of a period.
_MOST_WINDOW, _MOST_PERIOD = 3600, 1800
# Requests under way are as many as answers are long: their number sways for minutes. Replayed on
# 20 made-up days of 7b on 4 and on 8 replicas, with means and windows in parts of a start: with
# windows of 1/10 up and 1 down replicas turned back 25 and 15 times, with these never and once.
_MEAN, _UP, _DOWN = 1 / 3, 1 / 5, 4


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How the replicas of one variant are scaled.

    Attributes:
        variant: The word of routes and tags.
        least: Replicas that always stand.
        most: Replicas of its placement; nodes, quotas and `r1 cost` are for these.
        hours: When more stand than `least`, or None.
        wakes: Whether a request at the gateway wakes it where none stands.
        under_way: Requests under way for each replica above which another one is added.
        first_token_s: Mean seconds to the first token above which replicas are added.
        start_seconds: What a further replica is expected to take at most, its node included.
        limit_seconds: After which its start is given up.
        mean_seconds: Requests under way are their mean over so many seconds.
        up_seconds: For so long more must be wanted before any is added.
        down_seconds: For so long fewer must do before one is ended.
    """

    variant: str
    least: int
    most: int
    hours: Hours | None
    wakes: bool
    under_way: int
    first_token_s: float
    start_seconds: int
    limit_seconds: int
    mean_seconds: int
    up_seconds: int
    down_seconds: int

    @property
    def down_period_seconds(self) -> int:
        """One replica is ended in so many seconds."""
        return min(self.down_seconds, _MOST_PERIOD)


def scaling_of(
    placement: Placement, workload: Workload, wanted: Scale, timeline: Timeline
) -> Scaling:
    """How a placed variant is scaled.

    Raises:
        DoesNotFit: it can't be, or nothing would be saved; with what would work.
    """
    _check(placement, wanted)
    # What is likely is at most half of what is allowed: plan/stages.py, and a test of it.
    start = NODE_SECONDS + timeline.from_schedule_seconds // 2
    return Scaling(
        variant=placement.variant.name,
        least=wanted.min,
        most=placement.replicas,
        hours=wanted.hours,
        wakes=wanted.wake,
        under_way=_under_way(placement, workload),
        first_token_s=workload.first_token_s,
        start_seconds=start,
        limit_seconds=NODE_SECONDS + timeline.from_schedule_seconds,
        mean_seconds=int(start * _MEAN),
        up_seconds=int(start * _UP),
        down_seconds=min(start * _DOWN, _MOST_WINDOW),
    )


def _under_way(placement: Placement, workload: Workload) -> int:
    """Requests of one replica at most of the rate that it answers within its limits.

    Without a GPU, where nothing is predicted: most of those that it takes at a time.
    """
    most = _BUSY * placement.concurrency
    found = busy(placement, workload)
    return max(1, int(most if found is None else min(found.running, most)))


def busy(placement: Placement, workload: Workload) -> Estimate | None:
    """One replica at most of the rate that it answers within its limits; None without a GPU."""
    if placement.on_cpu:
        return None
    replica = placement.replica
    return at_rate(
        replica,
        placement.gpu,
        prompt=workload.prompt,
        output=workload.output,
        rate=max(1e-6, _BUSY * sustained_rate(replica, workload, placement.concurrency)),
        most=placement.concurrency,
    )


def _check(placement: Placement, wanted: Scale) -> None:
    key = f"variants.{placement.variant.name}.scale"
    if placement.stages > 1:
        raise DoesNotFit(
            f"{key}: a replica over {placement.stages} nodes starts as a group or not at all, and"
            " is not scaled here; leave scale out"
        )
    if placement.pool is not None:
        raise DoesNotFit(
            f"{key}: it shares its node, which stays whatever is asked; leave scale out, or write"
            " pool: own"
        )
    if placement.reserved:
        raise DoesNotFit(f"{key}: a reserved variant has no replicas; leave scale or reserved out")
    if placement.purchase.reservation_id is not None:
        raise DoesNotFit(
            f"{key}: a reservation is paid whether it is used or not; leave scale out"
        )
    if placement.irreplaceable:
        raise DoesNotFit(
            f"{key}: a {placement.instance.name} that ends may not come back; leave scale out, or"
            " accept it with replaceable: true"
        )
    most = placement.replicas
    if wanted.min >= most:
        raise DoesNotFit(
            f"{key}.min: {wanted.min}, and it has {most} in all; write replicas: {wanted.min + 1}"
            " or more, or leave scale out"
        )
    if wanted.hours and wanted.hours.replicas > most:
        raise DoesNotFit(
            f"{key}.hours.replicas: {wanted.hours.replicas}, and it has {most} in all; write"
            f" {most} or less"
        )
