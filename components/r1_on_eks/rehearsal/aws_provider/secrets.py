"""Keeps hidden what the program hid."""

from typing import Any

from r1_on_eks.rehearsal.property_values import Secret, contains_secret, without_secrets


def hidden_as(given: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """A resource's state with secrets wherever its inputs have them.

    A secret tag is one in `tagsAll` too. A list that AWS answers in another length or order is
    hidden whole.
    """
    return _hidden_as({**given, "tagsAll": given.get("tags")}, state)


def _hidden_as(given: Any, state: Any) -> Any:
    if isinstance(given, Secret):
        return Secret(without_secrets(state))
    if not contains_secret(given):
        return state
    if isinstance(given, dict) and isinstance(state, dict):
        return {key: _hidden_as(given.get(key), value) for key, value in state.items()}
    return Secret(without_secrets(state))
