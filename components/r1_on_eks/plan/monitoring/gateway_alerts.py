"""Alerts of the gateway."""

from r1_on_eks.plan.monitoring.alert import CRITICAL, WARNING, Alert, Step
from r1_on_eks.plan.monitoring.model_alerts import burns
from r1_on_eks.plan.monitoring.typed import NODES, PODS_OF_VARIANT
from r1_on_eks.plan.names import NAMESPACE
from r1_on_eks.plan.nginx.answers import NO_VARIANT

_LOGS = f"kubectl -n {NAMESPACE} logs deploy/gateway"
_PODS = f"kubectl -n {NAMESPACE} get pods -l app.kubernetes.io/name=gateway -o wide"
_ANSWERED = f"kubectl -n {NAMESPACE} logs -l app.kubernetes.io/name=gateway -c nginx --tail=5000"

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
            Step("Do they run, and where?", _PODS),
            Step(
                "A wrong configuration or a missing TLS Secret is told here.",
                f"{_LOGS} --tail=40",
            ),
            Step("Are the two system nodes there?", NODES),
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
            Step(
                "Does an update not come to its end? Ctrl-C ends the waiting.",
                f"kubectl -n {NAMESPACE} rollout status deploy/gateway",
            ),
            Step(
                "Why is the other not ready?",
                f"kubectl -n {NAMESPACE} describe pods -l app.kubernetes.io/name=gateway",
            ),
            Step("Are the two system nodes there?", NODES),
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
            Step("The stack's dashboard, row Gateway: connections at a time."),
            Step(
                "Whose are they?",
                f"{_LOGS} --tail=2000 | "
                r"""grep -o '"key":"[^"]*"' | sort | uniq -c | sort -rn""",
            ),
            Step("limits.at_a_time of that key, in the stack file."),
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
            Step("The variant's dashboard, Answers to clients, by status: which, and since when?"),
            Step(
                "upstream, upstream_status and first_byte tell how far each came.",
                f"{_ANSWERED} | grep '\"status\":5' | tail -20",
            ),
            Step("Is one ready, and does it restart?", PODS_OF_VARIANT),
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
            Step(
                "The variant's dashboard, Answers to clients, by status: steady, or at some hours?"
            ),
            Step(
                "One pod, or all?",
                f"{_ANSWERED} | grep '\"status\":5' | "
                r"""grep -o '"upstream":"[^"]*"' | sort | uniq -c | sort -rn""",
            ),
            Step("RESTARTS, and the node of the pod that was named most.", PODS_OF_VARIANT),
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
            Step(
                "Whose are they? Where upstream_status is 429, a server said it.",
                f"{_ANSWERED} | grep '\"status\":429' | "
                r"""grep -o '"key":"[^"]*"' | sort | uniq -c | sort -rn""",
            ),
            Step(
                "The variant's dashboard, row Load: if requests wait besides, more replicas help."
                " What would they cost?",
                "r1 plan STACK",
            ),
            Step(
                "Else that caller is to heed Retry-After, or gets limits of its own: limits of its"
                " key in the stack file."
            ),
        ),
    ),
)
