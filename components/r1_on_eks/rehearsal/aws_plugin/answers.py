"""What AWS answers, as Pulumi's outputs and inputs."""

import datetime
import typing
from collections.abc import Mapping
from typing import Any

import jmespath

from r1_on_eks.rehearsal.aws_plugin.diff import same
from r1_on_eks.rehearsal.aws_plugin.known_inputs import (
    element_of,
    fields_of,
    input_types,
    output_types,
    plain,
)
from r1_on_eks.rehearsal.aws_plugin.requests import fill
from r1_on_eks.rehearsal.aws_plugin.row import Row, Values


def outputs_of(row: Row, cloud: Any, answer: Any, values: Values) -> dict[str, Any]:
    """Every output that the answer, the row or the inputs know."""
    found: dict[str, Any] = {}
    for name, kind in output_types(row.token).items():
        if name in ("tags", "tagsAll", "region"):
            continue
        told = _told(row, cloud, answer, values, name, plain(kind))
        if told is None:
            told = values.get(name)
        if told is not None:
            found[name] = told
    return found


def _told(row: Row, cloud: Any, answer: Any, values: Values, name: str, kind: Any) -> Any:
    source = row.outputs.get(name)
    if callable(source):
        return source(cloud, answer, values)
    if isinstance(source, str) and "{" in source:
        return fill(source, values)
    raw = jmespath.search(source, answer) if source else _member(answer, name)
    return _typed(kind, raw)


def _member(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict):
        return None
    members = {key.lower(): key for key in answer}
    word = name.lower()
    for form in (word, word + "s", word.removesuffix("s")):
        if form in members:
            return answer[members[form]]
    return None


def _typed(kind: Any, raw: Any) -> Any:
    if raw is None:
        return None
    fields = fields_of(kind)
    if fields is not None:
        one = (raw[0] if raw else None) if isinstance(raw, list) else raw
        if not isinstance(one, dict):
            return None
        read = {name: _typed(plain(inner), _member(one, name)) for name, inner in fields.items()}
        return {name: value for name, value in read.items() if value is not None}
    element = element_of(kind)
    if element is not None:
        return [_typed(element, one) for one in (raw if isinstance(raw, list) else [raw])]
    if typing.get_origin(kind) in (Mapping, dict) and isinstance(raw, list):
        return tags_of(raw)
    return _scalar(kind, raw)


def _scalar(kind: Any, raw: Any) -> Any:
    if isinstance(raw, datetime.datetime):
        return raw.isoformat()
    if kind is str:
        if isinstance(raw, bool):
            return str(raw).lower()
        if isinstance(raw, list):
            return str(raw[0]) if raw else None
        return None if isinstance(raw, dict) else str(raw)
    return raw


def tags_of(raw: Any) -> dict[str, str]:
    """Tags of any of AWS's forms; AWS's own (`aws:…`) are left out."""
    if isinstance(raw, list):
        raw = {
            one.get("Key", one.get("TagKey")): one.get("Value", one.get("TagValue")) for one in raw
        }
    return {key: value for key, value in (raw or {}).items() if not key.startswith("aws:")}


def inputs_of(row: Row, old: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs that would make what exists: the old ones where they still say it."""
    if old:
        return {
            key: _refreshed(value, outputs.get(key), key in row.unordered)
            for key, value in old.items()
        }
    empty: tuple[Any, ...] = (None, "", [], {})
    return {key: outputs[key] for key in input_types(row.token) if outputs.get(key) not in empty}


def _refreshed(old: Any, now: Any, unordered: bool) -> Any:
    if now is None or same(old, now):
        return old
    if isinstance(old, dict) and isinstance(now, dict):
        return {key: _refreshed(value, now.get(key), False) for key, value in old.items()}
    if isinstance(old, list) and isinstance(now, list):
        if sorted(map(str, old)) == sorted(map(str, now)):
            return old
        if len(old) == len(now) and not unordered:
            pairs = zip(old, now, strict=True)
            return [_refreshed(before, after, False) for before, after in pairs]
        return now
    return old if str(old).lower() == str(now).lower() else now
