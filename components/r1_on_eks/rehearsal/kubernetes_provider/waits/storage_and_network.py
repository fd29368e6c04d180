"""Volumes, claims, Services and other objects that someone else completes."""

import time
from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.annotations import name_of, namespace_of
from r1_on_eks.rehearsal.kubernetes_provider.cluster import Cluster
from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import Progress

SETTLE_SECONDS = 10.0
NO_PODS = (
    "Service does not target any Pods. Selected Pods may not be ready, or field "
    "'.spec.selector' may not match labels on any Pods"
)
NO_ADDRESS = "Service was not allocated an IP address; does your cloud provider support this?"


class VolumeWait:
    """A PersistentVolume is available or bound."""

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the volume."""
        phase = _phase(live)
        return Progress(phase in ("Available", "Bound"), f"PV is {phase or 'new'}")


class ClaimWait:
    """A claim is bound; with a class that waits for its first consumer, pending is enough."""

    def __init__(self, cluster: Cluster, created: bool) -> None:
        self._cluster = cluster
        self._created = created

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the claim."""
        phase = _phase(live)
        if not self._created and phase == "Bound":
            return Progress(True)
        done = phase == ("Pending" if self._waits_for_consumer(live) else "Bound")
        text = f"PersistentVolumeClaim is {phase or 'new'}"
        return Progress(done, text, [] if done else [text])

    def _waits_for_consumer(self, live: dict[str, Any]) -> bool:
        name = live["spec"].get("storageClassName")
        if not name:
            return False
        found = self._cluster.find("storage.k8s.io/v1", "StorageClass", "", name)
        return bool(found) and found.get("volumeBindingMode") == "WaitForFirstConsumer"


class ServiceWait:
    """A Service with a selector has endpoints that have been quiet for ten seconds.

    As in the official provider, one whose selector matches no pod counts as ready then.
    """

    def __init__(self, cluster: Cluster, settled: bool = False) -> None:
        self._cluster = cluster
        self._settled = settled
        self._version = ""
        self._changed = time.monotonic()
        self.no_pods = False

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the Service and its Endpoints."""
        spec = live["spec"]
        ready = spec.get("type") != "LoadBalancer" or bool(
            ((live.get("status") or {}).get("loadBalancer") or {}).get("ingress")
        )
        if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
            return Progress(ready, "Waiting for a load balancer", [])
        if not spec.get("selector"):
            return Progress(ready, "Waiting for a load balancer", [] if ready else [NO_ADDRESS])
        endpoints = self._cluster.find("v1", "Endpoints", namespace_of(live), name_of(live)) or {
            "metadata": {}
        }
        version = endpoints["metadata"].get("resourceVersion", "")
        if version != self._version:
            self._version, self._changed = version, time.monotonic()
        subsets = endpoints.get("subsets") or []
        targets = any(subset.get("addresses") for subset in subsets)
        pending = any(subset.get("notReadyAddresses") for subset in subsets)
        quiet = time.monotonic() - self._changed >= SETTLE_SECONDS
        settled = self._settled or (bool(version) and quiet)
        self.no_pods = not targets and not pending
        reasons = [] if targets else [NO_PODS]
        if not ready:
            reasons.append(NO_ADDRESS)
        if ready and settled and not pending:
            return Progress(True)
        text = (
            "[2/3] Attempting to allocate IP address to Service"
            if settled and targets
            else "[1/3] Finding Pods to direct traffic to"
        )
        return Progress(False, text, reasons, pods=self._pods(live) if pending else [])

    def _pods(self, live: dict[str, Any]) -> list[dict[str, Any]]:
        labels = ",".join(f"{key}={value}" for key, value in live["spec"]["selector"].items())
        return self._cluster.list("v1", "Pod", namespace_of(live), labelSelector=labels)


class ReplicationControllerWait:
    """As many replicas are available as wanted."""

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the controller."""
        wanted = live["spec"].get("replicas")
        available = (live.get("status") or {}).get("availableReplicas", 0)
        return Progress(wanted == available, f"{available}/{wanted} replicas available")


class ResourceQuotaWait:
    """The quota controller has taken over the limits."""

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the quota."""
        hard = (live.get("status") or {}).get("hard")
        return Progress(hard == live["spec"].get("hard"), "Waiting for the quota's status")


class TokenSecretWait:
    """A service account's token Secret has been filled in."""

    def look(self, live: dict[str, Any]) -> Progress:
        """Judge the Secret."""
        return Progress(bool(live.get("data")), "Waiting for the token")


def _phase(live: dict[str, Any]) -> str:
    return str((live.get("status") or {}).get("phase", ""))
