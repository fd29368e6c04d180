"""What the engine keeps of an object: its live state, with the inputs that made it."""

import copy
from dataclasses import dataclass
from typing import Any

from r1_on_eks.rehearsal.property_values import Secret, contains_secret, without_secrets

INPUTS = "__inputs"
INITIAL_API_VERSION = "__initialApiVersion"
FIELD_MANAGER = "__fieldManager"

# Property names can't hold dashes in every language, so the SDKs spell these with underscores.
_DASHED = {
    name.replace("-", "_"): name
    for name in (
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    )
}
_UNDERSCORED = {dashed: underscored for underscored, dashed in _DASHED.items()}


@dataclass(frozen=True)
class Checkpoint:
    """A resource's state as last written, without secrets' wrappers."""

    inputs: dict[str, Any]
    live: dict[str, Any]
    initial_api_version: str
    field_manager: str


def to_document(properties: dict[str, Any]) -> dict[str, Any]:
    """The Kubernetes object inside the engine's properties: no wrappers, dashed names."""
    return _renamed(without_secrets(properties), _DASHED)


def read_checkpoint(state: dict[str, Any]) -> Checkpoint:
    """Take a resource's state apart."""
    live = to_document(state)
    inputs = live.pop(INPUTS, None) or {}
    initial = live.pop(INITIAL_API_VERSION, None) or inputs.get("apiVersion") or ""
    field_manager = live.pop(FIELD_MANAGER, None) or ""
    return Checkpoint(inputs, live, str(initial), str(field_manager))


def write_checkpoint(checkpoint: Checkpoint, secrets_from: dict[str, Any]) -> dict[str, Any]:
    """Put a resource's state together.

    Args:
        checkpoint: What to keep.
        secrets_from: The inputs as the engine sent them; what is secret there is secret here.
    """
    state = _renamed(copy.deepcopy(checkpoint.live), _UNDERSCORED)
    inputs = _renamed(copy.deepcopy(checkpoint.inputs), _UNDERSCORED)
    mark_secrets(state, secrets_from)
    mark_secrets(inputs, secrets_from)
    state[INPUTS] = inputs
    state[INITIAL_API_VERSION] = checkpoint.initial_api_version
    state[FIELD_MANAGER] = checkpoint.field_manager
    return state


def mark_secrets(outputs: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Wrap in place what the inputs hold as secret, and always a Secret's data.

    A list with one secret becomes secret as a whole: servers reorder lists.
    """
    if outputs.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in outputs and not isinstance(outputs[key], Secret):
                outputs[key] = Secret(outputs[key])
        return
    for key, given in inputs.items():
        if key not in outputs:
            continue
        if isinstance(outputs[key], dict) and isinstance(given, dict):
            mark_secrets(outputs[key], given)
        elif not isinstance(outputs[key], Secret) and contains_secret(given):
            outputs[key] = Secret(outputs[key])


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value
