"""Pulumi's inputs as parameters of AWS operations, checked against AWS's service models."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session

from r1_on_eks.rehearsal.aws_provider.problems import Problem, Refused, near
from r1_on_eks.rehearsal.aws_provider.row import Call, Values
from r1_on_eks.rehearsal.property_values import UNKNOWN


class NotModelled(Refused):
    """The API has no place for an input, or the row names none."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@functools.cache
def _session() -> Any:
    return botocore.session.get_session()


@functools.cache
def operation_shape(service: str, operation: str) -> Any:
    """Botocore's model of an operation's parameters."""
    model = _session().get_service_model(service)
    return model.operation_model(operation).input_shape


@dataclass
class Request:
    """Parameters of one operation, and the Pulumi property that each came from."""

    service: str
    operation: str
    params: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        """What AWS's own model refuses; unknown values are taken for right."""
        shape = operation_shape(self.service, self.operation)
        for path, reason in _violations(shape, self.params, ""):
            yield Problem(self._source(path), reason)

    def _source(self, path: str) -> str:
        while path and path not in self.sources:
            path = re.sub(r"(\.[^.\[]+|\[\d+\]|^[^.\[]+)$", "", path)
        return self.sources.get(path, "")


def build(service: str, call: Call, values: Values, keys: Iterable[str]) -> Request:
    """The request of `call` with the inputs `keys` of `values`."""
    request = Request(service, call.operation)
    shape = operation_shape(service, call.operation)
    for key in keys:
        value = values.get(key)
        if value is None:
            continue
        if (
            isinstance(value, dict)
            and any(name.startswith(f"{key}.") for name in call.names)
            and (key not in call.names and not _member(shape, key))
        ):
            for name, inner in value.items():
                if f"{key}.{name}" not in call.names:
                    raise NotModelled(f"{key}.{name}")
                if inner is not None:
                    path = call.names[f"{key}.{name}"].split(".")
                    _put(request, shape, path, inner, f"{key}.{name}", call.names)
            continue
        path = _place(shape, call, key)
        _put(request, shape, path, value, key, call.names)
    for name, template in call.given.items():
        filled = fill(template, values)
        if filled is not None:
            _merge(request.params, name.split("."), filled)
    return request


def fill(template: Any, values: Values) -> Any:
    """`"{id}"` → the value itself; text around it → text; lists and objects inside."""
    if isinstance(template, dict):
        return {key: fill(one, values) for key, one in template.items()}
    if isinstance(template, list):
        return [fill(one, values) for one in template]
    if not isinstance(template, str) or "{" not in template:
        return template
    whole = re.fullmatch(r"\{(\w+)\}", template)
    if whole:
        return values.get(whole[1])
    parts = [values.get(name) for name in re.findall(r"\{(\w+)\}", template)]
    if any(part is UNKNOWN for part in parts):
        return UNKNOWN
    return re.sub(r"\{(\w+)\}", lambda match: str(values.get(match[1])), template)


def _place(shape: Any, call: Call, key: str) -> list[str]:
    if key in call.names:
        return call.names[key].split(".")
    if found := _member(shape, key):
        return [found]
    if call.inside and (found := _member(shape.members[call.inside], key)):
        return [call.inside, found]
    raise NotModelled(key)


def _member(shape: Any, key: str) -> str | None:
    members = {name.lower(): name for name in shape.members}
    word = key.lower()
    for form in (
        word,
        word + "s",
        word.removesuffix("s"),
        word.removesuffix("ies") + "y",
    ):
        if form in members:
            return members[form]
    return None


def _put(
    request: Request,
    shape: Any,
    path: list[str],
    value: Any,
    key: str,
    names: Mapping[str, str],
) -> None:
    """Write a converted value at `path`, entering the only element of lists on the way."""
    here: Any = request.params
    where = ""
    for step in path[:-1]:
        shape = shape.members[step]
        where = f"{where}.{step}".lstrip(".")
        if shape.type_name == "list":
            here = here.setdefault(step, [{}])[0]
            shape = shape.member
            where += "[0]"
        else:
            here = here.setdefault(step, {})
    where = f"{where}.{path[-1]}".lstrip(".")
    here[path[-1]] = _convert(request, shape.members[path[-1]], value, (where, key), names)


