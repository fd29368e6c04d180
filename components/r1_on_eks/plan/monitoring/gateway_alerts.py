"""Alerts of the gateway."""

from r1_on_eks.plan.monitoring.alert import CRITICAL, WARNING, Alert, Step
from r1_on_eks.plan.monitoring.typed import (
    NODES,
)
from r1_on_eks.plan.names import NAMESPACE

_LOGS = f"kubectl -n {NAMESPACE} logs deploy/gateway"
_PODS = f"kubectl -n {NAMESPACE} get pods -l app.kubernetes.io/name=gateway -o wide"

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
)
