"""The program's part that watches a stack: joined as in program.py, which calls it once."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Resource, ResourceOptions

from r1_on_eks import monitoring_inputs as inputs
from r1_on_eks.plan import Plan
from r1_on_eks.resources.alertmanager import Alertmanager
from r1_on_eks.resources.cluster import Cluster
from r1_on_eks.resources.cost_anomalies import CostAnomalies
from r1_on_eks.resources.exporters import Exporters
from r1_on_eks.resources.file_system_exporter import FileSystemExporter
from r1_on_eks.resources.grafana import Grafana
from r1_on_eks.resources.model_storage import ModelStorage
from r1_on_eks.resources.monitoring_namespaces import MonitoringNamespaces
from r1_on_eks.resources.observability import Observability
from r1_on_eks.resources.prometheus_operator import PrometheusOperator
from r1_on_eks.resources.serving_namespace import ServingNamespace
from r1_on_eks.resources.system_pool import SystemPool
from r1_on_eks.wanted import wanted


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The components that monitoring stands in and looks at.

    Attributes:
        cluster: The cluster.
        system: Nodes of everything that serves no model.
        serving: The namespace of the models, which Prometheus looks into.
        storage: The file system of the weights, or none.
    """

    cluster: Cluster
    system: SystemPool
    serving: ServingNamespace
    storage: Sequence[ModelStorage]


def watch(plan: Plan, seen: Watched, inside: ResourceOptions) -> list[Resource]:
    """Declares the monitoring that a stack file asks for; returns its components.

    Args:
        plan: What is decided.
        seen: What monitoring stands in.
        inside: Options of what is in the cluster.
    """
    asked = plan.monitoring
    if asked is None:
        return []
    cluster, system = seen.cluster, seen.system
    spaces = MonitoringNamespaces("monitoring", inputs.namespaces(asked, cluster), inside)
    exporters = Exporters("exporters", inputs.exporters(asked, cluster, spaces, system), inside)
    disk = inputs.file_system(plan, cluster, spaces, seen.storage, system)
    operator = PrometheusOperator(
        "prometheus-operator", inputs.operator(plan, cluster, spaces, system), inside
    )
    asks = inputs.observability(plan, asked, cluster, spaces, seen.serving, [operator])
    tells = inputs.alertmanager(plan, asked, cluster, spaces, system)
    shows = inputs.grafana(plan, asked, cluster, spaces, system)
    return [
        spaces,
        exporters,
        *wanted(FileSystemExporter, "file-system", disk, inside),
        operator,
        Observability("observability", asks, inside),
        Alertmanager("alertmanager", tells, inside),
        *wanted(Grafana, "grafana", shows, inside),
        *wanted(CostAnomalies, "cost-anomalies", inputs.anomalies(plan, asked), inside),
    ]
