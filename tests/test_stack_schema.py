"""Editors complete and check stack files by stacks/schema.json."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

PROJECT = Path(__file__).parent.parent
SCHEMA = json.loads((PROJECT / "stacks" / "schema.json").read_text())
STACKS = sorted((PROJECT / "stacks").glob("Pulumi.*.yaml"))


def test_it_is_the_one_that_the_code_makes():
    made = subprocess.run(
        [sys.executable, PROJECT / "tools" / "stack_schema.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (made.returncode, made.stdout) == (0, "")


def test_every_key_is_described():
    for name, section in SCHEMA["$defs"].items():
        for key, entry in section["properties"].items():
            assert entry.get("description"), f"{name}.{key}"


@pytest.mark.parametrize("stack_file", STACKS, ids=lambda path: path.name)
def test_every_stack_file_names_it_and_keeps_to_it(stack_file):
    text = stack_file.read_text()
    assert text.splitlines()[1] == "# yaml-language-server: $schema=schema.json"
    jsonschema.validate(yaml.safe_load(text), SCHEMA)


@pytest.mark.parametrize(
    ("key", "value"),
    [("instance", "p4d.24xlrge"), ("replica", 2), ("precision", "fp4"), ("rate", -1)],
)
def test_what_an_editor_underlines(key, value):
    content = yaml.safe_load((PROJECT / "stacks" / "Pulumi.prod-70b.yaml").read_text())
    content["config"]["r1-on-eks:stack"]["variants"]["70b"][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)
