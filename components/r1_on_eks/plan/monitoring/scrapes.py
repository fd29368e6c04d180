"""What is scraped, and which labels its series get.

The rules and dashboards know jobs `vllm`, `gateway`, `nginx`, `dcgm`, `node`, `kube-state-metrics`
and `kubelet` by these labels.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from r1_on_eks.plan.monitoring.policies import (
    CLOUDWATCH_PODS,
    CLOUDWATCH_PORT,
    DCGM_PODS,
    DCGM_PORT,
    KUBE_STATE_PODS,
    KUBE_STATE_PORT,
    NODE_EXPORTER_PODS,
    NODE_EXPORTER_PORT,
)
from r1_on_eks.plan.monitoring.storage_alerts import FSX_PERIOD_SECONDS
from r1_on_eks.plan.names import (
    EXPORTERS_NAMESPACE,
    MONITORING_NAMESPACE,
    NAMESPACE,
    PORT,
    VARIANT_LABEL,
    service_name,
)
from r1_on_eks.plan.nginx.answers import METRICS_PATH
from r1_on_eks.plan.traffic import (
    GATEWAY_METRICS_PORT,
    GATEWAY_PODS,
    NGINX_METRICS_PORT,
    SERVER_PODS,
)

INTERVAL_SECONDS = 30
SCRAPE_TIMEOUT = "10s"

# Of the kubelet and of the containers that it knows, whole exports are thousands of series a
# node: kept is what a rule, a dashboard or a person at night asks for.
_OF_THE_KUBELET = (
    "kubelet_volume_stats_(available_bytes|capacity_bytes|inodes_free)",
    "kubelet_running_pods",
    "kubelet_runtime_operations_errors_total",
    "storage_operation_duration_seconds_count",
    "volume_manager_total_volumes",
    "kubelet_pleg_relist_duration_seconds_(count|sum)",
)
_OF_CONTAINERS = (
    "container_cpu_usage_seconds_total",
    "container_cpu_cfs_throttled_periods_total",
    "container_memory_working_set_bytes",
    "container_memory_rss",
    "container_oom_events_total",
    "container_network_(receive|transmit)_bytes_total",
    "container_fs_usage_bytes",
)
_OF_KUBE_STATE = (
    "kube_node_(info|labels|spec_taint|spec_unschedulable|status_condition|status_allocatable)",
    "kube_node_status_capacity",
    "kube_pod_(info|labels|owner|status_phase|status_ready|status_reason|status_unschedulable)",
    "kube_pod_(start_time|created|status_scheduled)",
    "kube_pod_container_(info|resource_requests|resource_limits)",
    "kube_pod_container_status_.*",
    "kube_pod_init_container_status_.*",
    "kube_deployment_.*",
    "kube_daemonset_status_.*",
    "kube_statefulset_.*",
    "kube_job_(failed|complete|status_.*)",
    "kube_cronjob_.*",
    "kube_horizontalpodautoscaler_.*",
    "kube_persistentvolume_status_phase",
    "kube_persistentvolumeclaim_(info|status_phase|resource_requests_storage_bytes)",
)


@dataclass(frozen=True, kw_only=True)
class Relabel:
    """One step of relabelling, as Prometheus means it.

    Attributes:
        sources: Labels that are read.
        target: Label that is written.
        regex: What their values must be.
        replacement: What is written.
        action: Prometheus' word.
    """

    sources: tuple[str, ...] = ()
    target: str | None = None
    regex: str | None = None
    replacement: str | None = None
    action: str | None = None

    def plain(self) -> dict[str, Any]:
        """As Prometheus' own configuration has it."""
        given = {
            "source_labels": list(self.sources),
            "target_label": self.target,
            "regex": self.regex,
            "replacement": self.replacement,
            "action": self.action,
        }
        return {key: value for key, value in given.items() if value}

    def written(self) -> dict[str, Any]:
        """As an object of the operator has it."""
        spelt = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
        return {spelt.get(key, key): value for key, value in self.plain().items()}


@dataclass(frozen=True, kw_only=True)
class Scrape:
    """Pods that are asked for metrics.

    Attributes:
        job: The label of all their series.
        namespace: Where they are.
        pods: Their labels.
        port: Number of the port.
        path: Path of the metrics.
        interval_seconds: How often it is asked.
        honest: Whether labels that the series bring stay, although Prometheus has its own.
        relabel: Of the target, before it is asked.
        metric_relabel: Of each series.
    """

    job: str
    namespace: str
    pods: dict[str, str]
    port: int
    path: str = "/metrics"
    interval_seconds: int = INTERVAL_SECONDS
    honest: bool = False
    relabel: tuple[Relabel, ...] = ()
    metric_relabel: tuple[Relabel, ...] = ()


