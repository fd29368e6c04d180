"""Refuses what AWS's own service model refuses and boto3 sends nevertheless.

botocore checks names and types only; its models also hold enums, lengths, ranges and patterns.
"""

import re
from collections.abc import Iterator
from typing import Any


def violations(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """One sentence for each part of `value` that the botocore `shape` does not allow."""
    if value is None:
        return
    if shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        yield from _bounds(shape, len(value), path, "length")
        for index, member in enumerate(value):
            yield from violations(shape.member, member, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, member in value.items():
            yield from violations(shape.value, member, f"{path}.{key}")
    elif shape.type_name == "string":
        yield from _string(shape, str(value), path)
    elif shape.type_name in ("integer", "long"):
        yield from _bounds(shape, int(value), path, "value")


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{path}.{name} is required".lstrip(".")
    for name, member in value.items():
        if name in shape.members:
            yield from violations(shape.members[name], member, f"{path}.{name}".lstrip("."))


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{path}: '{value}' is not one of [{', '.join(shape.enum)}]"
    yield from _bounds(shape, len(value), path, "length")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield f"{path}: '{value}' does not match {pattern}"


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True  # written for Java; Python cannot judge it


def _bounds(shape: Any, size: int, path: str, what: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield f"{path}: {what} {size} is less than {low}"
    if high is not None and size > high:
        yield f"{path}: {what} {size} is more than {high}"
