"""The annotations and names that steer the provider, and those that it sets itself."""

import contextlib
import hashlib
import secrets
from typing import Any

from pulumi.runtime.proto import provider_pb2

from r1_on_eks.rehearsal.property_values import UNKNOWN

AUTONAMED = "pulumi.com/autonamed"
SKIP_AWAIT = "pulumi.com/skipAwait"
WAIT_FOR = "pulumi.com/waitFor"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
PATCH_FORCE = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"

DEFAULT_TIMEOUT_SECONDS = 600.0
Autonaming = provider_pb2.CheckRequest.AutonamingOptions


class NameMissing(Exception):
    """Auto-naming is switched off and the object has no name."""


def metadata(document: dict[str, Any]) -> dict[str, Any]:
    """The object's metadata, {} where it is missing or unknown."""
    found = document.get("metadata")
    return found if isinstance(found, dict) else {}


def annotation(document: dict[str, Any], key: str) -> str:
    """An annotation's value, "" where it is missing or unknown."""
    annotations = metadata(document).get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""


def name_of(document: dict[str, Any]) -> str:
    """The object's name, "" where it is missing or unknown."""
    name = metadata(document).get("name")
    return name if isinstance(name, str) else ""


def namespace_of(document: dict[str, Any]) -> str:
    """The object's namespace, "" where it is missing or unknown."""
    namespace = metadata(document).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def object_id(document: dict[str, Any]) -> str:
    """`namespace/name`, or the name alone for an object of the whole cluster."""
    namespace = namespace_of(document)
    return f"{namespace}/{name_of(document)}" if namespace else name_of(document)


def is_named(document: dict[str, Any]) -> bool:
    """Whether the program gave a name, known or not yet."""
    return metadata(document).get("name") is UNKNOWN or bool(name_of(document))


def is_autonamed(document: dict[str, Any]) -> bool:
    """Whether the name was made here."""
    return annotation(document, AUTONAMED) == "true"


def set_name(document: dict[str, Any], name: str) -> None:
    """Give a name and say that it was not the program's."""
    found = document.setdefault("metadata", {})
    if not isinstance(found, dict):
        return
    found["name"] = name
    annotations = found.setdefault("annotations", {})
    if isinstance(annotations, dict):
        annotations[AUTONAMED] = "true"


def new_name(logical_name: str, seed: bytes, autonaming: Autonaming | None) -> str:
    """A name for an object that the program left unnamed.

    Raises:
        NameMissing: The engine says that names must be given.
    """
    if autonaming is not None:
        if autonaming.mode == Autonaming.Mode.DISABLE:
            raise NameMissing(
                "autonaming is disabled, resource requires the .metadata.name field to be set"
            )
        if autonaming.proposed_name:
            return autonaming.proposed_name
    # The engine's seed makes the name of a preview that of the update.
    digits = hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(4)
    return f"{logical_name}-{digits[:8]}"


def new_field_manager() -> str:
    """The name under which one resource's fields are owned under server-side apply."""
    return f"pulumi-kubernetes-{secrets.token_hex(4)}"


def timeout_seconds(document: dict[str, Any], custom: float) -> float:
    """How long to wait: `customTimeouts`, then the annotation, then ten minutes."""
    if custom:
        return custom
    with contextlib.suppress(ValueError):
        return float(int(annotation(document, TIMEOUT_SECONDS)))
    return DEFAULT_TIMEOUT_SECONDS


def deletion_propagation(document: dict[str, Any]) -> str:
    """How dependents are deleted: in the foreground unless the annotation says otherwise."""
    wanted = annotation(document, DELETION_PROPAGATION).lower()
    return {"orphan": "Orphan", "background": "Background"}.get(wanted, "Foreground")
