"""Whether inputs can become a resource, before anything is called."""

import hashlib
from collections.abc import Iterator
from typing import Any

from r1_on_eks.rehearsal.aws_provider.known_inputs import unknown_inputs
from r1_on_eks.rehearsal.aws_provider.problems import Problem
from r1_on_eks.rehearsal.aws_provider.requests import NotModelled, build
from r1_on_eks.rehearsal.aws_provider.row import Call, Row
from r1_on_eks.rehearsal.property_values import UNKNOWN, contains_unknown

PROVIDER_S_OWN = ("tags", "region")


def named(row: Row, inputs: dict[str, Any], old: dict[str, Any], urn: str, seed: bytes) -> Any:
    """Inputs with a physical name: the old one, or `<logical>-<7 hex>`."""
    if row.naming is None or inputs.get(row.naming.key) is not None:
        return inputs
    if old.get("__autonamed"):
        return {**inputs, row.naming.key: old[row.naming.key], "__autonamed": True}
    logical = urn.rpartition("::")[2]
    suffix = hashlib.sha256(seed or urn.encode()).hexdigest()[:7]
    name = f"{logical[: row.naming.most - 8]}-{suffix}"
    return {**inputs, row.naming.key: name, "__autonamed": True}


def problems(row: Row, inputs: dict[str, Any]) -> Iterator[Problem]:
    """Everything wrong with plain `inputs` (no secrets; unknowns allowed)."""
    unknown = list(unknown_inputs(row.token, inputs))
    yield from unknown
    if unknown:
        return
    values = {**inputs, "id": UNKNOWN, "arn": UNKNOWN, "tags": inputs.get("tags")}
    values |= {key: derive(values) for key, derive in row.derived.items()}
    yield from _request_problems(row, row.create, values, created_with(row, inputs))
    for update in row.updates:
        if isinstance(update.run, Call) and update.after_create:
            present = [key for key in update.keys if inputs.get(key) is not None]
            if present:
                yield from _request_problems(row, update.run, values, present)
    for rule in row.rules:
        for path, reason in rule(inputs):
            yield Problem(path, reason)


def created_with(row: Row, inputs: dict[str, Any]) -> list[str]:
    """Inputs that the creating operation takes."""
    later = {key for update in row.after_create for key in update.keys}
    skipped = {*PROVIDER_S_OWN, *row.elsewhere, *later}
    return [key for key in inputs if key not in skipped and not key.startswith("__")]


def _request_problems(
    row: Row, call: Call, values: dict[str, Any], keys: list[str]
) -> Iterator[Problem]:
    usable = []
    for key in keys:
        try:
            build(
                row.service,
                Call(call.operation, call.names, {}, call.inside),
                values,
                [key],
            )
            usable.append(key)
        except NotModelled as error:
            reason = f"the rehearsal does not model input '{error.path}' of {row.token} yet"
            yield Problem(error.path, reason)
    yield from build(row.service, call, values, usable).problems()


def known(inputs: dict[str, Any], *keys: str) -> bool:
    """Whether all of these inputs are given and known."""
    return all(inputs.get(key) is not None and not contains_unknown(inputs[key]) for key in keys)
