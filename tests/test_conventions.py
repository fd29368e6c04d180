"""Contracts over all components at once."""

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pulumi
import pytest
import r1_on_eks.resources
import yaml
from r1_on_eks import inputs, program, providers

PROJECT = Path(__file__).parent.parent
STACKS = sorted((PROJECT / "stacks").glob("Pulumi.*.yaml"))
ROOM = Path(next(iter(r1_on_eks.resources.__path__)))
MODULES = [
    importlib.import_module(f"r1_on_eks.resources.{file.stem}")
    for file in sorted(ROOM.iterdir())
    if not file.stem.startswith("__")
]
# With the files of components that have several.
FILES = sorted(ROOM.rglob("*.py"))
PROGRAM = [Path(module.__file__) for module in (program, inputs, providers)]
COMPONENTS = [
    value
    for module in MODULES
    for value in vars(module).values()
    if inspect.isclass(value)
    and issubclass(value, pulumi.ComponentResource)
    and value.__module__ == module.__name__
]
UNTAGGABLE = {
    "Route", "RouteTableAssociation", "RolePolicyAttachment", "RolePolicy", "Alias",
    "AccessPolicyAssociation", "Attachment", "Tag", "PullThroughCacheRule",
}  # fmt: skip


def name_of(stack_file):
    return stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml")


each_component = pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.__name__)
each_stack = pytest.mark.parametrize("stack_file", STACKS, ids=name_of)


def test_each_file_has_one_component_named_as_the_file():
    assert [re.sub(r"(?<!^)(?=[A-Z])", "_", c.__name__).lower() for c in COMPONENTS] == [
        module.__name__.rpartition(".")[2] for module in MODULES
    ]


@each_component
def test_a_component_takes_frozen_keyword_only_arguments(component):
    arguments = getattr(importlib.import_module(component.__module__), f"{component.__name__}Args")
    assert arguments.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(arguments))
    described = inspect.getdoc(arguments).partition("Attributes:")[2]
    for field in dataclasses.fields(arguments):
        assert f"\n    {field.name}: " in described
    assert list(inspect.signature(component.__init__).parameters)[1:] == ["name", "args", "opts"]


@each_component
def test_a_component_says_what_it_is_and_what_each_output_is(component):
    assert component.__doc__
    tree = ast.parse(inspect.getsource(component)).body[0]
    assert isinstance(tree, ast.ClassDef)
    for output, follower in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(output, ast.AnnAssign):
            assert isinstance(follower, ast.Expr), f"{ast.unparse(output)} has no docstring"


@pytest.mark.parametrize("file", [*FILES, *PROGRAM], ids=lambda f: str(f.relative_to(ROOM.parent)))
def test_functions_have_at_most_60_lines_and_nothing_applies(file):
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name
        assert not (isinstance(node, ast.Attribute) and node.attr == "apply")


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOM.parent)))
def test_components_do_not_import_each_other(file):
    own = f"r1_on_eks.resources.{file.relative_to(ROOM).with_suffix('').parts[0]}."
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and not node.module.startswith(own):
            assert not node.module.startswith("r1_on_eks.resources")


@pytest.mark.parametrize("file", PROGRAM, ids=lambda f: f.name)
def test_the_program_does_no_arithmetic(file):
    tree = ast.parse(file.read_text())
    operations = [n for n in ast.walk(tree) if isinstance(n, ast.BinOp)]
    assert all(isinstance(operation.op, ast.BitOr) for operation in operations)


@each_stack
def test_components_have_our_token_and_stand_alone(engine, stack_file):
    components = [one for one in engine.run(stack_file).registered if not one.custom]
    for one in components:
        if one.type == "pulumi:pulumi:Stack":
            continue
        assert one.type in {f"r1:index:{c.__name__}" for c in COMPONENTS}
        assert one.parent.endswith("::pulumi:pulumi:Stack::r1-on-eks-" + name_of(stack_file))


@each_stack
def test_each_resource_belongs_to_a_component_and_to_an_explicit_provider(engine, stack_file):
    for one in engine.run(stack_file).registered:
        if one.custom and not one.type.startswith("pulumi:providers:"):
            assert "$r1:index:" in one.parent, f"{one.type} {one.name} has no component"
            assert "$pulumi:providers:" in one.provider, f"{one.type} {one.name}"


@each_stack
def test_no_two_resources_of_a_type_share_a_name(engine, stack_file):
    keys = [(one.parent, one.type, one.name) for one in engine.run(stack_file).registered]
    assert len(keys) == len(set(keys))


@each_stack
def test_each_component_registers_the_outputs_it_announces(engine, stack_file):
    declared = engine.run(stack_file)
    for component in COMPONENTS:
        announced = set(vars(component).get("__annotations__", {})) - {"resource"}
        for urn, outputs in declared.outputs.items():
            if f"$r1:index:{component.__name__}::" in urn:
                assert set(outputs) == announced, urn
    components = [one for one in declared.registered if one.type.startswith("r1:index:")]
    registered = [urn for urn in declared.outputs if "$r1:index:" in urn]
    assert len(registered) == len(components)


@each_stack
def test_whatever_takes_tags_names_itself_and_its_variant(engine, stack_file):
    for one in engine.run(stack_file).registered:
        if one.type.startswith("aws:") and one.type.rpartition(":")[2] not in UNTAGGABLE:
            tags = one.inputs.get("tags", {})
            assert tags.get("r1:name") == one.name, f"{one.type} {one.name}"
            if one.name.startswith("r1-"):
                whose = tags.get("r1:variant") or tags["r1:pool"]
                assert whose in one.name.replace("r1-1-5b", "r1-1.5b")


@each_stack
def test_instances_and_volumes_carry_the_stack(engine, stack_file):
    templates = engine.run(stack_file).of_type("LaunchTemplate")
    assert len(templates) >= 2
    for template in templates:
        kinds = {
            spec["resourceType"]: spec["tags"] for spec in template.inputs["tagSpecifications"]
        }
        assert {"instance", "volume"} <= set(kinds)
        assert all(tags["r1:stack"] == name_of(stack_file) for tags in kinds.values())


@each_stack
def test_whatever_lives_in_the_cluster_vanishes_with_it_and_nothing_else_does(engine, stack_file):
    for one in engine.run(stack_file).registered:
        inside = one.type.startswith("kubernetes:")
        assert one.deleted_with.endswith("::cluster") == inside, f"{one.type} {one.name}"


@each_stack
def test_a_stack_file_disables_the_default_providers(stack_file):
    config = yaml.safe_load(stack_file.read_text())["config"]
    assert config["pulumi:disable-default-providers"] == ["aws", "kubernetes"]


def test_the_project_file_names_where_things_lie():
    project = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())
    assert (project["name"], project["main"], project["stackConfigDir"]) == (
        "r1-on-eks",
        "infra/",
        "stacks",
    )
