"""What each component of monitoring is given, as inputs.py says it of all others."""

from collections.abc import Sequence

from pulumi import Resource

from r1_on_eks.catalog.images import CONFIG_RELOADER, PROMETHEUS
from r1_on_eks.plan import Plan
from r1_on_eks.plan.monitoring.anomalies import told_from, watched_costs
from r1_on_eks.plan.monitoring.dashboards import dashboards
from r1_on_eks.plan.monitoring.decided import MonitoringPlan
from r1_on_eks.plan.monitoring.managed import (
    alert_definition,
    rules_file,
    scrape_configuration,
)
from r1_on_eks.plan.monitoring.notifying import alertmanager_configuration
from r1_on_eks.plan.monitoring.objects import (
    KUBELETS_NAMESPACE,
    kubelet_monitor_spec,
    pod_monitor_spec,
    prometheus_spec,
)
from r1_on_eks.plan.monitoring.provisioning import cluster_source, workspace_source
from r1_on_eks.plan.monitoring.rules import rule_groups
from r1_on_eks.plan.names import EXPORTERS_NAMESPACE, MONITORING_NAMESPACE, NAMESPACE
from r1_on_eks.resources.alertmanager import AlertmanagerArgs
from r1_on_eks.resources.cluster import Cluster
from r1_on_eks.resources.cost_anomalies import CostAnomaliesArgs
from r1_on_eks.resources.exporters import ExportersArgs
from r1_on_eks.resources.file_system_exporter import FileSystemExporterArgs
from r1_on_eks.resources.grafana import GrafanaArgs, Workspace
from r1_on_eks.resources.managed_prometheus import ManagedPrometheus, ManagedPrometheusArgs
from r1_on_eks.resources.model_storage import ModelStorage
from r1_on_eks.resources.monitoring_namespaces import (
    MonitoringNamespaces,
    MonitoringNamespacesArgs,
)
from r1_on_eks.resources.network import Network
from r1_on_eks.resources.observability import ObservabilityArgs
from r1_on_eks.resources.prometheus_operator import PrometheusOperatorArgs
from r1_on_eks.resources.serving_namespace import ServingNamespace
from r1_on_eks.resources.system_pool import SystemPool


def namespaces(monitoring: MonitoringPlan, cluster: Cluster) -> MonitoringNamespacesArgs:
    """Of where monitoring runs."""
    return MonitoringNamespacesArgs(cluster=cluster.resource, policies=monitoring.policies)


def exporters(
    monitoring: MonitoringPlan,
    cluster: Cluster,
    namespaces: MonitoringNamespaces,
    system: SystemPool,
) -> ExportersArgs:
    """Of what tells of nodes, GPUs and Kubernetes' objects."""
    return ExportersArgs(
        cluster=cluster.resource,
        namespace=namespaces.monitoring,
        node_namespace=namespaces.exporters,
        gpus=monitoring.gpus,
        after=[system],
    )


def file_system(
    plan: Plan,
    cluster: Cluster,
    namespaces: MonitoringNamespaces,
    storage: Sequence[ModelStorage],
    system: SystemPool,
) -> Sequence[FileSystemExporterArgs]:
    """Of what asks CloudWatch about the weights' file system, where there is one."""
    return [
        FileSystemExporterArgs(
            stack=plan.stack,
            cluster=cluster.resource,
            cluster_name=cluster.resource.name,
            namespace=namespaces.monitoring,
            region=plan.region,
            file_system_id=one.file_system_id,
            after=[system],
        )
        for one in storage
    ]


def operator(
    plan: Plan, cluster: Cluster, namespaces: MonitoringNamespaces, system: SystemPool
) -> PrometheusOperatorArgs:
    """Of the operator."""
    return PrometheusOperatorArgs(
        cluster=cluster.resource,
        namespace=namespaces.monitoring,
        reloader=plan.images.of(CONFIG_RELOADER),
        after=[system],
    )


