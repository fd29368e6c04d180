"""Alerts of nodes, scheduling, and of the monitoring itself."""

from dataclasses import replace

from r1_on_eks.plan.monitoring.alert import CRITICAL, WARNING, Alert, Step
from r1_on_eks.plan.monitoring.typed import (
    ALL_PODS,
    DESCRIBE_NODE,
    DESCRIBE_POD,
    END_INSTANCE,
    INSTANCE_STATUS,
    RESERVATIONS,
    SCALING_ACTIVITIES,
)
from r1_on_eks.plan.names import NAMESPACE

# There as long as the stack is; those below only while something runs that they tell of.
_ALWAYS = ("gateway", "nginx", "node", "kube-state-metrics", "kubelet")
_STATE = 'job="kube-state-metrics"'


_DISK = 'job="node",mountpoint=~"/|/mnt/k8s-disks/0"'

_ON_NODE = (
    "kubectl get pods --all-namespaces -o wide --field-selector spec.nodeName={{ $labels.node }}"
)
# `kubectl top` needs the metrics server, which no stack has; the kubelet tells the same.
_LARGEST = (
    "kubectl get --raw /api/v1/nodes/{{ $labels.node }}/proxy/metrics/resource"
    " | grep ^pod_memory | sort -k2 -gr | head"
)

_NODES = (
    Alert(
        name="PodHasNoNode",
        severity=WARNING,
        expr=(
            f"max by (namespace, pod) (kube_pod_status_unschedulable{{{_STATE},namespace="
            f'"{NAMESPACE}"}}) == 1'
        ),
        hold="15m",
        summary="{{ $labels.pod }} finds no node",
        description="For a quarter of an hour the scheduler has found no place for it.",
        means="GPUs are taken or the node never came: capacity, quota, zone, or a taint.",
        first=(
            Step("The scheduler says what each node lacks.", DESCRIBE_POD),
            Step("InsufficientInstanceCapacity, or a quota?", SCALING_ACTIVITIES),
            Step("Quota, zone, and where else the type is sold.", "r1 check STACK"),
        ),
    ),
    Alert(
        name="NodeNotReady",
        severity=WARNING,
        expr=f'kube_node_status_condition{{{_STATE},condition="Ready",status="true"}} == 0',
        hold="10m",
        summary="{{ $labels.node }} is not ready",
        description="Its kubelet has not been well for ten minutes.",
        means="Its pods are ended elsewhere after five minutes; GPUs of it are lost meanwhile.",
        first=(
            Step("Its conditions and events.", DESCRIBE_NODE),
            Step("AWS's own checks of its instance.", INSTANCE_STATUS),
            Step(
                "With node repair it is replaced in half an hour; to hurry, end the instance.",
                END_INSTANCE,
            ),
        ),
    ),
    Alert(
        name="NodeDiskFull",
        severity=WARNING,
        expr=(f"node_filesystem_avail_bytes{{{_DISK}}} / node_filesystem_size_bytes < 0.1"),
        hold="15m",
        summary="{{ $labels.node }}: {{ $labels.mountpoint }} is nearly full",
        description="{{ $value | humanizePercentage }} left.",
        means="The kubelet evicts pods soon: images, logs and compile caches are on it.",
        first=(
            Step("DiskPressure already?", DESCRIBE_NODE),
            Step("What runs there? Its images, logs and compile caches take the space.", _ON_NODE),
            Step("Larger root volumes come with new nodes; evicted pods start elsewhere."),
        ),
    ),
    Alert(
        name="NodeMemoryFull",
        severity=WARNING,
        expr=('node_memory_MemAvailable_bytes{job="node"} / node_memory_MemTotal_bytes < 0.05'),
        hold="10m",
        summary="{{ $labels.node }} runs out of memory",
        description="{{ $value | humanizePercentage }} left.",
        means="The kernel ends something soon, mostly the largest: a model server.",
        first=(
            Step(
                "Which is the largest? ModelMemoryGrows of it: start it anew in a quiet hour.",
                _LARGEST,
            ),
            Step("Streamed weights: memory_limit of the streamer is half the node's share."),
            Step("MemoryPressure already, and what is asked of it?", DESCRIBE_NODE),
        ),
    ),
)

_NODES_MISSING = Alert(
    name="NodesMissing",
    severity=CRITICAL,
    expr="r1_plan:nodes:wanted > on (pool) (r1:nodes:count or r1_plan:nodes:wanted * 0)",
    hold="20m",
    summary="{{ $labels.pool }} has fewer nodes than the plan",
    description="{{ $value }} are wanted.",
    means="An instance ended and none came in its place: capacity, a spot interruption, or a"
    " capacity block that ended (EKS empties its group 40 minutes before).",
    first=(
        Step("AWS's own words.", SCALING_ACTIVITIES),
        Step(
            "Did a capacity block end? Buy the next one and put its id into the stack file.",
            RESERVATIONS,
        ),
        Step("Quota, zone, and where else the type is sold.", "r1 check STACK"),
    ),
)


_ABSENT = [
    *(f'absent(up{{job="{job}"}})' for job in _ALWAYS),
    '(absent(up{job="vllm"}) and on () (sum(r1:replicas:ready) > 0))',
]
_ABSENT_OF_GPUS = '(absent(up{job="dcgm"}) and on () (sum(r1:nodes:count) > 0))'

# A server that loads its weights does not answer yet.
_DOWN = f'up{{job=~"{"|".join((*_ALWAYS, "dcgm", "fsx"))}"}} == 0'
_SERVER_DOWN = '(up{job="vllm"} == 0 unless on (pod) r1:pod_starting:seconds)'

_TARGET_DOWN = Alert(
    name="TargetDown",
    severity=WARNING,
    expr=f"{_DOWN} or {_SERVER_DOWN}",
    hold="15m",
    summary="{{ $labels.job }}: {{ $labels.instance }} can't be scraped",
    description="For a quarter of an hour nothing was read of it.",
    means="Alerts about it are blind; of a server, it is ready and does not answer.",
    first=(
        Step("Prometheus, /targets: the error of the scrape."),
        Step("Does it run?", ALL_PODS),
        Step("May Prometheus reach the port?", "kubectl get networkpolicies --all-namespaces"),
    ),
)

_MISSING = Alert(
    name="MetricsMissing",
    severity=WARNING,
    expr=" or ".join(_ABSENT),
    hold="30m",
    summary="Nothing of {{ $labels.job }} is scraped",
    description="There is not one target of it.",
    means="Its ServiceMonitor or PodMonitor selects nothing; every alert about it is blind.",
    first=(
        Step(
            "Is there a monitor of it?",
            "kubectl get servicemonitors,podmonitors --all-namespaces",
        ),
        Step("Prometheus, /service-discovery: what was dropped, and by which label."),
        Step("Was something deleted by hand?", "pulumi preview --refresh --diff --stack STACK"),
    ),
)


def cluster_alerts(*, autoscaled: bool, gpus: bool) -> list[Alert]:
    """All of them.

    Args:
        autoscaled: Whether an autoscaler decides how many nodes there are: fewer is no fault.
        gpus: Whether there is an exporter of GPUs to miss.
    """
    missing = _MISSING
    if gpus:
        missing = replace(missing, expr=f"{missing.expr} or {_ABSENT_OF_GPUS}")
    return [*_NODES, *([] if autoscaled else [_NODES_MISSING]), _TARGET_DOWN, missing]
