"""Deployment, StatefulSet, DaemonSet, Job: ready when their pods are."""

from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.cluster import Cluster
from r1_on_eks.rehearsal.kubernetes_provider.waits.pods import (
    condition,
    owned_by,
    pod_errors,
    qualified_name,
)
from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import Progress

REVISION = "deployment.kubernetes.io/revision"
TOO_FEW_LIVE = "Minimum number of live Pods was not attained"
TOO_FEW_FOR_APPLICATION = (
    "Minimum number of Pods to consider the application live was not attained"
)
ROLL_FORWARD_FAILED = (
    "Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live"
)


class DeploymentWait:
    """The newest ReplicaSet has its pods ready, the Deployment is available, claims are bound."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the Deployment with its ReplicaSet, pods and claims."""
        if _observed(live) != live["metadata"].get("generation"):
            return Progress(False, "Waiting for the Deployment controller", [TOO_FEW_LIVE])
        namespace = live["metadata"].get("namespace", "")
        revision = (live["metadata"].get("annotations") or {}).get(REVISION, "0")
        replica_set = self._replica_set(live, namespace, revision)
        wanted = int(((replica_set or {}).get("spec") or {}).get("replicas", 1))
        ready = int(((replica_set or {}).get("status") or {}).get("readyReplicas", 0))
        unbound = self._unbound_claims(live, namespace)
        available = condition(live, "Available").get("status") == "True"
        progressing = condition(live, "Progressing")
        rolled_out = (
            progressing.get("status") == "True"
            and progressing.get("reason") == "NewReplicaSetAvailable"
        )
        replicas_ready = replica_set is not None and ready >= wanted
        if available and replicas_ready and not unbound and (revision == "1" or rolled_out):
            return Progress(True)
        pods = self._pods(replica_set, namespace)
        reasons = _condition_errors(live)
        if unbound:
            failed = ",".join(unbound)
            reasons.append(f'Failed to bind PersistentVolumeClaim(s): "{failed}"')
        if not available:
            reasons.append(TOO_FEW_LIVE)
        elif revision == "1" or not rolled_out:
            reasons.append(TOO_FEW_FOR_APPLICATION)
        else:
            reasons.append(ROLL_FORWARD_FAILED)
        status = f"Waiting for app ReplicaSet to be available ({ready}/{wanted} Pods available)"
        return Progress(False, status, [*reasons, *pod_errors(pods)], pods=pods)

    def _replica_set(
        self,
        live: dict[str, Any],
        namespace: str,
        revision: str,
    ) -> dict[str, Any] | None:
        for found in self._cluster.list("apps/v1", "ReplicaSet", namespace):
            annotations = found["metadata"].get("annotations") or {}
            if owned_by(found, live) and annotations.get(REVISION) == revision:
                return found
        return None

    def _pods(self, replica_set: dict[str, Any] | None, namespace: str) -> list[dict[str, Any]]:
        if replica_set is None:
            return []
        pods = self._cluster.list("v1", "Pod", namespace)
        return [pod for pod in pods if owned_by(pod, replica_set)]

    def _unbound_claims(self, live: dict[str, Any], namespace: str) -> list[str]:
        unbound: list[str] = []
        for volume in live["spec"]["template"]["spec"].get("volumes") or []:
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if not name:
                continue
            claim = self._cluster.find("v1", "PersistentVolumeClaim", namespace, name)
            if claim and (claim.get("status") or {}).get("phase") != "Bound":
                unbound.append(name)
        return unbound


class StatefulSetWait:
    """All replicas are ready and of the newest revision."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the StatefulSet."""
        status = live.get("status") or {}
        wanted = int(live["spec"].get("replicas", 0))
        ready = int(status.get("readyReplicas", 0))
        current, target = status.get("currentRevision", ""), status.get("updateRevision", "")
        generation = int(live["metadata"].get("generation", 0))
        replicas_ready = wanted == int(status.get("replicas", 0)) == ready
        strategy = (live["spec"].get("updateStrategy") or {}).get("type")
        if generation > 1 and strategy == "OnDelete":
            revision_ready = True
        else:
            revision_ready = bool(current) and current == target
            replicas_ready = replicas_ready and int(status.get("currentReplicas", 0)) == wanted
        observed = _observed(live) >= generation
        if observed and replicas_ready and revision_ready:
            return Progress(True)
        pods = _owned_pods(self._cluster, live)
        reasons: list[str] = []
        if not replicas_ready or not observed:
            reasons.append(f"{ready} out of {wanted} replicas succeeded readiness checks")
        if not revision_ready:
            reasons.append(
                "StatefulSet controller failed to advance from revision "
                f'"{current}" to revision "{target}"'
            )
        text = (
            f"[1/2] Waiting for StatefulSet to create Pods ({ready}/{wanted} Pods ready)"
            if generation <= 1
            else f"[1/3] Waiting for StatefulSet update to roll out ({ready}/{wanted} Pods ready)"
        )
        return Progress(False, text, [*reasons, *pod_errors(pods)], pods=pods)


class DaemonSetWait:
    """Every node that should run a pod runs a new one that is ready."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the DaemonSet."""
        status = live.get("status") or {}
        if _observed(live) != live["metadata"].get("generation"):
            return Progress(False, "Waiting for the DaemonSet controller")
        wanted = int(status.get("desiredNumberScheduled", 0))
        scheduled = int(status.get("currentNumberScheduled", 0))
        counts = (
            ("Current", scheduled),
            ("Updated", int(status.get("updatedNumberScheduled", 0))),
            ("Available", int(status.get("numberAvailable", 0))),
            ("Ready", int(status.get("numberReady", 0))),
        )
        for label, count in counts:
            if count < wanted:
                pods = _owned_pods(self._cluster, live)
                text = f"{label}: {count}/{wanted}"
                return Progress(False, text, [text, *pod_errors(pods)], pods=pods)
        return Progress(True)


class JobWait:
    """The Job has completed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the Job."""
        status = live.get("status") or {}
        name = qualified_name(live)
        failed = condition(live, "Failed")
        if failed.get("status") == "True" and failed.get("reason") in (
            "BackoffLimitExceeded",
            "DeadlineExceeded",
        ):
            pods = _owned_pods(self._cluster, live)
            reason = f"[{failed['reason']}] {failed.get('message', '')}"
            return Progress(False, "", [reason, *pod_errors(pods)], failed=True)
        if condition(live, "Complete").get("status") == "True":
            return Progress(True)
        pods = _owned_pods(self._cluster, live)
        if not status.get("startTime"):
            return Progress(False, f'Waiting for Job "{name}" to start', pods=pods)
        counts = (
            f"(Active: {status.get('active', 0)} | Succeeded: {status.get('succeeded', 0)}"
            f" | Failed: {status.get('failed', 0)})"
        )
        text = f'Waiting for Job "{name}" to succeed {counts}'
        return Progress(False, text, pod_errors(pods), pods=pods)


def _observed(live: dict[str, Any]) -> int:
    return int((live.get("status") or {}).get("observedGeneration", -1))


def _owned_pods(cluster: Cluster, live: dict[str, Any]) -> list[dict[str, Any]]:
    pods = cluster.list("v1", "Pod", live["metadata"].get("namespace", ""))
    return [pod for pod in pods if owned_by(pod, live)]


def _condition_errors(live: dict[str, Any]) -> list[str]:
    errors: list[str] = []
    for kind in ("Progressing", "Available"):
        found = condition(live, kind)
        if found.get("status") == "False":
            errors.append(f"[{found.get('reason')}] {found.get('message')}")
    return errors