def alertmanager(
    plan: Plan,
    monitoring: MonitoringPlan,
    cluster: Cluster,
    namespaces: MonitoringNamespaces,
    system: SystemPool,
) -> AlertmanagerArgs:
    """Of whoever tells people."""
    return AlertmanagerArgs(
        stack=plan.stack,
        cluster=cluster.resource,
        cluster_name=cluster.resource.name,
        namespace=namespaces.monitoring,
        configuration=alertmanager_configuration(monitoring.topic, monitoring.webhook_secret),
        topic=monitoring.topic,
        webhook_secret=monitoring.webhook_secret,
        after=[system],
    )


def anomalies(plan: Plan, monitoring: MonitoringPlan) -> Sequence[CostAnomaliesArgs]:
    """Of AWS's detection of unusual costs, where somebody is to be told of them."""
    if monitoring.anomaly_usd is None or monitoring.topic is None:
        return ()
    args = CostAnomaliesArgs(
        called=f"r1-{plan.stack}",
        watched=watched_costs(plan.stack),
        told_from=told_from(monitoring.anomaly_usd),
        topic=monitoring.topic,
    )
    return (args,)


def observability(
    plan: Plan,
    monitoring: MonitoringPlan,
    cluster: Cluster,
    namespaces: MonitoringNamespaces,
    serving: ServingNamespace,
    after: Sequence[Resource],
) -> ObservabilityArgs:
    """Of the Prometheus of the cluster, what it scrapes and what it watches for."""
    return ObservabilityArgs(
        cluster=cluster.resource,
        namespace=namespaces.monitoring,
        prometheus=prometheus_spec(
            stack=plan.stack,
            image=plan.images.of(PROMETHEUS),
            days=monitoring.retention_days,
            memory_mib=monitoring.memory_mib,
            disk_gib=monitoring.disk_gib,
        ),
        pod_monitors={scrape.job: pod_monitor_spec(scrape) for scrape in monitoring.scrapes},
        kubelets=kubelet_monitor_spec(),
        rule_groups=rule_groups(plan),
        looked_into={
            MONITORING_NAMESPACE: namespaces.monitoring,
            EXPORTERS_NAMESPACE: namespaces.exporters,
            NAMESPACE: serving.namespace,
            KUBELETS_NAMESPACE: KUBELETS_NAMESPACE,
        },
        after=after,
    )


def managed(
    plan: Plan, monitoring: MonitoringPlan, cluster: Cluster, network: Network
) -> ManagedPrometheusArgs:
    """Of Amazon's Prometheus, in place of the cluster's own."""
    return ManagedPrometheusArgs(
        called=f"r1-{plan.stack}",
        retention_days=monitoring.retention_days,
        rules=rules_file(plan),
        alerts=alert_definition(monitoring.topic) if monitoring.topic else None,
        scrapes=scrape_configuration(monitoring.scrapes),
        cluster_arn=cluster.resource.arn,
        subnet_ids=[network.private_subnet_ids[zone] for zone in plan.zones.control_plane],
        security_group_id=cluster.security_group_id,
        protected=plan.protected,
    )


def grafana(
    plan: Plan,
    monitoring: MonitoringPlan,
    cluster: Cluster,
    namespaces: MonitoringNamespaces,
    system: SystemPool,
    managed: ManagedPrometheus | None,
) -> Sequence[GrafanaArgs]:
    """Of Grafana, where dashboards are wanted."""
    if not monitoring.dashboards:
        return ()
    args = GrafanaArgs(
        cluster=cluster.resource,
        namespace=namespaces.monitoring,
        source=workspace_source(plan.region) if managed else cluster_source(),
        workspace=managed and _workspace(plan, cluster, managed),
        dashboards=dashboards(plan),
        after=[system],
    )
    return (args,)


def _workspace(plan: Plan, cluster: Cluster, managed: ManagedPrometheus) -> Workspace:
    return Workspace(
        arn=managed.workspace_arn,
        endpoint=managed.endpoint,
        stack=plan.stack,
        cluster_name=cluster.resource.name,
    )
