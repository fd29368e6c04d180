"""How long a model server may take to start and to end before something is wrong.

All limits follow from its own placement and the stack's `load_minutes`, never from what else
stands: a variant more or a larger file system must not restart the servers that run.
"""

import math
from dataclasses import dataclass

from r1_on_eks.plan.estimate import at_concurrency
from r1_on_eks.plan.loading import stream_seconds
from r1_on_eks.plan.placement import Placement
from r1_on_eks.stack_config import Weights

PROBE_PERIOD_SECONDS = 10
# CUDA graphs, compilation and warm-up took 23 to 142 s in public logs; a mixture of experts
# compiles kernels for its experts besides (AWS's sample for R1 waits 1800 s in all).
_WARM_UP_SECONDS = 300
_WARM_UP_WITH_EXPERTS_SECONDS = 900
# What was not preloaded, or was changed since, is read through S3, slower than from the disks.
_FIRST_READ = 2.0
IMAGE_PULL_SECONDS = 900
"""VLLM's image has about 10 GB to be pulled and unpacked."""
# The gateway notices within a few seconds that a pod ends.
_PRE_STOP_SECONDS = 15
_KILL_MARGIN_SECONDS = 30
_ANSWER_STEP_SECONDS = 300
# A limit and no prediction: four tokens a second, about as fast as people read.
_READER_WAITS_PER_TOKEN_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Limits on a model server's start and end.

    Attributes:
        start_seconds: From the container's start to its first healthy answer.
        probe_failures: Start-up probes that may fail, one each `PROBE_PERIOD_SECONDS`.
        drain_seconds: For running answers to end after SIGTERM.
        pre_stop_seconds: Pause before SIGTERM, for the gateway to notice.
        grace_seconds: From the pause to SIGKILL.
        progress_deadline_seconds: When Kubernetes calls a rollout failed: an old pod may end, a
            new one start.
        wait: How long Pulumi waits for the Deployment, `90m`; pods are replaced one by one.
    """

    start_seconds: int
    probe_failures: int
    drain_seconds: int
    pre_stop_seconds: int
    grace_seconds: int
    progress_deadline_seconds: int
    wait: str

    @property
    def from_schedule_seconds(self) -> int:
        """From a pod's place on a node to its first healthy answer, its image pulled before."""
        return self.start_seconds + IMAGE_PULL_SECONDS


def timeline_of(placement: Placement, weights: Weights) -> Timeline:
    """Limits for a placed variant whose weights come as the stack says."""
    load_minutes = None if weights.streamed else weights.load_minutes
    start = reading_limit_seconds(placement, load_minutes) + warm_up_limit_seconds(placement)
    if placement.stages > 1:
        # The first node waits until the last one has its image, too.
        start += IMAGE_PULL_SECONDS
    # A bandwidth that is read more exactly restarts no server for the sake of seconds.
    start = -(-start // 60) * 60
    drain = longest_answer_seconds(placement)
    grace = _PRE_STOP_SECONDS + drain + _KILL_MARGIN_SECONDS
    deadline = grace + start + IMAGE_PULL_SECONDS
    return Timeline(
        start_seconds=start,
        probe_failures=-(-start // PROBE_PERIOD_SECONDS),
        drain_seconds=drain,
        pre_stop_seconds=_PRE_STOP_SECONDS,
        grace_seconds=grace,
        progress_deadline_seconds=deadline,
        wait=f"{-(-deadline * placement.replicas // 60) + 5}m",
    )


def reading_limit_seconds(placement: Placement, load_minutes: float | None) -> int:
    """Seconds in which the weights come to the GPUs, or something is wrong.

    Args:
        placement: Of the variant.
        load_minutes: What reading from the file system may take; None for a stream.
    """
    reading = stream_seconds(placement) if load_minutes is None else load_minutes * 60
    return round(reading * _FIRST_READ)


def warm_up_limit_seconds(placement: Placement) -> int:
    """The same for compilation, CUDA graphs and warm-up."""
    experts = placement.variant.experts is not None
    return _WARM_UP_WITH_EXPERTS_SECONDS if experts else _WARM_UP_SECONDS


def longest_answer_seconds(placement: Placement) -> int:
    """Seconds that one answer may take: a short prompt, and tokens until the context is full.

    With every other place taken by one of that length, at the slow end of the predicted
    interval: what ends later is broken, not slow. Every time-out on an answer follows this one.
    In steps of five minutes, for servers must not restart when a coefficient changes a little.
    Without a GPU nothing is predicted; there it is what a reader would wait for.
    """
    seconds = (
        placement.context * _READER_WAITS_PER_TOKEN_SECONDS
        if placement.on_cpu
        else _slowest_seconds(placement)
    )
    return -(-math.ceil(seconds) // _ANSWER_STEP_SECONDS) * _ANSWER_STEP_SECONDS


def _slowest_seconds(placement: Placement) -> float:
    replica = placement.replica
    slow = at_concurrency(
        replica,
        placement.gpu,
        prompt=1,
        output=placement.context - 1,
        concurrency=placement.concurrency,
        measured=placement.stages == 1,
    )
    return slow.first_token_s.high + slow.per_token_s.high * placement.context
