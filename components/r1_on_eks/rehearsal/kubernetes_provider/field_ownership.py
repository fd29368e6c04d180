"""Who owns which field of an object, where the official provider moves or respects it."""

import copy
from typing import Any

# Owners whose fields the first server-side update takes over: objects are created with a plain
# POST by `pulumi-kubernetes`, or were applied with kubectl before they were imported.
_TAKEN_OVER = {
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("pulumi-kubernetes", "Update"),
    ("pulumi-kubernetes.exe", "Update"),
    ("pulumi-resource-kubernetes", "Update"),
}


def has_client_side_owner(live: dict[str, Any]) -> bool:
    """Whether fields still belong to this provider's plain creates."""
    return any(
        entry.get("operation") == "Update"
        and entry.get("manager", "").startswith("pulumi-")
        and (entry["manager"], "Update") in _TAKEN_OVER
        for entry in live["metadata"].get("managedFields") or []
    )


def take_over_patch(live: dict[str, Any], field_manager: str) -> list[dict[str, Any]]:
    """A JSON patch that gives `field_manager` the fields of the owners it follows; [] for none."""
    entries = live["metadata"].get("managedFields") or []
    followed = [entry for entry in entries if _is_followed(entry)]
    if not followed:
        return []
    kept = [copy.deepcopy(entry) for entry in entries if not _is_followed(entry)]
    own = next(
        (
            entry
            for entry in kept
            if entry.get("manager") == field_manager
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        ),
        None,
    )
    if own is None:
        own = {**copy.deepcopy(followed[0]), "manager": field_manager, "operation": "Apply"}
        kept.append(own)
    for entry in followed:
        own["fieldsV1"] = _union(own.get("fieldsV1") or {}, entry.get("fieldsV1") or {})
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
        {
            "op": "replace",
            "path": "/metadata/resourceVersion",
            "value": live["metadata"]["resourceVersion"],
        },
    ]


def respect_ignored(
    document: dict[str, Any],
    live: dict[str, Any],
    ignored: list[list[str | int]],
    field_manager: str,
) -> None:
    """Change the inputs so that an apply leaves ignored fields as they are.

    Args:
        document: The new inputs, changed in place: a field that someone else owns is left out, any
            other takes the live value.
        live: The object now.
        ignored: The paths of `ignoreChanges`.
        field_manager: Whose fields are ours.
    """
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    for entry in live["metadata"].get("managedFields") or []:
        mine = entry.get("manager") == field_manager or _is_followed(entry)
        fields = entry.get("fieldsV1") or {}
        ours, theirs = (_union(ours, fields), theirs) if mine else (ours, _union(theirs, fields))
    for path in ignored:
        keys = [str(step) for step in path]
        if _owned(theirs, keys) and not _owned(ours, keys):
            _remove(document, keys)
            continue
        value, found = _value_at(live, keys)
        if found:
            _put(document, keys, value)


def _is_followed(entry: dict[str, Any]) -> bool:
    key = (entry.get("manager", ""), entry.get("operation", ""))
    return key in _TAKEN_OVER and not entry.get("subresource")


def _union(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    result = dict(left)
    for key, value in right.items():
        result[key] = _union(result[key], value) if key in result else value
    return result


def _owned(fields: dict[str, Any], keys: list[str]) -> bool:
    for key in keys:
        if f"f:{key}" not in fields:
            return False
        fields = fields[f"f:{key}"]
    return True


def _value_at(value: Any, keys: list[str]) -> tuple[Any, bool]:
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return None, False
        value = value[key]
    return copy.deepcopy(value), True


def _remove(value: Any, keys: list[str]) -> None:
    for key in keys[:-1]:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value.pop(keys[-1], None)


def _put(value: Any, keys: list[str], new: Any) -> None:
    for key in keys[:-1]:
        value = value.setdefault(key, {})
        if not isinstance(value, dict):
            return
    value[keys[-1]] = new
