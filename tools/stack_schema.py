"""Writes stacks/schema.json, with which editors complete and check stack files.

python tools/stack_schema.py            writes it
python tools/stack_schema.py --check    exits with 1 where it is stale
"""

import ast
import inspect
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.stack_config import StackConfig
from r1_on_eks.stack_config.section import Section

SCHEMA = Path(__file__).parent.parent / "stacks" / "schema.json"


def schema() -> dict[str, Any]:
    """The JSON schema of a whole stack file."""
    stack = StackConfig.model_json_schema()
    sections = {**stack.pop("$defs"), "StackConfig": stack}
    described = _docstrings()
    for name, section in sections.items():
        for key, entry in section.get("properties", {}).items():
            entry.pop("title", None)
            if key in described.get(name, {}):
                entry["description"] = described[name][key]
    # Pulumi says it.
    del stack["properties"]["name"]
    stack["required"].remove("name")
    _name_rows(sections)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack of r1-on-eks",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {"r1-on-eks:stack": {"$ref": "#/$defs/StackConfig"}},
                "required": ["r1-on-eks:stack"],
            }
        },
        "required": ["config"],
        "$defs": sections,
    }


def _name_rows(sections: dict[str, Any]) -> None:
    """What the catalogue checks is an enumeration for an editor."""
    properties = sections["StackConfig"]["properties"]
    properties["kubernetes"]["enum"] = [*KUBERNETES_VERSIONS]
    properties["variants"]["propertyNames"] = {"enum": [*VARIANTS]}
    serving = [name for name, row in INSTANCE_TYPES.items() if row.gpus or row.cpu_model]
    sections["WantedVariant"]["properties"]["instance"]["anyOf"][0]["enum"] = serving


def _docstrings() -> dict[str, dict[str, str]]:
    """The text below each key of each section, with those that it inherits."""
    return {
        section.__name__: {
            key: text
            for one in reversed(section.__mro__)
            if issubclass(one, Section)
            for key, text in _described(one)
        }
        for section in sections_of(Section)
    }


def sections_of(section: type[Section]) -> Iterator[type[Section]]:
    """All kinds of section below one."""
    for one in section.__subclasses__():
        yield one
        yield from sections_of(one)


def _described(section: type[Section]) -> Iterator[tuple[str, str]]:
    (body,) = (one.body for one in ast.parse(inspect.getsource(section)).body
               if isinstance(one, ast.ClassDef))  # fmt: skip
    for entry, text in itertools.pairwise(body):
        if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name):
            match text:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    yield entry.target.id, " ".join(words.split())


def main() -> int:
    """Writes the schema, or says whether it is stale."""
    text = json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
    if "--check" in sys.argv[1:]:
        if SCHEMA.read_text() == text:
            return 0
        print("stacks/schema.json is stale; run python tools/stack_schema.py")
        return 1
    SCHEMA.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
