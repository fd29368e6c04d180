"""The operator's objects, as the API server spells them."""

from collections.abc import Sequence
from typing import Any

from r1_on_eks.catalog.images import PROMETHEUS
from r1_on_eks.plan.monitoring.policies import ALERTMANAGER_PODS, ALERTMANAGER_PORT
from r1_on_eks.plan.monitoring.rights import KUBELET_NAME
from r1_on_eks.plan.monitoring.scrapes import (
    INTERVAL_SECONDS,
    KUBELET_JOB,
    KUBELET_SCRAPES,
    SCRAPE_TIMEOUT,
    Relabel,
    Scrape,
)
from r1_on_eks.plan.names import MONITORING_NAMESPACE

PROMETHEUS_NAME = "prometheus"
ALERTMANAGER_NAME = ALERTMANAGER_PODS["app.kubernetes.io/name"]
# The operator writes the addresses of all kubelets into this Service, and keeps it.
KUBELETS_NAMESPACE = "kube-system"
KUBELET_SERVICE = f"{KUBELETS_NAMESPACE}/{KUBELET_NAME}"
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
_EVERY = f"{INTERVAL_SECONDS}s"
_PORT_NAME = "web"


def pod_monitor_spec(scrape: Scrape) -> dict[str, Any]:
    """`spec` of the PodMonitor of one job."""
    endpoint = {
        "portNumber": scrape.port,
        "path": scrape.path,
        "interval": f"{scrape.interval_seconds}s",
        "scrapeTimeout": SCRAPE_TIMEOUT,
        "honorLabels": scrape.honest,
        "relabelings": _written((_job(scrape.job), *scrape.relabel)),
        "metricRelabelings": _written(scrape.metric_relabel),
    }
    return {
        "namespaceSelector": {"matchNames": [scrape.namespace]},
        "selector": {"matchLabels": scrape.pods},
        "podMetricsEndpoints": [endpoint],
    }


def kubelet_monitor_spec() -> dict[str, Any]:
    """`spec` of the ServiceMonitor of all kubelets."""
    node = Relabel(sources=("__meta_kubernetes_endpointslice_address_target_name",), target="node")
    path = Relabel(sources=("__metrics_path__",), target="metrics_path")
    # Labels of the Service that was made for the addresses alone.
    no_service = Relabel(action="labeldrop", regex="service|endpoint|pod|namespace|container")
    return {
        "namespaceSelector": {"matchNames": [KUBELETS_NAMESPACE]},
        "selector": {"matchLabels": {"app.kubernetes.io/name": KUBELET_NAME}},
        "endpoints": [
            {
                "port": "https-metrics",
                "scheme": "https",
                "path": one.path,
                "interval": _EVERY,
                "scrapeTimeout": SCRAPE_TIMEOUT,
                "honorLabels": True,
                "bearerTokenFile": _TOKEN,
                # Its certificate names the node's address under an authority that EKS does not
                # give to pods; the rights of the token are to read metrics.
                "tlsConfig": {"insecureSkipVerify": True},
                "relabelings": _written((_job(KUBELET_JOB), node, path, no_service)),
                "metricRelabelings": _written(one.metric_relabel),
            }
            for one in KUBELET_SCRAPES
        ],
    }


def prometheus_spec(
    *, stack: str, image: str, days: int, memory_mib: int, disk_gib: int
) -> dict[str, Any]:
    """`spec` of the Prometheus.

    Args:
        stack: A label of everything that leaves it.
        image: As nodes pull it.
        days: For how long metrics are kept.
        memory_mib: What is sure to it; twice as much is its limit.
        disk_gib: Size of its history; when it is full, the oldest goes first.
    """
    alertmanager = {
        "namespace": MONITORING_NAMESPACE,
        "name": ALERTMANAGER_NAME,
        "port": _PORT_NAME,
    }
    return {
        "image": image,
        "version": PROMETHEUS.rpartition(":")[2],
        "replicas": 1,
        "serviceAccountName": PROMETHEUS_NAME,
        "serviceDiscoveryRole": "EndpointSlice",
        "podMonitorSelector": {},
        "serviceMonitorSelector": {},
        "ruleSelector": {},
        "scrapeInterval": _EVERY,
        "evaluationInterval": _EVERY,
        "externalLabels": {"stack": stack},
        "alerting": {"alertmanagers": [alertmanager]},
        "retention": f"{days}d",
        "retentionSize": f"{disk_gib}GiB",
        # On the node's own disk: every volume of a stack is Pulumi's, and a claim here would
        # make one behind its back. A pod that moves to another node begins anew.
        "storage": {"emptyDir": {"sizeLimit": f"{disk_gib + 2}Gi"}},
        "resources": {
            "requests": {"cpu": "200m", "memory": f"{memory_mib}Mi"},
            "limits": {"memory": f"{2 * memory_mib}Mi"},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "runAsGroup": 65534,
            "fsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def alertmanager_ports() -> Any:
    """Of Alertmanager's Service; Prometheus finds it by the port's name."""
    return [{"name": _PORT_NAME, "port": ALERTMANAGER_PORT, "target_port": ALERTMANAGER_PORT}]


def _job(name: str) -> Relabel:
    return Relabel(target="job", replacement=name)


def _written(steps: Sequence[Relabel]) -> list[dict[str, Any]]:
    return [step.written() for step in steps]
