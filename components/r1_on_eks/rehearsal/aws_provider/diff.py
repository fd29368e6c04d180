"""What changes between the inputs of two runs, and whether in place."""

import json
from collections.abc import Iterator
from typing import Any

from pulumi.runtime.proto import provider_pb2

from r1_on_eks.rehearsal.aws_provider.row import Row
from r1_on_eks.rehearsal.property_values import UNKNOWN

PropertyDiff = provider_pb2.PropertyDiff


def changes(row: Row, old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """Property path → `add`, `delete` or `update`, with `-replace` where that follows."""
    found: dict[str, str] = {}
    replacing = {*row.forces_replacement.keys}
    replacing |= {key for which in row.replaces_when for key in which(old, new)}
    for key in sorted({*old, *new}):
        if key.startswith("__"):
            continue
        for path, kind in _compare(old.get(key), new.get(key), key, row.unordered):
            replaces = any(
                path == one or path.startswith((f"{one}.", f"{one}[")) for one in replacing
            )
            found[path] = f"{kind}-replace" if replaces else kind
    return found


def same(old: Any, new: Any) -> bool:
    """Whether two values say the same, JSON text by its content."""
    if old == new:
        return True
    if isinstance(old, str) and isinstance(new, str) and old[:1] == new[:1] == "{":
        try:
            return json.loads(old) == json.loads(new)
        except ValueError:
            return False
    return False


def _compare(old: Any, new: Any, path: str, unordered: tuple[str, ...]) -> Iterator[Any]:
    if new is UNKNOWN and old is not None:
        yield path, "update"
    elif old is None or new is None:
        if old is not new:
            yield path, "add" if old is None else "delete"
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _compare(old.get(key), new.get(key), f"{path}.{key}", unordered)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(old, new, path, unordered)
    elif not same(old, new):
        yield path, "update"


def _compare_lists(
    old: list[Any], new: list[Any], path: str, unordered: tuple[str, ...]
) -> Iterator[Any]:
    if path in unordered and UNKNOWN not in new:
        # A set upstream: only what is in it counts.
        if sorted(map(str, old)) != sorted(map(str, new)):
            yield path, "update"
        return
    for index in range(max(len(old), len(new))):
        before = old[index] if index < len(old) else None
        after = new[index] if index < len(new) else None
        yield from _compare(before, after, f"{path}[{index}]", unordered)


_KINDS = {
    "add": PropertyDiff.ADD,
    "add-replace": PropertyDiff.ADD_REPLACE,
    "delete": PropertyDiff.DELETE,
    "delete-replace": PropertyDiff.DELETE_REPLACE,
    "update": PropertyDiff.UPDATE,
    "update-replace": PropertyDiff.UPDATE_REPLACE,
}


def to_response(found: dict[str, str], named_by_hand: bool) -> provider_pb2.DiffResponse:
    """The answer for the engine; a fixed name has the old resource deleted before the new."""
    replaces = sorted(path for path, kind in found.items() if kind.endswith("-replace"))
    response = provider_pb2.DiffResponse(
        changes=(
            provider_pb2.DiffResponse.DIFF_SOME if found else provider_pb2.DiffResponse.DIFF_NONE
        ),
        replaces=replaces,
        diffs=sorted({path.partition(".")[0].partition("[")[0] for path in found}),
        deleteBeforeReplace=bool(replaces) and named_by_hand,
        hasDetailedDiff=True,
    )
    for path, kind in found.items():
        response.detailedDiff[path].CopyFrom(PropertyDiff(kind=_KINDS[kind], inputDiff=True))
    return response
