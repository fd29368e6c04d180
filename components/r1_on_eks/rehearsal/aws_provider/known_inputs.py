"""Which inputs and outputs a type has, read from the installed pulumi_aws itself."""

import functools
import threading
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi_aws
from pulumi import _types as pulumi_types

from r1_on_eks.rehearsal.aws_provider.problems import Problem, near
from r1_on_eks.rehearsal.property_values import UNKNOWN

# pulumi_aws loads its modules at first use; two threads would see one half loaded.
_ONE_AT_A_TIME = threading.RLock()


def _class(token: str, suffix: str = "") -> type:
    module, _, name = token.removeprefix("aws:").partition("/")
    return getattr(getattr(pulumi_aws, module), name.rpartition(":")[2] + suffix)


@functools.cache
def input_types(token: str) -> Mapping[str, Any]:
    """Inputs of a type by their names on the wire, with Python types."""
    with _ONE_AT_A_TIME:
        return pulumi_types.input_type_types(_class(token, "Args"))


@functools.cache
def output_types(token: str) -> Mapping[str, Any]:
    """Outputs of a type by their names on the wire, with Python types."""
    with _ONE_AT_A_TIME:
        return pulumi_types.resource_types(_class(token))


def fields_of(kind: Any) -> Mapping[str, Any] | None:
    """Properties of a nested type, or None for anything that has no fixed ones."""
    if isinstance(kind, type) and pulumi_types.is_input_type(kind):
        return pulumi_types.input_type_types(kind)
    if isinstance(kind, type) and pulumi_types.is_output_type(kind):
        return pulumi_types.output_type_types(kind)
    return None


def element_of(kind: Any) -> Any:
    """What a sequence holds, or None for anything else."""
    if typing.get_origin(kind) in (Sequence, list):
        return plain(typing.get_args(kind)[0])
    return None


def plain(kind: Any) -> Any:
    """The type proper in `Input[Union[XArgs, XArgsDict]]` and `Optional[X]`."""
    arguments = typing.get_args(kind)
    if isinstance(kind, list):
        return Any
    if not arguments or typing.get_origin(kind) in (Sequence, list, Mapping, dict):
        return kind
    typed = [plain(one) for one in arguments if one is not type(None)]
    with_fields = [one for one in typed if fields_of(one) is not None]
    return next(iter(with_fields or typed), Any)


def unknown_inputs(token: str, inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each property, at any depth, that pulumi_aws does not have."""
    yield from _unknown(token, input_types(token), inputs, "")


def _unknown(
    token: str, fields: Mapping[str, Any], given: Mapping[str, Any], path: str
) -> Iterator[Problem]:
    for key, value in given.items():
        where = f"{path}{key}"
        if key.startswith("__"):
            continue
        if key not in fields:
            yield Problem(where, f"{token} has no input '{where}'{near(key, fields)}")
            continue
        yield from _inside(token, plain(fields[key]), value, where)


def _inside(token: str, kind: Any, value: Any, where: str) -> Iterator[Problem]:
    if value is UNKNOWN or value is None:
        return
    element = element_of(kind)
    if element is not None and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _inside(token, element, one, f"{where}[{index}]")
    fields = fields_of(kind)
    if fields is not None and isinstance(value, dict):
        yield from _unknown(token, fields, value, f"{where}.")
