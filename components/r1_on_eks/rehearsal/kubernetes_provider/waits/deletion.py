"""Waiting until a deleted object is gone."""

import time
from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.annotations import (
    SKIP_AWAIT,
    annotation,
    namespace_of,
)
from r1_on_eks.rehearsal.kubernetes_provider.discovery import KindMissing
from r1_on_eks.rehearsal.kubernetes_provider.engine_log import WARNING
from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import (
    POLL_SECONDS,
    NotReady,
    Watching,
)

# Only these honour skipAwait when they are deleted (provider/pkg/metadata/overrides.go).
SKIPPABLE = {
    ("v1", "Namespace"),
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
}


def wait_until_gone(
    watching: Watching,
    inputs: dict[str, Any],
    live: dict[str, Any],
    name: str,
) -> None:
    """Watch until the object no longer exists, or another has taken its name.

    Raises:
        NotReady: It still exists when the time is over, or the engine asked to stop.
    """
    api_version, kind = live["apiVersion"], live["kind"]
    if (api_version, kind) in SKIPPABLE and annotation(inputs, SKIP_AWAIT) == "true":
        return
    uid = live.get("metadata", {}).get("uid")
    deadline = time.monotonic() + watching.seconds
    while True:
        try:
            found = watching.cluster.find(api_version, kind, namespace_of(live), name)
        except KindMissing:
            return
        if found is None or (uid and found["metadata"]["uid"] != uid):
            watching.log.clear(watching.urn)
            return
        if time.monotonic() >= deadline:
            finalizers = ", ".join(found["metadata"].get("finalizers") or [])
            message = f"finalizers might be preventing deletion ({finalizers})"
            watching.log.line(watching.urn, message, WARNING)
            raise NotReady("timed out waiting for the condition", found, [message])
        watching.log.status(watching.urn, "Resource scheduled for deletion")
        if watching.cluster.cancelled.wait(POLL_SECONDS):
            raise NotReady(f'Resource operation was cancelled for "{name}"', found, [])
