"""Property values on the provider protocol's wire, to Python and back.

Pulumi's engine speaks of an unknown value (a preview's output of something that doesn't exist
yet) by an agreed string, and of a secret by an object with an agreed signature
(pulumi sdk/go/common/resource/plugin/rpc.go and resource/sig.go).
"""

from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_SENTINELS = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class Unknown:
    """A value that only the real update will know. There is one: `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> "Unknown":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Unknown":
        return self


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the engine must encrypt in the state and hide on the terminal."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def to_python(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Read a wire object. Unknowns become `UNKNOWN`, secrets `Secret(value)`."""
    return {key: _from_wire(value) for key, value in struct.fields.items()}


def to_struct(value: dict[str, Any], keep_secrets: bool = True) -> struct_pb2.Struct:
    """Write an object for the wire.

    Args:
        value: Python data, in which `UNKNOWN` and `Secret` may occur anywhere.
        keep_secrets: Whether the engine said that it accepts secrets; otherwise they are bare.
    """
    fields = {key: _to_wire(item, keep_secrets) for key, item in value.items()}
    return struct_pb2.Struct(fields=fields)


def contains_unknown(value: Any) -> bool:
    """Whether `UNKNOWN` occurs anywhere inside."""
    return _any_inside(value, lambda item: item is UNKNOWN)


def contains_secret(value: Any) -> bool:
    """Whether a `Secret` occurs anywhere inside."""
    return _any_inside(value, lambda item: isinstance(item, Secret))


def without_secrets(value: Any) -> Any:
    """The same data with every `Secret` replaced by what it holds."""
    if isinstance(value, Secret):
        return without_secrets(value.value)
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


def _any_inside(value: Any, found: Any) -> bool:
    if found(value):
        return True
    if isinstance(value, Secret):
        return _any_inside(value.value, found)
    if isinstance(value, dict):
        return any(_any_inside(item, found) for item in value.values())
    if isinstance(value, list):
        return any(_any_inside(item, found) for item in value)
    return False


def _from_wire(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in UNKNOWN_SENTINELS else value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            # The wire knows doubles only; APIs refuse 3.0 where they want 3.
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "list_value":
            return [_from_wire(item) for item in value.list_value.values]
        case "struct_value":
            return _object_from_wire(value.struct_value)
        case _:
            return None


def _object_from_wire(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    signature = fields[SIGNATURE_KEY].string_value if SIGNATURE_KEY in fields else ""
    if signature == SECRET_SIGNATURE:
        return Secret(_from_wire(fields["value"]))
    if signature == OUTPUT_SIGNATURE:
        inner = _from_wire(fields["value"]) if "value" in fields else UNKNOWN
        secret = "secret" in fields and fields["secret"].bool_value
        return Secret(inner) if secret else inner
    return to_python(struct)


def _to_wire(value: Any, keep_secrets: bool) -> struct_pb2.Value:
    if isinstance(value, Secret) and not keep_secrets:
        return _to_wire(value.value, keep_secrets)
    match value:
        case Unknown():
            return struct_pb2.Value(string_value=UNKNOWN_STRING)
        case Secret():
            fields = {
                SIGNATURE_KEY: struct_pb2.Value(string_value=SECRET_SIGNATURE),
                "value": _to_wire(value.value, keep_secrets),
            }
            return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
        case dict():
            return struct_pb2.Value(struct_value=to_struct(value, keep_secrets))
        case list() | tuple():
            items = [_to_wire(item, keep_secrets) for item in value]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
        case _:
            return _scalar_to_wire(value)


def _scalar_to_wire(value: Any) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NullValue.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=float(value))
        case str():
            return struct_pb2.Value(string_value=value)
        case _:
            raise TypeError(f"{type(value).__name__} is no property value: {value!r}")
