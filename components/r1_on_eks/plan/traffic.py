"""Who may talk to whom in the serving namespace: everything else is denied, both ways."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.plan.names import MONITORING_NAMESPACE, PORT
from r1_on_eks.plan.quality import CHECK_PODS
from r1_on_eks.plan.server import ModelServer
from r1_on_eks.plan.subnets import API_SERVICE, CLUSTER_DNS, VPC_CIDR
from r1_on_eks.plan.sync import SYNC_PODS

GATEWAY_PODS = {"app.kubernetes.io/name": "gateway"}
SERVER_PODS = {"app.kubernetes.io/name": "vllm"}
# Of nodes beyond the first: they answer nobody.
WORKER_PODS = {"app.kubernetes.io/name": "vllm-worker"}
_DNS_PODS = {"k8s-app": "kube-dns"}
# As the operator labels the pods that it makes.
PROMETHEUS_PODS = {"app.kubernetes.io/name": "prometheus"}
# Where the exporter beside nginx answers, and nginx itself.
NGINX_METRICS_PORT = 9113
GATEWAY_METRICS_PORT = 9114
# EKS Pod Identity agent, a link-local address of every node (EKS user guide, pod-id-how-it-works).
POD_IDENTITY = "169.254.170.23/32"
ANYWHERE = "0.0.0.0/0"


def instance_of(server: ModelServer) -> dict[str, str]:
    """The label that all pods of a variant share."""
    return {"app.kubernetes.io/instance": server.name}


@dataclass(frozen=True, kw_only=True)
class Peer:
    """The other side of a connection, and the ports.

    Attributes:
        pods: Labels of pods; None for addresses instead.
        namespace: Where those pods are; None for the serving namespace.
        blocks: IPv4 ranges, where `pods` is None.
        ports: Protocol and number; none for all.
    """

    pods: dict[str, str] | None = None
    namespace: str | None = None
    blocks: tuple[str, ...] = ()
    ports: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What some pods may accept and open; whoever is not named may not.

    Attributes:
        name: Of the NetworkPolicy.
        pods: Labels of the pods that it is for; none for all of the namespace.
        accepts: Who may connect to them.
        opens: Whom they may connect to.
    """

    name: str
    pods: dict[str, str]
    accepts: tuple[Peer, ...] = ()
    opens: tuple[Peer, ...] = ()


PROMETHEUS = Peer(pods=PROMETHEUS_PODS, namespace=MONITORING_NAMESPACE)


def collector(cidr: str, *, managed: bool) -> Peer:
    """Who collects metrics.

    Args:
        cidr: IPv4 range of the network, where AWS's collector has interfaces of its own.
        managed: Whether that collects, and no Prometheus in the cluster.
    """
    return Peer(blocks=(cidr,)) if managed else PROMETHEUS


def asking(peer: Peer, port: int) -> Peer:
    """`peer`, at one TCP port."""
    return dataclasses.replace(peer, ports=(("TCP", port),))


DNS = (
    Peer(pods=_DNS_PODS, namespace="kube-system", ports=(("UDP", 53), ("TCP", 53))),
    # The VPC CNI sees a packet before kube-proxy has turned the service's address into a pod's.
    Peer(blocks=(f"{CLUSTER_DNS}/32",), ports=(("UDP", 53), ("TCP", 53))),
)


_GATEWAY_METRICS = (NGINX_METRICS_PORT, GATEWAY_METRICS_PORT)


def policies_of(
    clients: Sequence[str],
    listen_port: int,
    servers: Sequence[ModelServer],
    *,
    streamed: bool,
    synced: bool = False,
    cidr: str = VPC_CIDR,
    watched: Peer | None = None,
    checked: bool = False,
) -> tuple[Policy, ...]:
    """The policies of the serving namespace.

    Args:
        clients: IPv4 ranges that may reach the gateway; the load balancer keeps their addresses.
        listen_port: Where the gateway listens.
        servers: The model servers.
        streamed: Whether they read their weights from S3.
        synced: Whether a Job brings weights into the bucket.
        cidr: IPv4 range of the network.
        watched: Who collects metrics, or None.
        checked: Whether a CronJob puts questions to the servers.
    """
    answering = (("TCP", PORT),)
    # Health checks come from the load balancer's own addresses in the VPC.
    callers = tuple(dict.fromkeys((*clients, cidr)))
    everybody = Policy(name="nobody-by-default", pods={})
    gateway = Policy(
        name="gateway",
        pods=GATEWAY_PODS,
        accepts=(
            Peer(blocks=callers, ports=(("TCP", listen_port),)),
            *(asking(watched, port) for port in _GATEWAY_METRICS if watched),
        ),
        opens=(Peer(pods=SERVER_PODS, ports=answering), *DNS),
    )
    # From a mounted file system a server opens nothing: the node mounts it.
    bucket = (
        Peer(blocks=(ANYWHERE,), ports=(("TCP", 443),)),
        Peer(blocks=(POD_IDENTITY,), ports=(("TCP", 80),)),
        *DNS,
    )
    models = Policy(
        name="model-servers",
        pods=SERVER_PODS,
        accepts=(
            Peer(pods=GATEWAY_PODS, ports=answering),
            # A Prometheus of the cluster may ask at any time, ours or yours.
            asking(watched or PROMETHEUS, PORT),
            *([Peer(pods=CHECK_PODS, ports=answering)] if checked else ()),
        ),
        opens=bucket if streamed else (),
    )
    # The hub's storage has no addresses of its own.
    filling = (Policy(name="weights-sync", pods=SYNC_PODS, opens=bucket),) if synced else ()
    asks = (_checks(cidr),) if checked else ()
    groups = _groups(servers, bucket if streamed else DNS)
    return (everybody, gateway, models, *filling, *asks, *groups)


def _checks(cidr: str) -> Policy:
    return Policy(
        name="quality-checks",
        pods=CHECK_PODS,
        opens=(Peer(pods=SERVER_PODS, ports=(("TCP", PORT),)), *api_of(cidr), *DNS),
    )


def api_of(cidr: str) -> tuple[Peer, ...]:
    """The API server, by its interfaces in the network `cidr` and by its service."""
    return (
        Peer(blocks=(cidr,), ports=(("TCP", 443),)),
        Peer(blocks=(f"{API_SERVICE}/32",), ports=(("TCP", 443),)),
    )


def _groups(servers: Sequence[ModelServer], needed: Sequence[Peer]) -> tuple[Policy, ...]:
    """Pods of one replica over several nodes talk to each other on ports that NCCL chooses.

    Workers find the leader by name; `needed` is what they open besides.
    """
    return tuple(
        Policy(
            name=f"{server.name}-group",
            pods=(pods := instance_of(server)),
            accepts=(Peer(pods=pods),),
            opens=(Peer(pods=pods), *needed),
        )
        for server in servers
        if server.stages > 1
    )
