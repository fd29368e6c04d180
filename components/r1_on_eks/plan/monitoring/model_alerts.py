"""Alerts of model servers: whether they answer, start, and have memory enough."""

from r1_on_eks.plan.monitoring.alert import CRITICAL, WARNING, Alert, Step
from r1_on_eks.plan.monitoring.typed import (
    CHANGES,
    DELETE_POD,
    DELETE_PODS_OF_VARIANT,
    DESCRIBE_POD,
    EVENTS,
    FILE_SYSTEM,
    LOGS_OF_VARIANT,
    NODES,
    POD_IMAGES,
    POD_LOGS,
    POD_PROCESSES,
    PODS_OF_VARIANT,
    WAYS_OUT,
)
from r1_on_eks.plan.names import NAMESPACE

_OURS = f'job="kube-state-metrics",namespace="{NAMESPACE}",container="vllm"'


# 99.5 % of a month's answers are to succeed; a burn rate of 14.4 spends 2 % of what may fail in an
# hour, one of 6 spends 5 % in six (Google's SRE workbook, chapter "Alerting on SLOs").
MAY_FAIL = 0.005


def burns(share: str, rate: float, short: str, long: str) -> str:
    """Whether a recorded share spends its budget so many times too fast, over both windows."""
    most = f"{rate * MAY_FAIL:.3g}"
    return f"{share}:ratio{short} > {most} and on (variant) {share}:ratio{long} > {most}"


_STILL_STARTING = (
    "r1:pod_starting:seconds <= on (variant) group_left () r1_plan:start_seconds:limit"
)

_ANSWERING = (
    Alert(
        name="ModelDown",
        severity=CRITICAL,
        expr=(
            "r1:replicas:wanted > 0 unless on (variant) (r1:replicas:ready > 0)"
            f" unless on (variant) ({_STILL_STARTING})"
        ),
        hold="3m",
        summary="{{ $labels.variant }}: no replica answers",
        description="{{ $value }} wanted, none ready, and none is still within its start.",
        means="Every request to the variant ends in 503, or at its stand-in.",
        first=(
            Step("Pending is capacity, CrashLoopBackOff is the server.", PODS_OF_VARIANT),
            Step("The reason is in the last lines.", f"{LOGS_OF_VARIANT} --previous --tail=80"),
            Step("Volumes, images and evictions are told here.", EVENTS),
        ),
    ),
    Alert(
        name="ModelStuck",
        severity=CRITICAL,
        expr="r1:requests_running:sum > 0 and on (variant) r1:output_tokens:rate5m == 0",
        hold="5m",
        summary="{{ $labels.variant }}: requests run and no token comes",
        description="{{ $value }} requests under way, not one token in five minutes.",
        means="The engine hangs, mostly one rank that waits for another; its health check may"
        " still say yes.",
        first=(
            Step("Look for NCCL, time-outs and Xid.", f"{LOGS_OF_VARIANT} --tail=80"),
            Step(
                "Does an alert of GPUs fire with an Xid? Then its node has to go, not the pod.",
                NODES,
            ),
            Step(
                "Begin again: all replicas hang, and each loads its weights anew.",
                DELETE_PODS_OF_VARIANT,
            ),
        ),
    ),
    Alert(
        name="ModelErrorsFast",
        severity=CRITICAL,
        expr=burns("r1:errors", 14.4, "5m", "1h"),
        hold="2m",
        summary="{{ $labels.variant }}: errors use up the month's budget within two days",
        description="{{ $value | humanizePercentage }} of answers failed; 0.5 % may.",
        means="vLLM itself answers with 500 or more; what the gateway refuses is not in it.",
        first=(
            Step("Which error, of which pod?", f"{LOGS_OF_VARIANT} --tail=200 | grep -i error"),
            Step(
                "The variant's dashboard, Answers of servers per second, by status: one pod, or"
                " all?"
            ),
            Step("What was changed last? Deploy the commit before it.", CHANGES),
        ),
    ),
    Alert(
        name="ModelErrorsSlowly",
        severity=WARNING,
        expr=burns("r1:errors", 6, "30m", "6h"),
        hold="15m",
        summary="{{ $labels.variant }}: errors use up the month's budget within five days",
        description="{{ $value | humanizePercentage }} of answers failed; 0.5 % may.",
        means="Few errors, for hours: mostly one kind of request, or one replica of several.",
        first=(
            Step("The variant's dashboard, row Errors: which pod, since when?"),
            Step(
                "Which errors, and how often?",
                f"{LOGS_OF_VARIANT} --since=6h | grep -i error | sort | uniq -c | sort -rn | head",
            ),
            Step("Send such a request by hand, at temperature 0: does it fail again?"),
        ),
    ),
)

_WAITING = "kube_pod_container_status_waiting_reason"

