"""docs/configuration.md: every key of a stack file, from the models that parse it."""

from collections.abc import Iterator
from typing import Any

from stack_schema import schema

_TOP = "StackConfig"
_HEAD = """\
# Every key of a stack file

A stack is `stacks/Pulumi.NAME.yaml`; what it asks for stands under `config: r1-on-eks:stack:`. Written from the models that
parse it by `python tools/pages.py`; editors complete the same from [stacks/schema.json](../stacks/schema.json).
A wrong key or value is one line that names it, and what would work, before anything is declared.

The smallest file that stands up:

```yaml
production: false
region: us-west-2
zones: [us-west-2a, us-west-2b]
gpu_zone: us-west-2b
kubernetes: "1.35"
admins: [arn:aws:iam::111122223333:role/platform-engineer]
endpoint: {public_from: [203.0.113.0/24]}
weights: {bucket: your-bucket, storage: s3-stream}
variants: {7b: {}}
```

Then `r1 plan NAME --refresh` decides what its variants stand on.
"""
# Longer ones say nothing to a reader; schema.json has them.
_LONGEST_LIST, _LONGEST_PATTERN = 12, 40


def page() -> str:
    """The whole page."""
    sections = schema()["$defs"]
    parts = [_HEAD]
    for name in _in_order(sections, _TOP, []):
        section = sections[name]
        title = "The stack" if name == _TOP else name
        parts += [f"## {title}", section.get("description", ""), _table(section)]
    return "\n\n".join(one.strip("\n") for one in parts if one) + "\n"


def _in_order(sections: dict[str, Any], name: str, seen: list[str]) -> list[str]:
    """Sections as they are met, the whole stack first."""
    if name not in seen:
        seen.append(name)
        for entry in sections[name]["properties"].values():
            for other in _references(entry):
                _in_order(sections, other, seen)
    return seen


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for key, one in value.items():
            # A discriminator repeats what anyOf says.
            if key != "discriminator":
                yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def _table(section: dict[str, Any]) -> str:
    rows = ["| key | value | if not said | what it is |", "| --- | --- | --- | --- |"]
    required = section.get("required", ())
    for key, entry in section["properties"].items():
        default = "**needed**" if key in required else _default(entry)
        cells = (f"`{key}`", _kind(entry), default, entry.get("description", ""))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _default(entry: dict[str, Any]) -> str:
    default = entry.get("default")
    if default in (None, {}, []) or isinstance(default, dict):
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _kind(entry: dict[str, Any]) -> str:
    if "$ref" in entry:
        name = entry["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in entry:
            return " or ".join(
                dict.fromkeys(_kind(one) for one in entry[key] if not _is_none(one))
            )
    if "const" in entry:
        return f"`{entry['const']}`"
    if "enum" in entry:
        return _listed(entry["enum"])
    return _plain(entry)


def _is_none(entry: dict[str, Any]) -> bool:
    return entry.get("type") == "null"


def _listed(values: list[Any]) -> str:
    more = f" and {len(values) - _LONGEST_LIST} more" if len(values) > _LONGEST_LIST else ""
    return ", ".join(f"`{one}`" for one in values[:_LONGEST_LIST]) + more


def _plain(entry: dict[str, Any]) -> str:
    kind = entry.get("type", "any")
    if kind == "array":
        return f"list of {_kind(entry.get('items', {}))}{_limits(entry, 'minItems', 'maxItems')}"
    if kind == "object":
        inner = entry.get("additionalProperties")
        of = _kind(inner) if isinstance(inner, dict) else "values"
        names = entry.get("propertyNames", {}).get("enum")
        return f"mapping of {_listed(names) if names else 'names'} to {of}"
    words = {"string": "text", "integer": "whole number", "boolean": "`true` or `false`"}
    told = words.get(kind, kind)
    pattern = entry.get("pattern", "")
    if pattern and len(pattern) <= _LONGEST_PATTERN:
        told += f" like `{pattern}`"
    return told + _bounds(entry)


def _limits(entry: dict[str, Any], least: str, most: str) -> str:
    if least in entry and most in entry:
        return f", {entry[least]} to {entry[most]}"
    return f", at least {entry[least]}" if least in entry else ""


def _bounds(entry: dict[str, Any]) -> str:
    words = {
        "minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<",
    }  # fmt: skip
    told = [f"{sign} {entry[key]:,}" for key, sign in words.items() if key in entry]
    return f" {', '.join(told)}" if told else ""
