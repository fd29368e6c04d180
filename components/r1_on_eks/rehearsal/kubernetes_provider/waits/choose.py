"""Which wait an object gets."""

from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.annotations import (
    SKIP_AWAIT,
    WAIT_FOR,
    annotation,
)
from r1_on_eks.rehearsal.kubernetes_provider.cluster import Cluster
from r1_on_eks.rehearsal.kubernetes_provider.waits.pods import PodWait
from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import Wait
from r1_on_eks.rehearsal.kubernetes_provider.waits.storage_and_network import (
    ClaimWait,
    ReplicationControllerWait,
    ResourceQuotaWait,
    ServiceWait,
    TokenSecretWait,
    VolumeWait,
)
from r1_on_eks.rehearsal.kubernetes_provider.waits.wait_for import ExpressionWait
from r1_on_eks.rehearsal.kubernetes_provider.waits.workloads import (
    DaemonSetWait,
    DeploymentWait,
    JobWait,
    StatefulSetWait,
)

# The official provider gives these a time of their own, whatever `customTimeouts` says
# (provider/pkg/await/awaiters.go).
FIXED_SECONDS = {
    "PersistentVolume": 300.0,
    "PersistentVolumeClaim": 300.0,
    "ResourceQuota": 60.0,
    "Secret": 5.0,
    "ReplicationController": 600.0,
}
WAITED_FOR_ON_READ = {"Deployment", "StatefulSet", "DaemonSet", "Job", "Pod", "Service"}


def wait_for_object(
    cluster: Cluster,
    inputs: dict[str, Any],
    live: dict[str, Any],
    *,
    created: bool,
) -> Wait | None:
    """The wait after an object was written; None where nothing is awaited.

    Raises:
        ExpressionWrong: The waitFor annotation can't be read.
    """
    if annotation(inputs, SKIP_AWAIT) == "true":
        return None
    expressions = annotation(live, WAIT_FOR)
    if expressions:
        return ExpressionWait(expressions)
    return _by_kind(cluster, live, created)


def check_for_read(cluster: Cluster, live: dict[str, Any]) -> Wait | None:
    """The judgement when an object is refreshed; None where none is made."""
    if live.get("kind") not in WAITED_FOR_ON_READ:
        return None
    if (live["apiVersion"], live["kind"]) == ("v1", "Service"):
        return ServiceWait(cluster, settled=True)
    return _by_kind(cluster, live, created=False)


def _by_kind(cluster: Cluster, live: dict[str, Any], created: bool) -> Wait | None:
    match live["apiVersion"], live["kind"]:
        case "apps/v1", "Deployment":
            return DeploymentWait(cluster)
        case "apps/v1", "StatefulSet":
            return StatefulSetWait(cluster)
        case "apps/v1", "DaemonSet":
            return DaemonSetWait(cluster)
        case "batch/v1", "Job":
            return JobWait(cluster)
        case "v1", kind:
            return _core_wait(cluster, live, kind, created)
        case _:
            return None


def _core_wait(cluster: Cluster, live: dict[str, Any], kind: str, created: bool) -> Wait | None:
    match kind:
        case "Pod":
            return PodWait()
        case "PersistentVolume":
            return VolumeWait()
        case "PersistentVolumeClaim":
            return ClaimWait(cluster, created)
        case "Service":
            return ServiceWait(cluster)
        case "ReplicationController":
            return ReplicationControllerWait()
        case "ResourceQuota":
            return ResourceQuotaWait()
        case "Secret" if live.get("type") == "kubernetes.io/service-account-token":
            return TokenSecretWait()
        case _:
            return None
