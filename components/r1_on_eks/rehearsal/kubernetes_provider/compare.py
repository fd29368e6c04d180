"""Diff: what the new inputs change, whether they replace the object, and in which order."""

from typing import Any

from pulumi.runtime.proto import provider_pb2

from r1_on_eks.rehearsal.kubernetes_provider.annotations import (
    is_autonamed,
    is_named,
    name_of,
    namespace_of,
)
from r1_on_eks.rehearsal.kubernetes_provider.checkpoint import read_checkpoint, to_document
from r1_on_eks.rehearsal.kubernetes_provider.diff import (
    detailed_diff,
    parsed_path,
    pruned,
    replacing,
    without_ignored,
)
from r1_on_eks.rehearsal.kubernetes_provider.force_new import force_new_paths
from r1_on_eks.rehearsal.kubernetes_provider.normalize import built_in, normalized
from r1_on_eks.rehearsal.kubernetes_provider.session import Session

EMPTY: tuple[Any, ...] = (False, "", 0)


def compare(
    olds: dict[str, Any],
    news: dict[str, Any],
    ignored: list[str],
    session: Session,
) -> provider_pb2.DiffResponse:
    """Compare an object's state with new inputs.

    Args:
        olds: The state, as `write_checkpoint` made it.
        news: The inputs, as Check returned them.
        ignored: The paths of `ignoreChanges`.
        session: With or without a cluster.
    """
    checkpoint = read_checkpoint(olds)
    schemas = session.schemas()
    inputs = normalized(to_document(news), schemas)
    old_inputs = normalized(checkpoint.inputs, schemas)
    live = pruned(checkpoint.live, old_inputs)
    _align(live, inputs, checkpoint.live, session)
    force_new = force_new_paths(
        inputs,
        config_map_mutable=session.settings.config_map_mutable,
        secret_mutable=session.settings.secret_mutable,
    )
    differences = detailed_diff(live, inputs, force_new)
    if built_in(inputs):
        differences = {
            path: difference
            for path, difference in differences.items()
            if not _dropped_by_server(path, old_inputs, inputs, live)
        }
    differences = without_ignored(differences, ignored)
    replaces = replacing(differences)
    changed = (
        provider_pb2.DiffResponse.DIFF_SOME if differences else provider_pb2.DiffResponse.DIFF_NONE
    )
    return provider_pb2.DiffResponse(
        changes=changed,
        replaces=replaces,
        detailedDiff=differences,
        hasDetailedDiff=True,
        deleteBeforeReplace=bool(replaces) and _same_place(inputs, checkpoint.live),
    )


def _align(
    live: dict[str, Any],
    inputs: dict[str, Any],
    whole: dict[str, Any],
    session: Session,
) -> None:
    """Take out of the comparison what the server fills in for every object."""
    namespaced = session.namespaced(str(inputs.get("apiVersion")), str(inputs.get("kind")))
    if namespaced is None:
        namespaced = bool(namespace_of(whole)) or not built_in(inputs)
    for document in (live, inputs):
        metadata = document.setdefault("metadata", {})
        if not isinstance(metadata, dict):
            continue
        if not namespaced:
            metadata.pop("namespace", None)
        elif not metadata.get("namespace"):
            metadata["namespace"] = "default"
    live.setdefault("apiVersion", inputs.get("apiVersion"))
    live.setdefault("kind", inputs.get("kind"))
    live["metadata"].pop("resourceVersion", None)
    if name_of(inputs):
        live["metadata"]["name"] = name_of(whole)


def _dropped_by_server(
    path: str,
    old_inputs: dict[str, Any],
    inputs: dict[str, Any],
    live: dict[str, Any],
) -> bool:
    """Whether the server keeps no trace of an empty value that was sent before as well."""
    steps = parsed_path(path)
    new = _at(inputs, steps)
    empty = new in EMPTY or new in ([], {})
    return empty and _at(live, steps) is None and _at(old_inputs, steps) == new


def _at(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return None
            value = value[step]
        elif not isinstance(value, dict):
            return None
        else:
            value = value.get(step)
    return value


def _same_place(inputs: dict[str, Any], live: dict[str, Any]) -> bool:
    """Whether the replacement would have the old one's name, so that the old must go first."""
    return (
        is_named(inputs)
        and not is_autonamed(inputs)
        and name_of(inputs) == name_of(live)
        and namespace_of(inputs) == namespace_of(live)
    )
