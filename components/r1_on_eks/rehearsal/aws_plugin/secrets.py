"""Keeps hidden what the program hid."""

from typing import Any

from r1_on_eks.rehearsal.property_values import Secret, contains_secret, without_secrets


def hidden_as(given: Any, state: Any) -> Any:
    """`state` with secrets wherever `given` has them.

    A list that AWS answers in another length or order is hidden whole.
    """
    if isinstance(given, Secret):
        return Secret(without_secrets(state))
    if not contains_secret(given):
        return state
    if isinstance(given, dict) and isinstance(state, dict):
        return {key: hidden_as(given.get(key), value) for key, value in state.items()}
    return Secret(without_secrets(state))