_STARTING = (
    Alert(
        name="ModelStartsTooLong",
        severity=WARNING,
        expr="r1:pod_starting:seconds > on (variant) group_left () r1_plan:start_seconds:limit",
        hold="5m",
        summary="{{ $labels.variant }}: {{ $labels.pod }} still does not answer",
        description="{{ $value | humanizeDuration }} since its start began; the plan allows less.",
        means="Weights load slower than planned, or loading fails and begins again.",
        first=(
            Step("Which shard of the weights is it at?", f"{POD_LOGS} --tail=40"),
            Step(
                "The stack's dashboard, row File system: at its steady speed it is too slow for so"
                " many readers; burst is used up.",
            ),
            Step("Restarts mean that it fails, not that it is slow.", DESCRIBE_POD),
        ),
    ),
    Alert(
        name="ModelRestarts",
        severity=WARNING,
        expr=f"increase(kube_pod_container_status_restarts_total{{{_OURS}}}[1h]) > 2",
        hold="1m",
        summary="{{ $labels.pod }} starts again and again",
        description="{{ $value | humanize }} restarts within an hour.",
        means="The server ends by itself or its health check ends it.",
        first=(
            Step("The reason is in the last lines.", f"{POD_LOGS} --previous --tail=80"),
            Step("Last State tells the exit code; 137 is memory, 1 is vLLM's own.", DESCRIBE_POD),
            Step(
                "torch.OutOfMemoryError in the log: lower concurrency in the stack file before"
                " context, and deploy it.",
            ),
        ),
    ),
    Alert(
        name="ImageNotPulled",
        severity=WARNING,
        expr=f'{_WAITING}{{{_OURS},reason=~"ErrImagePull|ImagePullBackOff"}} == 1',
        hold="5m",
        summary="{{ $labels.pod }}: its image can't be pulled",
        description="It waits with {{ $labels.reason }}.",
        means="The tag is gone, the registry refuses, or the nodes can't reach it.",
        first=(
            Step("The registry's answer is in the events.", DESCRIBE_POD),
            Step("Is there a way out? One of them has to be available.", WAYS_OUT),
            Step("Which digest is pinned, and does it still exist?", "r1 pins STACK"),
        ),
    ),
    Alert(
        name="VolumeNotMounted",
        severity=WARNING,
        expr=f'{_WAITING}{{{_OURS},reason="ContainerCreating"}} == 1',
        # vLLM's image alone may take a quarter of an hour.
        hold="20m",
        summary="{{ $labels.pod }}: its container is not even created",
        description="For twenty minutes it has waited with {{ $labels.reason }}.",
        means="Mostly the file system of the weights can't be mounted: security group, Lustre"
        " version or kernel module.",
        first=(
            Step("FailedMount tells mount.lustre's answer.", DESCRIBE_POD),
            Step(
                "What does the driver say, on the node of that pod?",
                "kubectl -n kube-system logs -l app=fsx-csi-node -c fsx-plugin --prefix --tail=50",
            ),
            Step("Is it AVAILABLE, and in the subnet of the nodes' zone?", FILE_SYSTEM),
        ),
    ),
)

_RESTARTED = f"increase(kube_pod_container_status_restarts_total{{{_OURS}}}[15m]) > 0"
_KILLED = f'kube_pod_container_status_last_terminated_reason{{{_OURS},reason="OOMKilled"}} == 1'

_MEMORY = (
    Alert(
        name="ModelOutOfMemory",
        severity=CRITICAL,
        expr=f"{_KILLED} and on (pod) {_RESTARTED}",
        hold="0s",
        summary="{{ $labels.pod }} was killed for want of memory",
        description="The node's memory was used up, and the kernel ended the server.",
        means="Main memory, not the GPU's: of that vLLM says OutOfMemoryError and ends itself.",
        first=(
            Step("Was it loading, or answering?", f"{POD_LOGS} --previous --tail=80"),
            Step(
                "The variant's dashboard, row Memory: did it grow for days (a leak), or at once?",
            ),
            Step(
                "In the stack file lower concurrency (--max-num-seqs) before context (--max-model-"
                " len): fewer at a time lose nothing, shorter answers do.",
            ),
        ),
    ),
    Alert(
        name="ModelMemoryGrows",
        severity=WARNING,
        expr=(
            "predict_linear(r1:pod_memory_rss:bytes[6h], 86400) > on (variant) group_left ()"
            " r1_plan:memory_bytes:most"
        ),
        hold="1h",
        summary="{{ $labels.pod }}: its memory will not last a day",
        description="At this pace it takes {{ $value | humanize1024 }}B tomorrow, more than"
        " its share of the node.",
        means="A leak: what grows with traffic and never falls.",
        first=(
            Step("The API server or the engine?", POD_PROCESSES),
            Step(
                "Which vLLM is it? Look through its release notes and issues for a leak.",
                POD_IMAGES,
            ),
            Step("Until it is mended: in a quiet hour, start that replica anew.", DELETE_POD),
        ),
    ),
    Alert(
        name="CacheFull",
        severity=WARNING,
        expr="r1:kv_cache_used:max > 0.95",
        hold="10m",
        summary="{{ $labels.variant }}: the cache of keys and values is full",
        description="{{ $value | humanizePercentage }} of a replica's blocks are taken.",
        means="New requests wait, and running ones are thrown out and computed again.",
        first=(
            Step("The variant's dashboard: are answers longer than the stack file says (output)?"),
            Step("Where the plan has room, more replicas in the stack file.", "r1 plan STACK"),
            Step("Else lower concurrency (--max-num-seqs) before context (--max-model-len)."),
        ),
    ),
    Alert(
        name="ModelPreempts",
        severity=WARNING,
        expr="r1:preemptions:rate5m / on (variant) (r1:requests:rate5m > 0) > 0.05",
        hold="10m",
        summary="{{ $labels.variant }}: running answers are thrown out and begun again",
        description="{{ $value | humanizePercentage }} preemptions for each finished request.",
        means="More sequences run than the cache holds: each preemption computes a prompt"
        " twice, and its client waits.",
        first=(
            Step(
                "In the stack file lower concurrency (--max-num-seqs) before context (--max-model-"
                " len); deploying it restarts the server.",
            ),
            Step(
                "Does the workload still describe what is sent (prompt, output)?",
                "r1 plan STACK",
            ),
            Step(
                "More replicas, or a type of instance whose GPUs have more memory.",
                "r1 variants",
            ),
        ),
    ),
)


MODEL_ALERTS = (*_ANSWERING, *_STARTING, *_MEMORY)
