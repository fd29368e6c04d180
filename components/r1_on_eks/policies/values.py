"""Reads inputs as rules need them: with what nobody is told, nothing is wrong."""

from typing import Any, TypeGuard

from r1_on_eks.cost.declared import Secret, Unknown


def untold(value: Any) -> bool:
    """Whether nobody is told the value yet: then nothing is wrong with it so far."""
    return isinstance(value, Unknown | Secret)


def true(value: Any) -> bool:
    """Whether it is a true boolean, however it is written."""
    # Launch templates have strings where others have booleans.
    return str(value).lower() == "true"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is told, and a number."""
    return isinstance(value, int | float)


def listed(value: Any) -> list[Any]:
    """What is told of a list, or of one where several may be."""
    if untold(value) or value is None:
        return []
    return value if isinstance(value, list) else [value]
