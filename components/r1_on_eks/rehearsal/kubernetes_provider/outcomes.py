"""What comes of an operation when it isn't simply done: failures, refused previews, imports."""

from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.cluster import ALREADY_EXISTS, Cancelled
from r1_on_eks.rehearsal.kubernetes_provider.connection import ApiRefused
from r1_on_eks.rehearsal.kubernetes_provider.discovery import KindMissing
from r1_on_eks.rehearsal.kubernetes_provider.normalize import SERVER_SET

Properties = dict[str, Any]


class Failed(Exception):
    """An operation that didn't succeed.

    Attributes:
        object_id: Of the object that exists nevertheless.
        state: Its checkpoint; None where there is nothing to keep.
        reasons: More than the message says.
        inputs: For a refresh, the inputs as they are live.
    """

    def __init__(
        self,
        message: str,
        *,
        object_id: str = "",
        state: Properties | None = None,
        reasons: list[str] | None = None,
        inputs: Properties | None = None,
    ) -> None:
        super().__init__(message)
        self.object_id = object_id
        self.state = state
        self.reasons = reasons or []
        self.inputs = inputs


def inputs_of(live: Properties) -> Properties:
    """What a program would have to declare for an object that it imports."""
    inputs = {key: value for key, value in live.items() if key != "status"}
    metadata = {key: value for key, value in live["metadata"].items() if key not in SERVER_SET}
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key
        not in (
            "deployment.kubernetes.io/revision",
            "kubectl.kubernetes.io/last-applied-configuration",
        )
    }
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    inputs["metadata"] = metadata
    return inputs


def no_preview(error: ApiRefused) -> bool:
    """Whether a dry run can't tell: not allowed, no namespace yet, or there before a replace."""
    return (
        error.code == 403
        or error.about_namespace
        or error.reason == "AlreadyExists"
        or "does not support dry run" in str(error)
    )


def creation_refused(urn: str, error: Exception) -> Failed:
    """What to say when nothing was created."""
    if isinstance(error, Cancelled):
        return Failed("the creation was cancelled before the object existed")
    if isinstance(error, KindMissing):
        return Failed(
            f'creation of resource "{urn}" failed because the Kubernetes API server reported that '
            "the apiVersion for this resource does not exist. Verify that any required CRDs have "
            f"been created: {error}"
        )
    exists = isinstance(error, ApiRefused) and error.reason == "AlreadyExists"
    return Failed(
        f'resource "{urn}" was not successfully created by the Kubernetes API server: {error}'
        + (f"\n{ALREADY_EXISTS}" if exists else "")
    )
