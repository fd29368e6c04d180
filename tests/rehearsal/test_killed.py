"""An `up` and a destroy whose engine is killed: `r1 recover`, and nothing is doubled or left."""

import json
import random
import re
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from killing import Killing, Point

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

VPC, CLUSTER = "aws:ec2/vpc:Vpc", "aws:eks/cluster:Cluster"
GROUP = "aws:eks/nodeGroup:NodeGroup"
MOMENTS = ("before", "after", "recorded")


def unprotected(checkout, stack):
    """The stack's file with its protection lifted, as a person would before a destroy."""
    file = checkout.root / "stacks" / f"Pulumi.{stack}.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["r1-on-eks:stack"]["deletion_protection"] = False
    file.write_text(yaml.safe_dump(content))


def left(checkout):
    """What the local cloud holds; ends it."""
    stopped = checkout.run("r1", "rehearse", "stop", "--expect-empty")
    return "" if stopped.returncode == 0 else stopped.stdout


def test_without_recovery_the_vpc_is_doubled_and_with_it_nothing_is(checkout):
    # One thing after the other: a role that were under way too has a name of its own, and would
    # be refused before the VPC is made again.
    stack = Killing(checkout, "test-7b", at_once=1)
    assert stack.kill(Point("after", "create", VPC))
    # The next engine knows nothing of the first VPC, and makes a second one.
    assert stack.kill(Point("before", "create", CLUSTER))
    stack = Killing(checkout, "test-7b")
    vpcs = checkout.rehearse(
        "aws", "ec2", "describe-vpcs", "--query", "length(Vpcs)",
        "--filters", "Name=tag:r1:stack,Values=test-7b",
    )  # fmt: skip
    assert vpcs.stdout.split()[-1] == "2"
    shown = checkout.rehearse("r1", "recover", "test-7b")
    assert shown.returncode == 1
    assert "nothing was changed" in shown.stdout
    told = stack.recover()
    assert re.search(rf"delete +{VPC} network-vpc", told), told

    assert stack.kill(Point("after", "create", CLUSTER))
    told = stack.recover()
    assert re.search(rf"adopt +{CLUSTER} cluster test-7b", told), told
    stack.up()
    assert "nothing to recover" in stack.recover()
    assert stack.kill(Point("after", "delete", GROUP))
    stack.recover()
    stack.destroy()
    assert not left(checkout)


def survived(stack, points):
    """Dies of each of the points once, recovering each time; those that were not reached."""
    open_ones = list(points)
    while open_ones and (died := stack.kill(*open_ones)):
        stack.recover()
        open_ones.remove(died)
        print(f"recovered from {died.fault}", flush=True)
    return open_ones


def survive_all(checkout, stack, made, ended, wanted):
    """Passes from nothing to nothing, each equal to an undisturbed one, until all were met."""
    while made or ended:
        before = len(made) + len(ended)
        made = survived(stack, made) if made else []
        stack.up()
        assert stack.believed() == wanted
        ended = survived(stack, ended) if ended else []
        stack.destroy()
        held = json.loads(checkout.run("r1", "rehearse", "status", "--json").stdout)["resources"]
        assert held == {}
        # Each pass meets one at least: what exists once can be adopted once.
        assert len(made) + len(ended) < before, [one.fault for one in made + ended]


def undisturbed(checkout, stack):
    """What Pulumi believes of a stack that nobody disturbed, and what a provider is called for."""
    unprotected(checkout, stack)
    standing = Killing(checkout, stack)
    standing.up()
    wanted = standing.believed()
    kinds = [
        kind for kind in dict.fromkeys(one["type"] for one in standing.resources())
        if not kind.startswith(("pulumi:", "r1:"))
    ]  # fmt: skip
    standing.destroy()
    return wanted, kinds


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_prod_70b_survives_a_kill_at_every_step(checkout):
    wanted, kinds = undisturbed(checkout, "prod-70b")
    made = [Point(when, "create", kind) for kind in kinds for when in MOMENTS]
    # What is inside the cluster vanishes with it: no call deletes it.
    ended = [
        Point(when, "delete", kind)
        for kind in kinds
        if kind.startswith("aws:")
        for when in MOMENTS
    ]
    survive_all(checkout, Killing(checkout, "prod-70b"), made, ended, wanted)
    assert not left(checkout)
    number = len(made) + len(ended)
    print(f"prod-70b killed at every step: {number} of {number} recovered")


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_all_variants_survives_kills_at_twenty_random_points(checkout):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    wanted, kinds = undisturbed(checkout, "all-variants")
    every = [Point(when, "create", kind) for kind in kinds for when in MOMENTS]
    made = random.Random(seed).sample(every, 20)
    survive_all(checkout, Killing(checkout, "all-variants"), made, [], wanted)
    assert not left(checkout)
    print(f"all-variants killed at random points of seed {seed}: 20 of 20 recovered")
