"""Diff: what changes, and whether in place."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2

from r1_on_eks.rehearsal.aws_provider.compare import changed_paths
from r1_on_eks.rehearsal.aws_provider.lifecycle import FAILED
from r1_on_eks.rehearsal.aws_provider.naming import made_up
from r1_on_eks.rehearsal.aws_provider.row import Row

_Property = provider_pb2.PropertyDiff
# Kind of a change by whether there was a value, whether there is one, and whether it replaces.
_KINDS: dict[tuple[bool, bool], tuple[_Property.Kind.ValueType, _Property.Kind.ValueType]] = {
    (False, True): (_Property.ADD, _Property.ADD_REPLACE),
    (True, False): (_Property.DELETE, _Property.DELETE_REPLACE),
    (True, True): (_Property.UPDATE, _Property.UPDATE_REPLACE),
}


def diff(
    row: Row,
    state: Mapping[str, Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> provider_pb2.DiffResponse:
    """Compare old inputs with new ones.

    Args:
        row: the resource type.
        state: the outputs as last known.
        before: the inputs of last time.
        after: the inputs of this time, checked.
    """
    detailed: dict[str, _Property] = {}
    replaces = []
    for path, (old, new) in changed_paths(row, before, after, state).items():
        forced = _forces(row, path, state, old, new)
        kind = _KINDS[(old is not None, new is not None)][forced]
        detailed[path] = _Property(kind=kind, inputDiff=True)
        if forced:
            replaces.append(path)
    if FAILED in state:
        # Terraform replaces what AWS gave up on when it was made.
        detailed[FAILED] = _Property(kind=_Property.UPDATE_REPLACE)
        replaces.append(FAILED)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME
        if detailed
        else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=replaces,
        diffs=sorted({_top(path) for path in detailed}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
        deleteBeforeReplace=bool(replaces) and _one_name(row, before, after),
    )


def _forces(row: Row, path: str, state: Mapping[str, Any], old: Any, new: Any) -> bool:
    plain = re.sub(r"\[[^]]*\]", "", path)
    if any(plain == one or plain.startswith(f"{one}.") for one in row.replaced_with):
        return True
    condition = row.replaced_if.get(plain)
    return condition is not None and condition(state, old, new)


def _one_name(row: Row, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Old and new would have the same name, so they can't exist side by side."""
    if row.naming is None:
        return row.exclusive
    if made_up(row, after):
        return False
    return before.get(row.naming.input) == after.get(row.naming.input)


def _top(path: str) -> str:
    return re.split(r"[.\[]", path)[0]


def ignoring(
    inputs: Mapping[str, Any], before: Mapping[str, Any], paths: Iterable[str]
) -> dict[str, Any]:
    """The inputs with the old values of everything that the program ignores changes of."""
    kept = dict(inputs)
    for path in paths:
        steps = re.findall(r'[^.\[\]"]+', path)
        if steps:
            _take_over(kept, before, steps)
    return kept


def _take_over(inputs: dict[str, Any], before: Any, steps: list[str]) -> None:
    key, *rest = steps
    old = before.get(key) if isinstance(before, Mapping) else None
    if rest and isinstance(inputs.get(key), dict):
        inputs[key] = dict(inputs[key])
        _take_over(inputs[key], old, rest)
    elif old is not None:
        inputs[key] = old
    else:
        inputs.pop(key, None)
