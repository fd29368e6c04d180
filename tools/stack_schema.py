"""Writes stacks/schema.json, with which editors complete and check stack files.

python tools/stack_schema.py            writes it
python tools/stack_schema.py --check    exits with 1 where it is stale
"""

import ast
import inspect
import json
import sys
from pathlib import Path
from typing import Any

from r1_on_eks import stack_config
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.catalog.variants import VARIANTS

SCHEMA = Path(__file__).parent.parent / "stacks" / "schema.json"


def schema() -> dict[str, Any]:
    """The JSON schema of a whole stack file."""
    stack = stack_config.StackConfig.model_json_schema()
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
    with_gpus = [name for name, row in INSTANCE_TYPES.items() if row.gpus]
    sections["WantedVariant"]["properties"]["instance"]["anyOf"][0]["enum"] = with_gpus


def _docstrings() -> dict[str, dict[str, str]]:
    """The text below each key of each section, with those that it inherits."""
    tree = ast.parse(inspect.getsource(stack_config))
    found: dict[str, dict[str, str]] = {}
    for section in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found[section.name] = {}
        for parent in (one.id for one in section.bases if isinstance(one, ast.Name)):
            found[section.name] |= found.get(parent, {})
        for entry, text in zip(section.body, section.body[1:], strict=False):
            if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name):
                match text:
                    case ast.Expr(value=ast.Constant(value=str(words))):
                        found[section.name][entry.target.id] = " ".join(words.split())
    return found


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
