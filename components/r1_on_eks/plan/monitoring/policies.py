"""Who may talk to whom in the namespaces of monitoring: everything else is denied, both ways."""

from collections.abc import Sequence

from r1_on_eks.plan.names import EXPORTERS_NAMESPACE, MONITORING_NAMESPACE, NAMESPACE, PORT
from r1_on_eks.plan.subnets import API_SERVICE
from r1_on_eks.plan.traffic import (
    ANYWHERE,
    DNS,
    GATEWAY_PODS,
    NGINX_METRICS_PORT,
    POD_IDENTITY,
    PROMETHEUS,
    PROMETHEUS_PODS,
    SERVER_PODS,
    Peer,
    Policy,
    asking,
)

DCGM_PODS = {"app.kubernetes.io/name": "dcgm-exporter"}
NODE_EXPORTER_PODS = {"app.kubernetes.io/name": "node-exporter"}
KUBE_STATE_PODS = {"app.kubernetes.io/name": "kube-state-metrics"}
OPERATOR_PODS = {"app.kubernetes.io/name": "prometheus-operator"}
ALERTMANAGER_PODS = {"app.kubernetes.io/name": "alertmanager"}
CLOUDWATCH_PODS = {"app.kubernetes.io/name": "cloudwatch-exporter"}
GRAFANA_PODS = {"app.kubernetes.io/name": "grafana"}
DCGM_PORT, NODE_EXPORTER_PORT, KUBE_STATE_PORT, CLOUDWATCH_PORT = 9400, 9100, 8080, 5000
PROMETHEUS_PORT, ALERTMANAGER_PORT, GRAFANA_PORT = 9090, 9093, 3000
_KUBELET_PORT = 10250


# A service of AWS, with the rights of the pod's own role.
_AWS = (
    Peer(blocks=(ANYWHERE,), ports=(("TCP", 443),)),
    Peer(blocks=(POD_IDENTITY,), ports=(("TCP", 80),)),
    *DNS,
)


def collectors_of(kind: str, cidr: str) -> tuple[Peer, ...]:
    """Who asks for metrics: Prometheus, or Amazon's collector.

    Its network interfaces have addresses of the network that nobody knows before.
    """
    return (PROMETHEUS,) if kind == "prometheus" else (Peer(blocks=(cidr,)),)


def namespace_policies(
    kind: str, cidr: str, *, notifies: str | None, dashboards: bool, file_system: bool
) -> dict[str, tuple[Policy, ...]]:
    """Policies by namespace.

    Args:
        kind: `prometheus` or `managed`.
        cidr: IPv4 range of the network.
        notifies: `sns`, `webhook` or None.
        dashboards: Whether Grafana runs.
        file_system: Whether there is one that CloudWatch tells of.
    """
    collectors = collectors_of(kind, cidr)
    api = (
        Peer(blocks=(cidr,), ports=(("TCP", 443),)),
        Peer(blocks=(f"{API_SERVICE}/32",), ports=(("TCP", 443),)),
    )
    everybody = Policy(name="nobody-by-default", pods={})
    states = Policy(
        name="kube-state-metrics",
        pods=KUBE_STATE_PODS,
        accepts=_asked(collectors, KUBE_STATE_PORT),
        opens=api,
    )
    cloudwatch = Policy(
        name="cloudwatch-exporter",
        pods=CLOUDWATCH_PODS,
        accepts=_asked(collectors, CLOUDWATCH_PORT),
        opens=_AWS,
    )
    in_cluster = (
        *_prometheus(cidr, api, dashboards=dashboards, file_system=file_system),
        _alertmanager(notifies),
    )
    return {
        MONITORING_NAMESPACE: (
            everybody,
            states,
            *([cloudwatch] if file_system else ()),
            *(in_cluster if kind == "prometheus" else ()),
        ),
        EXPORTERS_NAMESPACE: (
            everybody,
            Policy(name="dcgm-exporter", pods=DCGM_PODS, accepts=_asked(collectors, DCGM_PORT)),
            Policy(
                name="node-exporter",
                pods=NODE_EXPORTER_PODS,
                accepts=_asked(collectors, NODE_EXPORTER_PORT),
            ),
        ),
    }


def _asked(collectors: Sequence[Peer], port: int) -> tuple[Peer, ...]:
    return tuple(asking(one, port) for one in collectors)


def _prometheus(
    cidr: str, api: tuple[Peer, ...], *, dashboards: bool, file_system: bool
) -> tuple[Policy, ...]:
    shown = Peer(pods=GRAFANA_PODS, ports=(("TCP", PROMETHEUS_PORT),))
    cloudwatch = Peer(pods=CLOUDWATCH_PODS, ports=(("TCP", CLOUDWATCH_PORT),))
    prometheus = Policy(
        name="prometheus",
        pods=PROMETHEUS_PODS,
        accepts=(shown,) if dashboards else (),
        opens=(
            Peer(pods=SERVER_PODS, namespace=NAMESPACE, ports=(("TCP", PORT),)),
            Peer(pods=GATEWAY_PODS, namespace=NAMESPACE, ports=(("TCP", NGINX_METRICS_PORT),)),
            Peer(pods=DCGM_PODS, namespace=EXPORTERS_NAMESPACE, ports=(("TCP", DCGM_PORT),)),
            Peer(
                pods=NODE_EXPORTER_PODS,
                namespace=EXPORTERS_NAMESPACE,
                ports=(("TCP", NODE_EXPORTER_PORT),),
            ),
            Peer(pods=KUBE_STATE_PODS, ports=(("TCP", KUBE_STATE_PORT),)),
            *([cloudwatch] if file_system else ()),
            Peer(pods=ALERTMANAGER_PODS, ports=(("TCP", ALERTMANAGER_PORT),)),
            Peer(blocks=(cidr,), ports=(("TCP", _KUBELET_PORT),)),
            *api,
            *DNS,
        ),
    )
    operator = Policy(name="prometheus-operator", pods=OPERATOR_PODS, opens=api)
    if not dashboards:
        return prometheus, operator
    # Nobody is let in: it is opened with kubectl port-forward, which comes from its own node.
    asked = Peer(pods=PROMETHEUS_PODS, ports=(("TCP", PROMETHEUS_PORT),))
    return prometheus, operator, Policy(name="grafana", pods=GRAFANA_PODS, opens=(asked, *DNS))


def _alertmanager(notifies: str | None) -> Policy:
    opens = {
        None: (),
        "sns": _AWS,
        # Of a webhook inside the network, too.
        "webhook": (Peer(blocks=(ANYWHERE,)), *DNS),
    }[notifies]
    return Policy(
        name="alertmanager",
        pods=ALERTMANAGER_PODS,
        accepts=(Peer(pods=PROMETHEUS_PODS, ports=(("TCP", ALERTMANAGER_PORT),)),),
        opens=opens,
    )
