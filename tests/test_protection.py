"""What a production stack keeps, and what a destroy of it begins with."""

import re
from pathlib import Path

import pytest
from pulumi_aws.ec2 import Eip
from r1_on_eks.plan.names import HOW_TO_LIFT_PROTECTION
from r1_on_eks.resources.protection import Protection, ProtectionArgs

STACKS = sorted((Path(__file__).parent.parent / "stacks").glob("Pulumi.*.yaml"))
# What holds state, takes long to rebuild, or is everybody's way in.
KEPT = {
    "aws:eks/cluster:Cluster", "aws:fsx/lustreFileSystem:LustreFileSystem", "aws:kms/key:Key",
    "aws:lb/loadBalancer:LoadBalancer", "r1:index:Protection",
}  # fmt: skip

IN_PRODUCTION = {
    "production": True, "allow_unpinned": True, "lifetime": None,
    "gateway": {"tls": {"secret": "gateway-tls"}},
}  # fmt: skip

each_stack = pytest.mark.parametrize("stack_file", STACKS, ids=lambda file: file.stem)


@pytest.mark.parametrize("protected", [True, False])
def test_it_depends_on_everything_that_it_is_given(engine, protected):
    def program():
        first, second = Eip("first"), Eip("second")
        Protection("guard", ProtectionArgs(protected=protected, everything=[first, second]))

    guard = engine.declare(program).one("Protection")
    assert guard.protect is protected
    assert {urn.rpartition("::")[2] for urn in guard.dependencies} == {"first", "second"}


@each_stack
def test_nothing_can_be_deleted_before_the_protection(engine, stack_file):
    """The engine deletes first what nothing depends on: there is one such resource."""
    registered = engine.run(stack_file).registered
    guard = engine.one("Protection", HOW_TO_LIFT_PROTECTION)
    held = {tuple(re.split(r"[$]|::", urn)[-2:]) for urn in guard.dependencies}
    declared = {(one.type, one.name) for one in registered if one.custom}
    assert {(kind, name) for kind, name in declared if not kind.startswith("pulumi:")} == held


@each_stack
def test_a_production_stack_keeps_what_holds_state_and_the_way_in(engine, stack_file):
    for one in engine.run(stack_file, **IN_PRODUCTION).registered:
        if one.type in KEPT or (one.type.endswith(":NodeGroup") and one.name == "system"):
            assert one.protect, f"{one.type} {one.name}"


@each_stack
def test_a_test_stack_keeps_nothing(engine, stack_file):
    assert not [
        one.name for one in engine.run(stack_file, production=False).registered if one.protect
    ]


@each_stack
def test_protection_is_lifted_by_one_key(engine, stack_file):
    engine.run(stack_file, **IN_PRODUCTION, deletion_protection=False)
    assert not [one.name for one in engine.registered if one.protect]
