"""Why something in a rehearsal will never be ready, said so that a person knows what to change.

On AWS a pod may be Pending for minutes until its node comes; in a rehearsal all nodes are there
when the workload is declared, so one that the scheduler refused for seconds stays refused.
"""

import time
from decimal import Decimal
from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.annotations import name_of, namespace_of
from r1_on_eks.rehearsal.kubernetes_provider.cluster import Cluster
from r1_on_eks.rehearsal.kubernetes_provider.normalize import quantity_value
from r1_on_eks.rehearsal.kubernetes_provider.waits.pods import condition
from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import Progress

# The volume controller looks again at a claim after 15 s (kube-controller-manager,
# --pvclaimbinder-sync-period): until then one without any message may still be bound.
RESYNC_SECONDS = 20.0


class Patience:
    """Remembers since when something is stuck, and says why once that is too long."""

    def __init__(self, cluster: Cluster, seconds: float) -> None:
        self._cluster = cluster
        self._seconds = seconds
        self._since: dict[str, float] = {}

    def reason(self, live: dict[str, Any], progress: Progress) -> str | None:
        """Why the object will never be ready; None while it still may be."""
        for pod in progress.pods:
            scheduled = condition(pod, "PodScheduled")
            unschedulable = scheduled.get("reason") == "Unschedulable"
            if unschedulable and self._too_long(pod["metadata"]["uid"]):
                return self._pending_pod(pod, str(scheduled.get("message", "")))
        uid = live["metadata"]["uid"]
        refused = condition(live, "ReplicaFailure")
        if refused.get("status") == "True" and self._too_long(f"replicas of {uid}"):
            return f"no pod of {name_of(live)} can be created: {refused.get('message', '')}"
        if live["kind"] == "PersistentVolumeClaim" and self._too_long(uid):
            why = self._why_unbound(live)
            if why or time.monotonic() - self._since[uid] >= RESYNC_SECONDS:
                return f"claim {name_of(live)} is Pending{why}"
        return None

    def _too_long(self, uid: str) -> bool:
        since = self._since.setdefault(uid, time.monotonic())
        return time.monotonic() - since >= self._seconds

    def _pending_pod(self, pod: dict[str, Any], message: str) -> str:
        text = f"pod {name_of(pod)} is Pending: {message}"
        advice = self._unbound_claim(pod) or placement_advice(
            pod, self._cluster.list("v1", "Node", "")
        )
        return f"{text}: {advice}" if advice else text

    def _unbound_claim(self, pod: dict[str, Any]) -> str:
        for volume in pod["spec"].get("volumes") or []:
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if not name:
                continue
            claim = self._cluster.find("v1", "PersistentVolumeClaim", namespace_of(pod), name)
            if claim is None:
                return f"its claim {name} does not exist in namespace {namespace_of(pod)}"
            if (claim.get("status") or {}).get("phase") == "Pending":
                return f"claim {name} is Pending{self._why_unbound(claim)}"
        return ""

    def _why_unbound(self, claim: dict[str, Any]) -> str:
        events = self._cluster.list(
            "v1",
            "Event",
            namespace_of(claim),
            fieldSelector=f"involvedObject.uid={claim['metadata']['uid']}",
        )
        said = sorted(events, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime")))
        reason = f": {said[-1].get('message')}" if said else ""
        volume = claim["spec"].get("volumeName")
        if volume and self._cluster.find("v1", "PersistentVolume", "", volume) is None:
            reason += f": its volume {volume} does not exist"
        return reason


def placement_advice(pod: dict[str, Any], nodes: list[dict[str, Any]]) -> str:
    """What keeps a pod off the node that it fits best, "" where nothing on a node explains it."""
    if not nodes:
        return "the cluster has no nodes"
    (taints, labels, resources), name = min(
        ((_faults(pod, node), node["metadata"]["name"]) for node in nodes),
        key=lambda judged: _weight(judged[0]),
    )
    if not (taints or labels or resources):
        return (
            f"it would fit on an empty {name}, but other pods hold the room (a rolling update "
            "needs room for one more pod, unless its strategy is Recreate or maxSurge 0)"
        )
    advice: list[str] = []
    for taint in taints:
        value = f"={taint['value']}" if taint.get("value") else ""
        advice.append(f"add a toleration for {taint['key']}{value}:{taint['effect']}")
    advice += [f"no node that would fit has the label {label}" for label in labels]
    for resource, (wanted, has) in resources.items():
        advice.append(f"it asks for {wanted} {resource}, the node that fits best has {has}")
    return "; ".join(advice)


_Faults = tuple[list[dict[str, Any]], list[str], dict[str, tuple[str, str]]]


def _weight(faults: _Faults) -> tuple[int, int, int]:
    taints, labels, resources = faults
    # A missing label means another kind of node; a taint is what a toleration is for.
    return (len(labels), len(resources), len(taints))


def _faults(pod: dict[str, Any], node: dict[str, Any]) -> _Faults:
    spec = pod["spec"]
    taints = [
        taint
        for taint in node["spec"].get("taints") or []
        if taint.get("effect") in ("NoSchedule", "NoExecute")
        and not any(_tolerates(t, taint) for t in spec.get("tolerations") or [])
    ]
    have = node["metadata"].get("labels") or {}
    labels = [
        f"{key}={value}"
        for key, value in (spec.get("nodeSelector") or {}).items()
        if have.get(key) != value
    ]
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    resources = {
        name: (str(wanted), str(allocatable.get(name, "none")))
        for name, wanted in _requests(spec).items()
        if quantity_value(allocatable.get(name, "0")) < wanted
    }
    return taints, labels, resources


def _requests(spec: dict[str, Any]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or []:
        for name, amount in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = total.get(name, Decimal(0)) + quantity_value(amount)
    return total


def _tolerates(toleration: dict[str, Any], taint: dict[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    if toleration["key"] != taint["key"]:
        return False
    exists = toleration.get("operator", "Equal") == "Exists"
    return exists or toleration.get("value", "") == taint.get("value", "")
