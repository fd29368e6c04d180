"""Alerts of model servers: whether they answer, start, and have memory enough."""

from r1_on_eks.plan.monitoring.alert import CRITICAL, WARNING, Alert
from r1_on_eks.plan.names import NAMESPACE

_OURS = f'job="kube-state-metrics",namespace="{NAMESPACE}",container="vllm"'
_LOGS = f"kubectl -n {NAMESPACE} logs {{{{ $labels.pod }}}} -c vllm"
_PODS = f"kubectl -n {NAMESPACE} get pods -l r1-on-eks/variant={{{{ $labels.variant }}}} -o wide"
_DESCRIBE = f"kubectl -n {NAMESPACE} describe pod {{{{ $labels.pod }}}}"
_EVENTS = f"kubectl -n {NAMESPACE} get events --sort-by=.lastTimestamp | tail -20"


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
            f"{_PODS}: Pending is capacity, CrashLoopBackOff is the server.",
            f"kubectl -n {NAMESPACE} logs -l r1-on-eks/variant={{{{ $labels.variant }}}} -c"
            " vllm --previous --tail=80: the reason is in the last lines.",
            f"{_EVENTS}: volumes, images and evictions are told there.",
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
            f"kubectl -n {NAMESPACE} logs -l r1-on-eks/variant={{{{ $labels.variant }}}} -c"
            " vllm --tail=80: look for NCCL, time-outs and Xid.",
            "Look at the alerts of GPUs: an Xid needs the node, not the pod, replaced.",
            f"kubectl -n {NAMESPACE} delete pod of that replica: it loads its weights anew.",
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
            f"kubectl -n {NAMESPACE} logs -l r1-on-eks/variant={{{{ $labels.variant }}}} -c"
            " vllm --tail=200 | grep -i error",
            "The variant's dashboard, Answers of servers per second, by status: one pod, or all?",
            "Roll back what was changed last: pulumi stack history, then pulumi up of before.",
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
            "The variant's dashboard, row Errors: which pod, since when?",
            f"kubectl -n {NAMESPACE} logs -l r1-on-eks/variant={{{{ $labels.variant }}}} -c"
            " vllm --since=6h | grep -i error | sort | uniq -c | sort -rn | head",
            "Send that request by hand, at temperature 0.",
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
        description="{{ $value | humanizeDuration }} since it has its node; the plan allows"
        " image, weights and warm-up less.",
        means="Weights load slower than planned, or loading fails and begins again.",
        first=(
            f"{_LOGS} --tail=40: which shard of the weights is it at?",
            "The stack's dashboard, row File system: at its steady speed it is too slow for so"
            " many readers; burst is used up.",
            f"{_DESCRIBE}: restarts mean that it fails, not that it is slow.",
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
            f"{_LOGS} --previous --tail=80",
            f"{_DESCRIBE}: Last State tells the exit code; 137 is memory, 1 is vLLM's own.",
            "torch.OutOfMemoryError in the log: lower concurrency in the stack file before"
            " context, then pulumi up.",
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
            f"{_DESCRIBE}: the registry's answer is in the events.",
            "aws ec2 describe-nat-gateways and describe-vpc-endpoints: is there a way out?",
            "r1 pins: which digest is pinned, and does it still exist?",
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
            f"{_DESCRIBE}: FailedMount tells mount.lustre's answer.",
            "kubectl -n kube-system logs -l app=fsx-csi-node -c fsx-plugin --tail=50",
            "aws fsx describe-file-systems: is it AVAILABLE, and in the nodes' zone?",
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
            f"{_LOGS} --previous --tail=80: was it loading, or answering?",
            "The variant's dashboard, row Memory: did it grow for days (a leak), or at once?",
            "In the stack file lower concurrency (--max-num-seqs) before context"
            " (--max-model-len): fewer at a time lose nothing, shorter answers do.",
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
            f"kubectl -n {NAMESPACE} exec {{{{ $labels.pod }}}} -c vllm -- ps -o"
            " pid,rss,cmd: the API server or the engine?",
            "Compare with the release notes of the vLLM in r1 pins; search its issues for leak.",
            f"Until it is mended: kubectl -n {NAMESPACE} rollout restart in a quiet hour.",
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
            "The variant's dashboard: are answers longer than the stack file says (output)?",
            "More replicas, where the plan has room: replicas in the stack file, pulumi up.",
            "Else lower concurrency (--max-num-seqs) before context (--max-model-len).",
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
            "Lower concurrency (--max-num-seqs) in the stack file before context"
            " (--max-model-len); pulumi up restarts the server.",
            "r1 plan STACK: does the workload still describe what is sent (prompt, output)?",
            "More replicas, or a GPU with more memory: r1 recommend.",
        ),
    ),
)


MODEL_ALERTS = (*_ANSWERING, *_STARTING, *_MEMORY)
