"""The wait after an object was created or updated."""

from dataclasses import replace
from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.annotations import object_id
from r1_on_eks.rehearsal.kubernetes_provider.engine_log import WARNING
from r1_on_eks.rehearsal.kubernetes_provider.waits.choose import FIXED_SECONDS, wait_for_object
from r1_on_eks.rehearsal.kubernetes_provider.waits.progress import (
    NotReady,
    Watching,
    rehearsal_patience,
    wait_until_ready,
)
from r1_on_eks.rehearsal.kubernetes_provider.waits.storage_and_network import ServiceWait
from r1_on_eks.rehearsal.kubernetes_provider.waits.stuck import Patience
from r1_on_eks.rehearsal.kubernetes_provider.waits.wait_for import ExpressionWrong


def wait_after_write(
    watching: Watching, inputs: dict[str, Any], live: dict[str, Any], *, created: bool
) -> dict[str, Any]:
    """Wait as the object's kind and annotations ask; returns its state at the end.

    Raises:
        NotReady: It didn't become ready.
    """
    try:
        wait = wait_for_object(watching.cluster, inputs, live, created=created)
    except ExpressionWrong as error:
        raise NotReady(str(error), live, []) from error
    if wait is None:
        return live
    if live["apiVersion"] == "v1":
        watching = replace(watching, seconds=FIXED_SECONDS.get(live["kind"], watching.seconds))
    patience = rehearsal_patience()
    if patience is not None:
        watching = replace(watching, stuck=Patience(watching.cluster, patience).reason)
    ready = wait_until_ready(watching, live, wait)
    if isinstance(wait, ServiceWait) and wait.no_pods:
        selector = ready["spec"].get("selector")
        text = f"Service {object_id(ready)} targets no pods: none has the labels {selector}"
        watching.log.line(watching.urn, text, WARNING)
    return ready
