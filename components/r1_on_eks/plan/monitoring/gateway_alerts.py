"""Alerts of the gateway."""

from r1_on_eks.plan.monitoring.alert import CRITICAL, WARNING, Alert
from r1_on_eks.plan.names import NAMESPACE

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
            ' rate(nginx_connections_handled{job="nginx"}[5m]) > 0'
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
)
