"""The program's part that watches a stack: joined as in program.py, which calls it once."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Resource, ResourceOptions

from r1_on_eks import monitoring_inputs as inputs
from r1_on_eks.plan import Plan
from r1_on_eks.plan.monitoring.decided import MonitoringPlan
from r1_on_eks.resources.alertmanager import Alertmanager
from r1_on_eks.resources.cluster import Cluster
from r1_on_eks.resources.cost_anomalies import CostAnomalies
from r1_on_eks.resources.exporters import Exporters
from r1_on_eks.resources.file_system_exporter import FileSystemExporter
from r1_on_eks.resources.grafana import Grafana
from r1_on_eks.resources.managed_prometheus import ManagedPrometheus
from r1_on_eks.resources.model_storage import ModelStorage
from r1_on_eks.resources.monitoring_namespaces import MonitoringNamespaces
from r1_on_eks.resources.network import Network
from r1_on_eks.resources.observability import Observability
from r1_on_eks.resources.prometheus_operator import PrometheusOperator
from r1_on_eks.resources.serving_namespace import ServingNamespace
from r1_on_eks.resources.system_pool import SystemPool
from r1_on_eks.wanted import wanted


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The components that monitoring stands in and looks at.

    Attributes:
        network: Where AWS's collector has its interfaces.
        cluster: The cluster.
        system: Nodes of everything that serves no model.
        serving: The namespace of the models, which Prometheus looks into.
        storage: The file system of the weights, or none.
    """

    network: Network
    cluster: Cluster
    system: SystemPool
    serving: ServingNamespace
    storage: Sequence[ModelStorage]


def watch(
    plan: Plan, seen: Watched, on_aws: ResourceOptions, inside: ResourceOptions
) -> list[Resource]:
    """Declares the monitoring that a stack file asks for; returns its components.

    Args:
        plan: What is decided.
        seen: What monitoring stands in.
        on_aws: Options of what is in AWS alone, and waits for no API server.
        inside: Options of what is in the cluster.
    """
    asked = plan.monitoring
    if asked is None:
        return []
    cluster, system = seen.cluster, seen.system
    spaces = MonitoringNamespaces("monitoring", inputs.namespaces(asked, cluster), inside)
    exporters = Exporters("exporters", inputs.exporters(asked, cluster, spaces, system), inside)
    disk = inputs.file_system(plan, cluster, spaces, seen.storage, system)
    managed, collected = _collected(plan, asked, seen, spaces, on_aws, inside)
    shows = inputs.grafana(plan, asked, cluster, spaces, system, managed)
    return [
        spaces,
        exporters,
        *wanted(FileSystemExporter, "file-system", disk, inside),
        *collected,
        *wanted(Grafana, "grafana", shows, inside),
        *wanted(CostAnomalies, "cost-anomalies", inputs.anomalies(plan, asked), on_aws),
    ]


def _collected(
    plan: Plan,
    asked: MonitoringPlan,
    seen: Watched,
    spaces: MonitoringNamespaces,
    on_aws: ResourceOptions,
    inside: ResourceOptions,
) -> tuple[ManagedPrometheus | None, list[Resource]]:
    """What scrapes, keeps and tells: Amazon's own in one piece, or the cluster's in three."""
    cluster, system = seen.cluster, seen.system
    if asked.managed:
        args = inputs.managed(plan, asked, cluster, seen.network)
        managed = ManagedPrometheus("managed-prometheus", args, on_aws)
        return managed, [managed]
    operator = PrometheusOperator(
        "prometheus-operator", inputs.operator(plan, cluster, spaces, system), inside
    )
    asks = inputs.observability(plan, asked, cluster, spaces, seen.serving, [operator])
    tells = inputs.alertmanager(plan, asked, cluster, spaces, system)
    return None, [
        operator,
        Observability("observability", asks, inside),
        Alertmanager("alertmanager", tells, inside),
    ]
