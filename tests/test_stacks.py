"""Every file in stacks/ runs the whole program under mocks."""

import json
import runpy
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parent.parent
STACKS = sorted((PROJECT / "stacks").glob("Pulumi.*.yaml"))


def name_of(stack_file: Path) -> str:
    return stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def run(engine, stack_file: Path):
    values = yaml.safe_load(stack_file.read_text())["config"]
    config = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    program = PROJECT / "infra"
    return engine.declare(
        lambda: runpy.run_path(str(program), run_name="__main__"),
        stack=name_of(stack_file),
        config=config,
    )


@pytest.mark.parametrize("stack_file", STACKS, ids=name_of)
def test_a_stack_file_declares_what_its_snapshot_shows(engine, stack_file, snapshot):
    declared = run(engine, stack_file)
    assert [
        {"type": one.type, "name": one.name, "inputs": one.inputs}
        for one in sorted(declared.registered, key=lambda one: (one.type, one.name))
    ] == snapshot