_POD = "__meta_kubernetes_pod"
_NODE = Relabel(sources=(f"{_POD}_node_name",), target="node")
# What an exporter tells of other pods must not carry the exporter's own.
_NOT_ITS_OWN = Relabel(action="labeldrop", regex="pod|container|namespace|endpoint")


def scrapes_of(variants: Sequence[str], *, file_system: bool, gpus: bool) -> tuple[Scrape, ...]:
    """What is scraped of a stack, but for the kubelets.

    Args:
        variants: Those that stand up.
        file_system: Whether there is one that CloudWatch tells of.
        gpus: Whether any node has one.
    """
    return (
        *_OF_EVERY_STACK,
        *([_dcgm(variants)] if gpus else ()),
        *([_CLOUDWATCH] if file_system else ()),
    )


def _dcgm(variants: Sequence[str]) -> Scrape:
    return Scrape(
        job="dcgm",
        namespace=EXPORTERS_NAMESPACE,
        pods=DCGM_PODS,
        port=DCGM_PORT,
        honest=True,
        relabel=(_NODE, _NOT_ITS_OWN),
        metric_relabel=(
            *(_variant_of_pod(variant) for variant in variants),
            # The node says it better, and a GPU keeps its UUID when its node is another.
            Relabel(action="labeldrop", regex="Hostname|pci_bus_id|device"),
        ),
    )


def meta(label: str) -> str:
    """`r1_on_eks_variant` of `r1-on-eks/variant`, as Prometheus names it."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", label)


def _kept(names: Sequence[str]) -> Relabel:
    return Relabel(sources=("__name__",), regex="|".join(names), action="keep")


def _dropped(names: Sequence[str]) -> Relabel:
    return Relabel(sources=("__name__",), regex="|".join(names), action="drop")


def _variant_of_pod(variant: str) -> Relabel:
    """DCGM's exporter knows the pod on a GPU; its name begins with the variant's Service."""
    return Relabel(
        sources=("namespace", "pod"),
        regex=f"{NAMESPACE};{service_name(variant)}-.+",
        replacement=variant,
        target="variant",
    )


_OF_EVERY_STACK = (
    Scrape(
        job="vllm",
        namespace=NAMESPACE,
        pods=SERVER_PODS,
        port=PORT,
        relabel=(
            Relabel(sources=(f"{_POD}_label_{meta(VARIANT_LABEL)}",), target="variant"),
            _NODE,
        ),
        # When a series began, of each of its buckets; and the interpreter's garbage.
        metric_relabel=(_dropped((".*_created", "python_gc_.*")),),
    ),
    Scrape(
        job="nginx",
        namespace=NAMESPACE,
        pods=GATEWAY_PODS,
        port=NGINX_METRICS_PORT,
        relabel=(_NODE,),
        # The exporter's own process is nobody's concern.
        metric_relabel=(_kept(("nginx_.*", "nginxexporter_build_info", "up")),),
    ),
    Scrape(
        job="gateway",
        namespace=NAMESPACE,
        pods=GATEWAY_PODS,
        port=GATEWAY_METRICS_PORT,
        path=METRICS_PATH,
        relabel=(_NODE,),
    ),
    Scrape(
        job="node",
        namespace=EXPORTERS_NAMESPACE,
        pods=NODE_EXPORTER_PODS,
        port=NODE_EXPORTER_PORT,
        relabel=(_NODE, _NOT_ITS_OWN),
        metric_relabel=(_dropped(("go_.*", "process_.*", "promhttp_.*")),),
    ),
    Scrape(
        job="kube-state-metrics",
        namespace=MONITORING_NAMESPACE,
        pods=KUBE_STATE_PODS,
        port=KUBE_STATE_PORT,
        honest=True,
        relabel=(_NOT_ITS_OWN,),
        metric_relabel=(_kept(_OF_KUBE_STATE),),
    ),
)
_CLOUDWATCH = Scrape(
    job="fsx",
    namespace=MONITORING_NAMESPACE,
    pods=CLOUDWATCH_PODS,
    port=CLOUDWATCH_PORT,
    interval_seconds=FSX_PERIOD_SECONDS,
    relabel=(_NOT_ITS_OWN,),
    metric_relabel=(_kept(("aws_fsx_.*", "yace_cloudwatch_requests_total")),),
)


KUBELET_JOB = "kubelet"


@dataclass(frozen=True, kw_only=True)
class KubeletScrape:
    """One path of every kubelet.

    Attributes:
        path: Where its metrics are.
        metric_relabel: Of each series.
    """

    path: str
    metric_relabel: tuple[Relabel, ...]


KUBELET_SCRAPES = (
    KubeletScrape(path="/metrics", metric_relabel=(_kept(_OF_THE_KUBELET),)),
    KubeletScrape(
        path="/metrics/cadvisor",
        metric_relabel=(
            _kept(_OF_CONTAINERS),
            # The node's own groups of processes belong to no pod.
            Relabel(sources=("pod",), regex=".+", action="keep"),
        ),
    ),
)