def _convert(
    request: Request,
    shape: Any,
    value: Any,
    at: tuple[str, str],
    names: Mapping[str, str],
) -> Any:
    where, key = at
    request.sources[where] = key
    if value is UNKNOWN:
        return UNKNOWN
    match shape.type_name:
        case "structure":
            return _structure(request, shape, value, at, names)
        case "list":
            return _list(request, shape, value, at, names)
        case "boolean" if isinstance(value, str):
            return value.lower() == "true"
        case "string" if isinstance(value, bool):
            return str(value).lower()
        case "string" if isinstance(value, int | float):
            return str(value)
        case "integer" | "long" if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            return int(value)
        case _:
            return value


def _structure(
    request: Request,
    shape: Any,
    value: Any,
    at: tuple[str, str],
    names: Mapping[str, str],
) -> Any:
    where, key = at
    if isinstance(value, list):
        value, key = (value or [{}])[0], f"{key}[0]"
    if not isinstance(value, dict):
        return value
    converted = {}
    for name, inner in value.items():
        if inner is None:
            continue
        source = f"{key}.{name}"
        member = names.get(re.sub(r"\[\d+\]", "", source)) or _member(shape, name)
        if member is None:
            raise NotModelled(source)
        inside = (f"{where}.{member}", source)
        converted[member] = _convert(request, shape.members[member], inner, inside, names)
    return converted


def _list(
    request: Request,
    shape: Any,
    value: Any,
    at: tuple[str, str],
    names: Mapping[str, str],
) -> Any:
    where, key = at
    element = shape.member
    pairs = element.type_name == "structure" and set(element.members) == {
        "Key",
        "Value",
    }
    if isinstance(value, dict) and pairs:
        return [{"Key": name, "Value": one} for name, one in value.items()]
    single = not isinstance(value, list)
    return [
        _convert(
            request, element, one, (f"{where}[{index}]", key if single else f"{key}[{index}]"),
            names,
        )
        for index, one in enumerate([value] if single else value)
        if one is not None
    ]  # fmt: skip


def _merge(params: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        params = params.setdefault(step, {})
    params[path[-1]] = value


def _violations(shape: Any, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if value is UNKNOWN or value is None:
        return
    match shape.type_name:
        case "structure":
            yield from _structure_violations(shape, value, path)
        case "list":
            if not isinstance(value, list):
                yield path, f"must be a list, not {value!r}"
                return
            yield from _bounds(shape, len(value), path, "items")
            for index, one in enumerate(value):
                yield from _violations(shape.member, one, f"{path}[{index}]")
        case "map":
            for one in value.values():
                yield from _violations(shape.value, one, path)
        case "string":
            yield from _string(shape, value, path)
        case "integer" | "long":
            if isinstance(value, bool) or not isinstance(value, int):
                yield path, f"must be a whole number, not {value!r}"
            else:
                yield from _bounds(shape, value, path, "")
        case "boolean" if not isinstance(value, bool):
            yield path, f"must be true or false, not {value!r}"


def _structure_violations(shape: Any, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield path, f"must be an object, not {value!r}"
        return
    for name in shape.required_members:
        if value.get(name) is None and not shape.members[name].metadata.get("idempotencyToken"):
            yield path, f"{name} is required"
    for name, one in value.items():
        if name not in shape.members:
            yield path, f"has no member {name}{near(name, shape.members)}"
        else:
            yield from _violations(shape.members[name], one, f"{path}.{name}".lstrip("."))


def _string(shape: Any, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, str):
        yield path, f"must be text, not {value!r}"
        return
    if shape.enum and value not in shape.enum:
        hint = near(value, shape.enum) or f"; it must be one of {', '.join(shape.enum)}"
        yield path, f"AWS knows no '{value}' here{hint}"
    yield from _bounds(shape, len(value), path, "characters")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield path, f"'{value}' does not match {pattern}"


@functools.cache
def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True  # written for Java; Python cannot judge it


def _bounds(shape: Any, size: int, path: str, unit: str) -> Iterator[tuple[str, str]]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    told = f"{size} {unit}".strip()
    if low is not None and size < low:
        yield path, f"{told} is less than the {low} that AWS takes at least"
    if high is not None and size > high:
        yield path, f"{told} is more than the {high} that AWS takes at most"
