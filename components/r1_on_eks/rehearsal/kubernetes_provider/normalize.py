"""Inputs as the API server will store them, so that a second run finds no difference.

The official provider sends built-in kinds through their Go types, which writes quantities in their
canonical form and leaves out empty values that the types omit. Here the server's OpenAPI document
says which values are quantities, lists, maps and strings.
"""

import base64
import binascii
import copy
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.schema import QUANTITY, Schemas
from r1_on_eks.rehearsal.property_values import UNKNOWN, contains_unknown

SERVER_SET = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
# Booleans that the Go types omit when false; every other optional boolean is a pointer.
# (k8s.io/api/core/v1/types.go, apps/v1/types.go)
OMITTED_WHEN_FALSE = frozenset(
    {
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "stdin",
        "stdinOnce",
        "tty",
        "paused",
        "publishNotReadyAddresses",
    }
)
# Strings that the Go types keep when empty, since they are pointers.
KEPT_WHEN_EMPTY = frozenset(
    {
        "storageClassName",
        "runtimeClassName",
        "ingressClassName",
        "appProtocol",
        "apiGroup",
        "volumeAttributesClassName",
        "loadBalancerClass",
        "preemptionPolicy",
        "fsType",
    }
)
QUANTITY_TEXT = re.compile(r"^([+-]?[0-9.]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?$")
DECIMAL_SUFFIXES = {
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
BINARY_SUFFIXES = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def normalized(document: dict[str, Any], schemas: Schemas | None) -> dict[str, Any]:
    """A copy of the inputs without what only the server sets and in its spelling.

    Args:
        document: Inputs without secrets' wrappers; may hold `UNKNOWN`, then only server-set
            fields are removed, as in the official provider.
        schemas: The server's document; None when the cluster can't be asked.
    """
    result = copy.deepcopy(document)
    if not contains_unknown(result) and built_in(result):
        if result.get("apiVersion") == "v1" and result.get("kind") == "Secret":
            _encode_secret(result)
        elif schemas is not None:
            schema = schemas.of(str(result.get("apiVersion")), str(result.get("kind")))
            if schema is not None:
                result = _rewrite(schemas, schema, result)
    metadata = result.get("metadata")
    if isinstance(metadata, dict):
        for key in SERVER_SET:
            metadata.pop(key, None)
    return result


def built_in(document: dict[str, Any]) -> bool:
    """Whether the kind is Kubernetes' own rather than a custom resource."""
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    return "." not in group or (group.endswith(".k8s.io") and "x-k8s" not in group)


def canonical_quantity(value: Any) -> Any:
    """A quantity as Kubernetes writes it: `1024Mi` → `1Gi`, `0.5` → `500m`, `8` → `"8"`.

    What is no quantity comes back unchanged: refusing it is the server's part.
    """
    match = QUANTITY_TEXT.match(str(value).strip())
    if isinstance(value, bool) or not match:
        return value
    number, suffix = match.group(1), match.group(2) or ""
    try:
        if suffix in BINARY_SUFFIXES:
            return _binary(Decimal(number) * 1024 ** BINARY_SUFFIXES[suffix])
        if suffix[:1] in ("e", "E") and len(suffix) > 1:
            return str(value)
        return _decimal(Decimal(number).scaleb(DECIMAL_SUFFIXES[suffix]))
    except InvalidOperation:
        return value


def _binary(amount: Decimal) -> str:
    # Below one unit, and for fractions, Kubernetes falls back to decimal notation.
    if amount != amount.to_integral_value() or abs(amount) < 1024:
        return _decimal(amount)
    whole = int(amount)
    for suffix, power in sorted(BINARY_SUFFIXES.items(), key=lambda item: -item[1]):
        if whole % 1024**power == 0:
            return f"{whole // 1024**power}{suffix}"
    return str(whole)


def _decimal(amount: Decimal) -> str:
    if amount == 0:
        return "0"
    for suffix, power in sorted(DECIMAL_SUFFIXES.items(), key=lambda item: -item[1]):
        scaled = amount.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(amount.scaleb(9).to_integral_value(rounding='ROUND_CEILING'))}n"


def _encode_secret(document: dict[str, Any]) -> None:
    """Move `stringData` into `data`, as the API server does."""
    data = document.get("data") or {}
    for key, value in list(data.items()):
        if isinstance(value, str):
            try:
                data[key] = base64.b64encode(base64.b64decode(value)).decode()
            except (binascii.Error, ValueError):
                continue
    for key, value in (document.pop("stringData", None) or {}).items():
        data[key] = base64.b64encode(str(value).encode()).decode()
    if data:
        document["data"] = data


def _rewrite(schemas: Schemas, schema: dict[str, Any], value: Any) -> Any:
    name, schema = schemas.resolve(schema)
    if name == QUANTITY:
        return canonical_quantity(value)
    if isinstance(value, list) and "items" in schema:
        return [_rewrite(schemas, schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
    result: dict[str, Any] = {}
    for key, item in value.items():
        inner = properties.get(key, extra)
        if not isinstance(inner, dict):
            result[key] = item
        elif key in properties and _omitted(schemas, key, item, inner, schema):
            continue
        else:
            result[key] = _rewrite(schemas, inner, item)
    return result


def _omitted(
    schemas: Schemas,
    key: str,
    value: Any,
    schema: dict[str, Any],
    owner: dict[str, Any],
) -> bool:
    if value is None:
        return True
    if key in owner.get("required", []) or value is UNKNOWN:
        return False
    name, body = schemas.resolve(schema)
    if value is False:
        return key in OMITTED_WHEN_FALSE or (
            key == "readOnly" and "mountPath" in owner.get("properties", {})
        )
    if value == "":
        # A volume's class is a plain string, a claim's a pointer: "" means "no class" there.
        of_volume = "persistentVolumeReclaimPolicy" in owner.get("properties", {})
        kept = key in KEPT_WHEN_EMPTY and not (key == "storageClassName" and of_volume)
        return body.get("type") == "string" and not name and not kept
    if value == []:
        return body.get("type") == "array"
    if value == {}:
        return not name and "additionalProperties" in body
    return False


def quantity_value(value: Any) -> Decimal:
    """A quantity as a number; 0 for what is none."""
    match = QUANTITY_TEXT.match(str(value).strip())
    if not match:
        return Decimal(0)
    number, suffix = Decimal(match.group(1)), match.group(2) or ""
    if suffix in BINARY_SUFFIXES:
        return number * 1024 ** BINARY_SUFFIXES[suffix]
    if suffix in DECIMAL_SUFFIXES:
        return number.scaleb(DECIMAL_SUFFIXES[suffix])
    return Decimal(match.group(0))
