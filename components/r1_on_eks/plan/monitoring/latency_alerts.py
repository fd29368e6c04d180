"""Alerts of waiting: limits of the stack file, and the interval that the plan predicted."""

from r1_on_eks.plan.monitoring.alert import INFO, WARNING, Alert, Step
from r1_on_eks.plan.monitoring.typed import (
    PODS_OF_VARIANT,
)

# Of the first token's limit, in which a queue should be worked off; and the slowest twentieth.
_DRAINED_WITHIN = 5
_TAIL = 4
_AS_ASKED = "r1:requests:rate30m <= on (variant) r1_plan:requests_per_second:asked"


def _over_limit(name: str, what: str, told: str) -> Alert:
    mean, limit = f"r1:{what}_seconds:mean", f"r1_plan:{what}_seconds:limit"
    return Alert(
        name=name,
        severity=WARNING,
        expr=(f"{mean}5m > on (variant) {limit} and on (variant) {mean}1h > on (variant) {limit}"),
        hold="5m",
        summary=f"{{{{ $labels.variant }}}}: {told} takes longer than the stack file allows",
        description="{{ $value | humanizeDuration }} on average now, and over the limit in the"
        " last hour, too.",
        means="What was promised to clients is not kept.",
        first=(
            Step(
                "Does QueueTooLong fire, too? Then there is too much traffic, not too little"
                " speed.",
            ),
            Step(
                "The variant's dashboard: requests a second beside what was asked, answers at a"
                " time.",
            ),
            Step("More replicas or fewer at a time: what would each do?", "r1 plan STACK"),
        ),
    )


def _slower(name: str, what: str, told: str) -> Alert:
    return Alert(
        name=name,
        severity=INFO,
        expr=(
            f"r1:{what}_seconds:mean30m > on (variant) r1_plan:{what}_seconds:high"
            f" and on (variant) {_AS_ASKED}"
        ),
        hold="1h",
        summary=f"{{{{ $labels.variant }}}}: {told} takes longer than the plan thinks possible",
        description="{{ $value | humanizeDuration }} at no more traffic than was asked for; nine"
        " of ten measurements were below the plan's upper end.",
        means="The prediction is wrong here, or something makes the GPUs slow. No limit need be"
        " broken yet.",
        first=(
            Step("GPU clocks and throttling on the stack's dashboard."),
            Step(
                "The variant's dashboard: prompt and answer lengths beside those of the stack"
                " file.",
                "r1 plan STACK",
            ),
            Step(
                "Both as planned: measure it under load (r1 bench), and fit the model anew with"
                " that row (r1 calibrate).",
            ),
        ),
    )


_DRAINED = "r1:requests_waiting:sum / on (variant) r1:requests:rate5m"
_QUEUE = (
    Alert(
        name="QueueTooLong",
        severity=WARNING,
        expr=(f"{_DRAINED} > on (variant) {_DRAINED_WITHIN} * r1_plan:first_token_seconds:limit"),
        hold="10m",
        summary="{{ $labels.variant }}: requests wait longer than they should",
        description="At the present pace the queue takes {{ $value | humanizeDuration }}.",
        means="More comes than is answered. It does not mend itself while clients try again.",
        first=(
            Step("The stack's dashboard: did traffic rise, or did the speed fall?"),
            Step(
                "Traffic: more replicas in the stack file, or limits.per_minute of the key that"
                " sends it.",
                "r1 plan STACK",
            ),
            Step(
                "Speed: do alerts of GPUs (throttling, Xid), CacheFull or ModelPreempts fire?",
                PODS_OF_VARIANT,
            ),
        ),
    ),
    Alert(
        name="ReplicasAtMost",
        severity=WARNING,
        expr=(
            "r1:requests_waiting:sum > 0 and on (variant)"
            " r1:replicas:wanted >= on (variant) r1_plan:replicas:most"
        ),
        hold="30m",
        summary="{{ $labels.variant }}: requests wait, and the plan has no replica more",
        description="{{ $value }} waiting for half an hour with all replicas at work.",
        means="The stack is too small for what is sent, or its workload was understated.",
        first=(
            Step("The rate that was asked, beside the one that it can answer.", "r1 plan STACK"),
            Step(
                "Raise rate in the stack file to what the dashboard shows, and decide anew.",
                "r1 plan STACK --refresh",
            ),
            Step("What more costs, before it is deployed.", "r1 cost STACK --against main"),
        ),
    ),
)

_LIMITS = (
    _over_limit("FirstTokenOverLimit", "first_token", "the first token"),
    _over_limit("TokensOverLimit", "per_token", "each further token"),
    Alert(
        name="FirstTokenTail",
        severity=WARNING,
        expr=(
            f"r1:first_token_seconds:p95_5m > on (variant) {_TAIL} *"
            " r1_plan:first_token_seconds:limit"
        ),
        hold="15m",
        summary="{{ $labels.variant }}: one in twenty waits much longer for its first token",
        description="The slowest twentieth waits {{ $value | humanizeDuration }} or more.",
        means="The mean may be well: long prompts, one slow replica, or bursts.",
        first=(
            Step("The variant's dashboard: is one pod slower than the others?", PODS_OF_VARIANT),
            Step("Prompt lengths there: a few very long ones hold up all others."),
            Step("limits.at_a_time of the key that sends them, in the stack file."),
        ),
    ),
)

_PREDICTIONS = (
    _slower("FirstTokenSlowerThanPlanned", "first_token", "the first token"),
    _slower("TokensSlowerThanPlanned", "per_token", "each further token"),
)

LATENCY_ALERTS = (*_QUEUE, *_LIMITS, *_PREDICTIONS)
