"""Check: what is wrong with a resource's inputs, and the inputs that are filled in."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from r1_on_eks.rehearsal.aws_provider import requests
from r1_on_eks.rehearsal.aws_provider.naming import DEFAULTS, with_name
from r1_on_eks.rehearsal.aws_provider.row import Row
from r1_on_eks.rehearsal.aws_provider.schema import (
    Kind,
    ListOf,
    MapOf,
    Object,
    Scalar,
    inputs_of,
)
from r1_on_eks.rehearsal.aws_provider.service_model import Problem, near_match
from r1_on_eks.rehearsal.aws_provider.session import Session
from r1_on_eks.rehearsal.aws_provider.work import AwsRefused, Work
from r1_on_eks.rehearsal.property_values import (
    UNKNOWN,
    Secret,
    contains_unknown,
    without_secrets,
)

# Only these may be added to the inputs that a program gives.
_OURS = frozenset({DEFAULTS, "tagsAll"})


def checked(
    session: Session,
    row: Row,
    news: dict[str, Any],
    olds: Mapping[str, Any],
    logical: str,
    seed: bytes = b"",
) -> tuple[dict[str, Any], list[Problem]]:
    """The inputs to use, and everything that AWS or Terraform would refuse about them.

    Args:
        session: for default tags and for rules that look at the cloud.
        row: the resource type.
        news: inputs of the program; secrets and unknowns may occur.
        olds: the checked inputs of last time.
        logical: the resource's name in the program.
        seed: for the random part of a made-up name.
    """
    schema = inputs_of(row.token)
    given = {key: value for key, value in news.items() if value is not None and key not in _OURS}
    problems = list(_unknown_names(row, without_secrets(given), schema))
    inputs = {
        key: _fitting(value, schema.fields[key]) if key in schema.fields else value
        for key, value in given.items()
    }
    filled = [key for key in row.defaults if inputs.get(key) is None]
    inputs |= {key: row.defaults[key] for key in filled}
    if with_name(row, inputs, without_secrets(dict(olds)), logical, seed) and row.naming:
        filled.append(row.naming.input)
    inputs[DEFAULTS] = sorted(filled)
    if row.tagging and (tags := _all_tags(session, inputs)):
        inputs["tagsAll"] = tags
    if not problems:
        plain = without_secrets(inputs)
        problems += _missing(row, plain, schema, "")
        problems += _refused(session, row, plain)
    return inputs, problems


def _unknown_names(row: Row, given: Mapping[str, Any], schema: Object) -> Iterator[Problem]:
    for key, value in given.items():
        if key not in schema.fields:
            yield Problem(
                key,
                f"{row.token} has no input '{key}'{near_match(key, list(schema.fields))}",
            )
        elif key not in row.inputs:
            yield Problem(key, f"the rehearsal does not model input {key} of {row.token} yet")
        else:
            yield from _misfits(row, value, schema.fields[key], key)


def _misfits(row: Row, value: Any, kind: Kind, path: str) -> Iterator[Problem]:
    """Unknown keys and wrong types inside one input."""
    if value is UNKNOWN or value is None:
        return
    match kind:
        case Object() if isinstance(value, dict):
            for key, item in value.items():
                if key not in kind.fields:
                    near = near_match(key, list(kind.fields))
                    yield Problem(f"{path}.{key}", f"{row.token} has no such input{near}")
                else:
                    yield from _misfits(row, item, kind.fields[key], f"{path}.{key}")
        case ListOf() if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _misfits(row, item, kind.element, f"{path}[{index}]")
        case MapOf() if isinstance(value, dict):
            for key, item in value.items():
                yield from _misfits(row, item, kind.element, f"{path}.{key}")
        case Scalar():
            yield from _wrong_scalar(value, kind, path)
        case _:
            wanted = "a list" if isinstance(kind, ListOf) else "an object"
            yield Problem(path, f"wants {wanted}, got {value!r}")


def _wrong_scalar(value: Any, kind: Scalar, path: str) -> Iterator[Problem]:
    if kind.type is str and not isinstance(value, list):
        return  # numbers, booleans and JSON objects have a text
    if kind.type is bool and (isinstance(value, bool) or value in ("true", "false")):
        return
    if kind.type in (int, float) and not isinstance(value, bool | list | dict):
        try:
            kind.type(value)
        except ValueError:
            pass
        else:
            return
    yield Problem(path, f"wants a {_WORDS[kind.type]}, got {value!r}")


_WORDS = {str: "string", bool: "boolean", int: "whole number", float: "number"}


def _fitting(value: Any, kind: Kind) -> Any:
    """The value in the type that pulumi_aws declares; a JSON object for a string as its text."""
    if isinstance(value, Secret):
        return Secret(_fitting(value.value, kind))
    if value is UNKNOWN or value is None:
        return value
    if isinstance(value, list) and isinstance(kind, ListOf):
        return [_fitting(item, kind.element) for item in value]
    if isinstance(value, dict):
        if isinstance(kind, Scalar):
            # Text with a hole in it is as unknown as the hole.
            if contains_unknown(value):
                return UNKNOWN
            return json.dumps(without_secrets(value), sort_keys=True, separators=(",", ":"))
        return {
            key: _fitting(item, _inner(kind, key)) for key, item in value.items() if item is not None
        }
    return _scalar(value, kind) if isinstance(kind, Scalar) else value


def _inner(kind: Kind, key: str) -> Kind:
    if isinstance(kind, Object) and key in kind.fields:
        return kind.fields[key]
    return kind.element if isinstance(kind, MapOf) else ListOf(Scalar(str))


def _scalar(value: Any, kind: Scalar) -> Any:
    if kind.type is str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, int | float) else value
    if isinstance(value, str):
        if kind.type is bool and value in ("true", "false"):
            return value == "true"
        if kind.type in (int, float):
            try:
                return kind.type(value)
            except ValueError:
                return value
    return value


def _all_tags(session: Session, inputs: Mapping[str, Any]) -> Any:
    own = inputs.get("tags")
    secret = isinstance(own, Secret)
    own = own.value if isinstance(own, Secret) else own
    if own is UNKNOWN:
        return UNKNOWN
    merged = {**session.default_tags, **(own or {})}
    return Secret(merged) if secret else merged


def _missing(row: Row, value: Any, kind: Kind, path: str) -> Iterator[Problem]:
    if value is UNKNOWN or value is None:
        return
    if isinstance(kind, Object) and isinstance(value, dict):
        for key in sorted(kind.required):
            if value.get(key) is None:
                where = f"{path}.{key}" if path else key
                yield Problem(where, f"is required by {row.token}")
        for key, item in value.items():
            if key in kind.fields:
                inner = f"{path}.{key}" if path else key
                yield from _missing(row, item, kind.fields[key], inner)
    if isinstance(kind, ListOf) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _missing(row, item, kind.element, f"{path}[{index}]")


def _refused(session: Session, row: Row, inputs: dict[str, Any]) -> Iterator[Problem]:
    _, problems = requests.of_inputs(row, row.create.call, inputs)
    yield from problems
    for change in row.changes:
        if isinstance(change.act, requests.Call):
            takes = [key for key in change.act.takes if key not in row.create.call.takes]
            some = requests.Call(change.act.operation, tuple(takes))
            yield from requests.of_inputs(row, some, inputs)[1]
    for rule in row.rules:
        yield from rule(inputs)
    known = {key: value for key, value in inputs.items() if not contains_unknown(value)}
    work = Work(session, row.service, known)
    for ask in row.asks:
        try:
            yield from ask(work)
        except AwsRefused:
            # What it would look at isn't there: the call itself will say so.
            continue
