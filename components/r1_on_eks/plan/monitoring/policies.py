"""Who may talk to whom in the namespaces of monitoring: everything else is denied, both ways."""

from r1_on_eks.plan.keda import OPERATOR_PODS as KEDA_PODS
from r1_on_eks.plan.names import (
    AUTOSCALING_NAMESPACE,
    EXPORTERS_NAMESPACE,
    MONITORING_NAMESPACE,
    NAMESPACE,
    PORT,
)
from r1_on_eks.plan.traffic import (
    ANYWHERE,
    DNS,
    GATEWAY_METRICS_PORT,
    GATEWAY_PODS,
    NGINX_METRICS_PORT,
    POD_IDENTITY,
    PROMETHEUS_PODS,
    SERVER_PODS,
    Peer,
    Policy,
    api_of,
    asking,
    collector,
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
KUBELET_PORT = 10250


# A service of AWS, with the rights of the pod's own role.
_AWS = (
    Peer(blocks=(ANYWHERE,), ports=(("TCP", 443),)),
    Peer(blocks=(POD_IDENTITY,), ports=(("TCP", 80),)),
    *DNS,
)


def namespace_policies(
    cidr: str,
    *,
    managed: bool,
    notifies: str | None,
    dashboards: bool,
    file_system: bool,
    gpus: bool,
    scales: bool = False,
) -> dict[str, tuple[Policy, ...]]:
    """Policies by namespace.

    Args:
        cidr: IPv4 range of the network.
        managed: Whether Amazon's Prometheus collects, and none in the cluster.
        notifies: `sns`, `webhook` or None.
        dashboards: Whether Grafana runs.
        file_system: Whether there is one that CloudWatch tells of.
        gpus: Whether any node has one.
        scales: Whether replicas follow what is measured.
    """
    api = api_of(cidr)
    everybody = Policy(name="nobody-by-default", pods={})
    asks = collector(cidr, managed=managed)
    states = _exporter(KUBE_STATE_PODS, KUBE_STATE_PORT, asks, api)
    cloudwatch = _exporter(CLOUDWATCH_PODS, CLOUDWATCH_PORT, asks, _AWS)
    nodes = _exporter(NODE_EXPORTER_PODS, NODE_EXPORTER_PORT, asks)
    of_gpus = _exporter(DCGM_PODS, DCGM_PORT, asks)
    if managed:
        collects, shows = (), _AWS
    else:
        own = _prometheus(
            cidr, api, dashboards=dashboards, file_system=file_system, gpus=gpus, scales=scales
        )
        operator = Policy(name="prometheus-operator", pods=OPERATOR_PODS, opens=api)
        collects = (own, operator, _alertmanager(notifies))
        shows = (Peer(pods=PROMETHEUS_PODS, ports=(("TCP", PROMETHEUS_PORT),)), *DNS)
    # Nobody is let in: it is opened with kubectl port-forward, which comes from its own node.
    grafana = Policy(name="grafana", pods=GRAFANA_PODS, opens=shows)
    in_here = (
        everybody,
        states,
        *([cloudwatch] if file_system else ()),
        *collects,
        *([grafana] if dashboards else ()),
    )
    return {
        MONITORING_NAMESPACE: in_here,
        EXPORTERS_NAMESPACE: (everybody, *([of_gpus] if gpus else ()), nodes),
    }


def _exporter(pods: dict[str, str], port: int, asks: Peer, opens: tuple[Peer, ...] = ()) -> Policy:
    """It answers the collector alone."""
    return Policy(
        name=pods["app.kubernetes.io/name"],
        pods=pods,
        accepts=(asking(asks, port),),
        opens=opens,
    )


def _prometheus(
    cidr: str,
    api: tuple[Peer, ...],
    *,
    dashboards: bool,
    file_system: bool,
    gpus: bool,
    scales: bool,
) -> Policy:
    shown = Peer(pods=GRAFANA_PODS, ports=(("TCP", PROMETHEUS_PORT),))
    followed = Peer(
        pods=KEDA_PODS, namespace=AUTOSCALING_NAMESPACE, ports=(("TCP", PROMETHEUS_PORT),)
    )
    cloudwatch = Peer(pods=CLOUDWATCH_PODS, ports=(("TCP", CLOUDWATCH_PORT),))
    dcgm = Peer(pods=DCGM_PODS, namespace=EXPORTERS_NAMESPACE, ports=(("TCP", DCGM_PORT),))
    return Policy(
        name="prometheus",
        pods=PROMETHEUS_PODS,
        accepts=(*((shown,) if dashboards else ()), *((followed,) if scales else ())),
        opens=(
            Peer(pods=SERVER_PODS, namespace=NAMESPACE, ports=(("TCP", PORT),)),
            Peer(
                pods=GATEWAY_PODS,
                namespace=NAMESPACE,
                ports=(("TCP", NGINX_METRICS_PORT), ("TCP", GATEWAY_METRICS_PORT)),
            ),
            *([dcgm] if gpus else ()),
            Peer(
                pods=NODE_EXPORTER_PODS,
                namespace=EXPORTERS_NAMESPACE,
                ports=(("TCP", NODE_EXPORTER_PORT),),
            ),
            Peer(pods=KUBE_STATE_PODS, ports=(("TCP", KUBE_STATE_PORT),)),
            *([cloudwatch] if file_system else ()),
            Peer(pods=ALERTMANAGER_PODS, ports=(("TCP", ALERTMANAGER_PORT),)),
            Peer(blocks=(cidr,), ports=(("TCP", KUBELET_PORT),)),
            *api,
            *DNS,
        ),
    )


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
