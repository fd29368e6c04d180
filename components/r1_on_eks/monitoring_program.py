"""Plan of monitoring → components, joined; what `program.py` is for everything else."""

from dataclasses import dataclass
from typing import Any

from pulumi import Resource, ResourceOptions

from r1_on_eks.catalog.images import CONFIG_RELOADER, PROMETHEUS
from r1_on_eks.plan import Plan
from r1_on_eks.plan.monitoring.dashboards import dashboards
from r1_on_eks.plan.monitoring.decided import MonitoringPlan
from r1_on_eks.plan.monitoring.objects import (
    kubelet_monitor_spec,
    pod_monitor_spec,
    prometheus_spec,
)
from r1_on_eks.plan.monitoring.rules import rule_groups
from r1_on_eks.resources.alertmanager import Alertmanager, AlertmanagerArgs
from r1_on_eks.resources.cluster import Cluster
from r1_on_eks.resources.exporters import Exporters, ExportersArgs
from r1_on_eks.resources.file_system_exporter import FileSystemExporter, FileSystemExporterArgs
from r1_on_eks.resources.grafana import Grafana, GrafanaArgs
from r1_on_eks.resources.managed_metrics import ManagedMetrics, ManagedMetricsArgs
from r1_on_eks.resources.model_storage import ModelStorage
from r1_on_eks.resources.monitoring_namespaces import (
    MonitoringNamespaces,
    MonitoringNamespacesArgs,
)
from r1_on_eks.resources.network import Network
from r1_on_eks.resources.observability import Observability, ObservabilityArgs
from r1_on_eks.resources.prometheus_operator import PrometheusOperator, PrometheusOperatorArgs
from r1_on_eks.resources.spending_watch import SpendingWatch, SpendingWatchArgs
from r1_on_eks.resources.stack_key import StackKey


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What monitoring stands in.

    Attributes:
        network: The subnets that Amazon's collector has addresses in.
        cluster: The cluster.
        key: What encrypts metrics that Amazon keeps.
        storage: The file system of the weights, or None.
        nodes: Those of everything that serves no model.
        serving: The namespace of the models, which Prometheus looks into.
        on_aws: Options of what is in AWS.
        inside: Options of what is in the cluster.
    """

    network: Network
    cluster: Cluster
    key: StackKey
    storage: ModelStorage | None
    nodes: Resource
    serving: Resource
    on_aws: ResourceOptions
    inside: ResourceOptions


def declare_monitoring(plan: Plan, around: Surroundings) -> list[Resource]:
    """Declares what the stack file asks for; returns the components."""
    monitoring = plan.monitoring
    if monitoring is None:
        return []
    namespaces = MonitoringNamespaces(
        "monitoring",
        MonitoringNamespacesArgs(cluster=around.cluster.resource, policies=monitoring.policies),
        around.inside,
    )
    components: list[Resource] = [
        namespaces,
        Exporters(
            "exporters",
            ExportersArgs(
                cluster=around.cluster.resource,
                namespace=namespaces.monitoring,
                node_namespace=namespaces.exporters,
                after=[around.nodes],
            ),
            around.inside,
        ),
        *_file_system(plan, around, namespaces),
        *_spending(plan, monitoring, around),
    ]
    rules = rule_groups(plan)
    if monitoring.managed:
        return [*components, _managed(plan, monitoring, around, rules)]
    return [*components, *_in_cluster(plan, monitoring, around, namespaces, rules)]


def _file_system(
    plan: Plan, around: Surroundings, namespaces: MonitoringNamespaces
) -> list[Resource]:
    if around.storage is None:
        return []
    args = FileSystemExporterArgs(
        stack=plan.stack,
        cluster=around.cluster.resource,
        cluster_name=around.cluster.resource.name,
        namespace=namespaces.monitoring,
        region=plan.region,
        file_system_id=around.storage.file_system_id,
        after=[around.nodes],
    )
    return [FileSystemExporter("file-system", args, around.inside)]


def _spending(plan: Plan, monitoring: MonitoringPlan, around: Surroundings) -> list[Resource]:
    if monitoring.anomaly_usd is None or monitoring.topic is None:
        return []
    args = SpendingWatchArgs(stack=plan.stack, topic=monitoring.topic, usd=monitoring.anomaly_usd)
    return [SpendingWatch("spending", args, around.on_aws)]


def _managed(
    plan: Plan, monitoring: MonitoringPlan, around: Surroundings, rules: list[dict[str, Any]]
) -> Resource:
    args = ManagedMetricsArgs(
        stack=plan.stack,
        cluster_arn=around.cluster.resource.arn,
        subnet_ids=list(around.network.private_subnet_ids.values()),
        security_group_id=around.cluster.security_group_id,
        key_arn=around.key.arn,
        retention_days=monitoring.retention_days,
        collector=monitoring.collector,
        rule_groups=rules,
        alertmanager=monitoring.alertmanager if monitoring.topic else None,
        after=[around.nodes],
    )
    return ManagedMetrics("metrics", args, around.on_aws)


def _in_cluster(
    plan: Plan,
    monitoring: MonitoringPlan,
    around: Surroundings,
    namespaces: MonitoringNamespaces,
    rules: list[dict[str, Any]],
) -> list[Resource]:
    cluster, namespace = around.cluster.resource, namespaces.monitoring
    operator = PrometheusOperator(
        "prometheus-operator",
        PrometheusOperatorArgs(
            cluster=cluster,
            namespace=namespace,
            reloader=plan.images.of(CONFIG_RELOADER),
            after=[around.nodes],
        ),
        around.inside,
    )
    told = AlertmanagerArgs(
        stack=plan.stack,
        cluster=cluster,
        cluster_name=around.cluster.resource.name,
        namespace=namespace,
        configuration=monitoring.alertmanager,
        topic=monitoring.topic,
        webhook_secret=monitoring.webhook_secret,
        after=[around.nodes],
    )
    seen = ObservabilityArgs(
        cluster=cluster,
        namespace=namespace,
        prometheus=prometheus_spec(
            stack=plan.stack,
            image=plan.images.of(PROMETHEUS),
            days=monitoring.retention_days,
            memory_mib=monitoring.memory_mib,
            disk_gib=monitoring.disk_gib,
        ),
        pod_monitors={scrape.job: pod_monitor_spec(scrape) for scrape in monitoring.scrapes},
        kubelets=kubelet_monitor_spec(),
        rule_groups=rules,
        after=[operator, namespaces, around.serving],
    )
    components: list[Resource] = [
        operator,
        Alertmanager("alertmanager", told, around.inside),
        Observability("observability", seen, around.inside),
    ]
    if monitoring.dashboards:
        shown = GrafanaArgs(
            cluster=cluster,
            namespace=namespace,
            dashboards=dashboards(plan),
            after=[around.nodes],
        )
        components.append(Grafana("grafana", shown, around.inside))
    return components
