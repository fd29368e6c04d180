"""Empties a node before its instance ends, as EKS does: by evictions, which budgets may refuse."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

# A budget allows no more (429), two budgets hold the same pod (500), the pod has gone (404).
_ASKED_AGAIN = (429, 500, 404)
_BETWEEN_TRIES_S = 0.3


def drain(
    admin_kubeconfig: Path, node: str, cordoned: Iterable[str], *, patience_s: float, force: bool
) -> list[str]:
    """Evicts the pods of `node` and waits until they are gone.

    Args:
        admin_kubeconfig: Of the cluster.
        node: The node that is to end.
        cordoned: Nodes that take no new pods from now on, `node` among them.
        patience_s: For budgets to allow each eviction, and for the pods to end.
        force: Pods that are left then are deleted.

    Returns:
        `namespace/name` of the pods that are left; DaemonSets' pods end with the node.
    """
    with config.new_client_from_config(str(admin_kubeconfig)) as api:
        core = client.CoreV1Api(api)
        for each in cordoned:
            core.patch_node(each, {"spec": {"unschedulable": True}})
        deadline = time.monotonic() + patience_s
        while (pods := _pods(core, node)) and time.monotonic() < deadline:
            for pod in pods:
                _evict(core, pod)
            time.sleep(_BETWEEN_TRIES_S)
        if force:
            for pod in pods:
                _delete(core, pod)
            return []
        return sorted(f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in pods)


def _pods(core: client.CoreV1Api, node: str) -> list[Any]:
    found: list[Any] = core.list_pod_for_all_namespaces(
        field_selector=f"spec.nodeName={node}"
    ).items
    return [
        pod
        for pod in found
        if pod.status.phase not in ("Succeeded", "Failed")
        and all(owner.kind != "DaemonSet" for owner in pod.metadata.owner_references or [])
    ]


def _evict(core: client.CoreV1Api, pod: Any) -> None:
    """Asks for one eviction; a budget that refuses it is asked again later."""
    if pod.metadata.deletion_timestamp:
        return
    name, namespace = pod.metadata.name, pod.metadata.namespace
    body = client.V1Eviction(metadata=client.V1ObjectMeta(name=name, namespace=namespace))
    try:
        core.create_namespaced_pod_eviction(name, namespace, body)
    except ApiException as refused:
        if refused.status not in _ASKED_AGAIN:
            raise


def _delete(core: client.CoreV1Api, pod: Any) -> None:
    try:
        core.delete_namespaced_pod(
            pod.metadata.name, pod.metadata.namespace, grace_period_seconds=0
        )
    except ApiException as refused:
        if refused.status != 404:
            raise
