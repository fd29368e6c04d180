"""Alerts of the gateway."""

from r1_on_eks.plan.monitoring.alert import CRITICAL, WARNING, Alert
from r1_on_eks.plan.monitoring.model_alerts import burns
from r1_on_eks.plan.names import NAMESPACE
from r1_on_eks.plan.nginx.answers import NO_VARIANT

_LOG = f"kubectl -n {NAMESPACE} logs -l app.kubernetes.io/name=gateway -c nginx --tail=5000"
_PODS = f"kubectl -n {NAMESPACE} get pods -l r1-on-eks/variant={{{{ $labels.variant }}}} -o wide"

GATEWAY_ALERTS = (
    Alert(
        name="GatewayDown",
        severity=CRITICAL,
        expr='sum(nginx_up{job="nginx"} or vector(0)) == 0',
        hold="2m",
        summary="The gateway does not answer",
        description="No nginx of it tells its state.",
        means="No variant can be reached from outside.",
        first=(
            f"kubectl -n {NAMESPACE} get pods -l app.kubernetes.io/name=gateway -o wide",
            f"kubectl -n {NAMESPACE} logs deploy/gateway --tail=40: a wrong configuration or a"
            " missing TLS Secret is told there.",
            "kubectl get nodes: are the two system nodes there?",
        ),
    ),
    Alert(
        name="GatewayHalf",
        severity=WARNING,
        expr='sum(nginx_up{job="nginx"}) == 1',
        hold="10m",
        summary="One of the gateway's two pods is gone",
        description="One is left; the next fault is an outage.",
        means="A node was lost, or an update does not come to its end.",
        first=(
            f"kubectl -n {NAMESPACE} rollout status deploy/gateway",
            f"kubectl -n {NAMESPACE} describe pods -l app.kubernetes.io/name=gateway",
            "kubectl get nodes: are the two system nodes there?",
        ),
    ),
    Alert(
        name="GatewayDropsConnections",
        severity=WARNING,
        expr=(
            'rate(nginx_connections_accepted{job="nginx"}[5m]) -'
            " rate(nginx_connections_handled[5m]) > 0"
        ),
        hold="5m",
        summary="{{ $labels.pod }} turns connections away",
        description="{{ $value | humanize }} a second were accepted and dropped.",
        means="worker_connections is used up: very many streams at a time, or a client that"
        " opens and leaves them.",
        first=(
            "The stack's dashboard, row Gateway: connections at a time.",
            f"kubectl -n {NAMESPACE} logs deploy/gateway --tail=2000 | grep -o"
            ' \'"key":"[^"]*"\' | sort | uniq -c | sort -rn: whose are they?',
            "limits.at_a_time of that key, in the stack file.",
        ),
    ),
    Alert(
        name="GatewayErrorsFast",
        severity=CRITICAL,
        expr=burns("r1:gateway_errors", 14.4, "5m", "1h"),
        hold="2m",
        summary="{{ $labels.variant }}: clients get errors, a month's budget within two days",
        description="{{ $value | humanizePercentage }} of answers had 500 or more; 0.5 % may.",
        means="What clients get, of the gateway or a server behind it: 502 is a server that ended"
        " before it answered, 503 that none is there or all are full, 504 that one said nothing"
        f" for the longest time. {NO_VARIANT}: before a variant was chosen, and so nginx itself.",
        first=(
            "The variant's dashboard, Answers to clients, by status: which, and since when?",
            f"{_LOG} | grep '\"status\":5' | tail -20: upstream, upstream_status and first_byte"
            " tell how far each came.",
            f"{_PODS}: is one ready, and does it restart?",
        ),
    ),
    Alert(
        name="GatewayErrorsSlowly",
        severity=WARNING,
        expr=burns("r1:gateway_errors", 6, "30m", "6h"),
        hold="15m",
        summary="{{ $labels.variant }}: clients get errors, a month's budget within five days",
        description="{{ $value | humanizePercentage }} of answers had 500 or more; 0.5 % may.",
        means="Few errors, for hours: mostly one replica of several, one kind of request, or"
        " servers that restart.",
        first=(
            "The variant's dashboard, Answers to clients, by status: steady, or at some hours?",
            f'{_LOG} | grep \'"status":5\' | grep -o \'"upstream":"[^"]*"\' | sort |'
            " uniq -c | sort -rn: one pod, or all?",
            f"{_PODS}: RESTARTS, and the node of the pod that was named most.",
        ),
    ),
    Alert(
        name="GatewayRefuses",
        severity=WARNING,
        expr=f'r1:gateway_refused:ratio5m{{variant!="{NO_VARIANT}"}} > 0.1',
        hold="10m",
        summary="{{ $labels.variant }}: clients are told to come again later",
        description="{{ $value | humanizePercentage }} of answers had 429.",
        means="A caller asks for more than limits of the stack file, which each gateway pod"
        " counts for itself; or a server says that it is full.",
        first=(
            f'{_LOG} | grep \'"status":429\' | grep -o \'"key":"[^"]*"\' | sort |'
            " uniq -c | sort -rn: whose are they? Where upstream_status is 429, a server said it.",
            "The variant's dashboard, row Load: if requests wait besides, more replicas help;"
            " r1 plan STACK tells what they cost.",
            "Else that caller is to heed Retry-After, or gets limits of its own: limits of its"
            " key in the stack file, pulumi up.",
        ),
    ),
)
