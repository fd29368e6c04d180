"""Objects against the API server's own OpenAPI document: unknown fields, wrong types, gaps."""

import difflib
from typing import Any

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
REFERENCE = "#/definitions/"


class Schemas:
    """An OpenAPI v2 document, indexed by kind."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._definitions: dict[str, Any] = document.get("definitions", {})
        self._by_kind: dict[tuple[str, str], str] = {}
        for name, definition in self._definitions.items():
            for gvk in definition.get("x-kubernetes-group-version-kind", []):
                group, version = gvk.get("group", ""), gvk.get("version", "")
                api_version = f"{group}/{version}" if group else version
                self._by_kind.setdefault((api_version, gvk.get("kind", "")), name)

    def of(self, api_version: str, kind: str) -> dict[str, Any] | None:
        """The schema of one kind; None where the server publishes none."""
        name = self._by_kind.get((api_version, kind))
        return {"$ref": REFERENCE + name} if name else None

    def resolve(self, schema: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Follow references: the definition's name ("" for an inline one) and its body."""
        name = ""
        while "$ref" in schema:
            name = str(schema["$ref"]).removeprefix(REFERENCE)
            schema = self._definitions.get(name, {})
        return name, schema


def violations(schemas: Schemas, document: dict[str, Any]) -> list[tuple[str, str]]:
    """Everything in which an object departs from its kind's schema.

    Returns:
        Pairs of a path (`spec.template.spec.containers[0].imagee`) and what is wrong there. Empty
        also where the server publishes no schema for the kind.
    """
    schema = schemas.of(str(document.get("apiVersion", "")), str(document.get("kind", "")))
    if schema is None:
        return []
    found: list[tuple[str, str]] = []
    _walk(schemas, schema, document, "", found)
    return sorted(found)


def _walk(
    schemas: Schemas,
    schema: dict[str, Any],
    value: Any,
    path: str,
    found: list[tuple[str, str]],
) -> None:
    name, schema = schemas.resolve(schema)
    if value is None or not schema:
        return
    kind = schema.get("type")
    if name == QUANTITY or schema.get("format") == "int-or-string":
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            found.append((path, f"must be a number or a string, not {_called(value)}"))
    elif schema.get("x-kubernetes-int-or-string"):
        return
    elif kind and not _fits(kind, value):
        found.append((path, f"must be {_article(kind)}, not {_called(value)}"))
    elif isinstance(value, dict):
        _walk_object(schemas, schema, value, path, found)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            _walk(schemas, schema["items"], item, f"{path}[{index}]", found)


def _walk_object(
    schemas: Schemas,
    schema: dict[str, Any],
    value: dict[str, Any],
    path: str,
    found: list[tuple[str, str]],
) -> None:
    properties: dict[str, Any] = schema.get("properties", {})
    additional = schema.get("additionalProperties")
    for key, item in value.items():
        where = _joined(path, key)
        if key in properties:
            _walk(schemas, properties[key], item, where, found)
        elif isinstance(additional, dict):
            _walk(schemas, additional, item, where, found)
        elif properties and not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.append((where, _unknown(key, properties)))
    for key in schema.get("required", []):
        if value.get(key) is None:
            found.append((_joined(path, key), "is required"))


def _unknown(key: str, properties: dict[str, Any]) -> str:
    close = difflib.get_close_matches(key, properties, n=1, cutoff=0.6)
    return f"unknown field; did you mean {close[0]}?" if close else "unknown field"


def _fits(kind: str, value: Any) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case _:
            return True


def _called(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return f"{str(value).lower() if isinstance(value, bool) else repr(value)}"


def _article(kind: str) -> str:
    words = {"array": "a list", "integer": "an integer", "object": "an object"}
    return words.get(kind, f"a {kind}")


def _joined(path: str, key: str) -> str:
    if any(character in key for character in '."[]'):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
