"""An `up` and a destroy whose engine is killed: `r1 recover`, and nothing is doubled or left."""

import collections
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from killing import LIVES_ON_S, Killing, Point

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

VPC, CLUSTER = "aws:ec2/vpc:Vpc", "aws:eks/cluster:Cluster"
GROUP = "aws:eks/nodeGroup:NodeGroup"
# A VPC's or a workspace's from the beginning, and ends with it: of its deletion nobody is asked.
PARTS = (
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration",
)
MANAGED = {
    "kind": "managed-prometheus",
    "notify": {"sns": "arn:aws:sns:us-west-2:111122223333:r1-alerts"},
    "dashboards": False,
}
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
    # As an engine leaves it that dies between making this file and writing it.
    (torn,) = (checkout.state.backend / ".pulumi" / "stacks").glob("*/test-7b.json.attrs")
    torn.write_bytes(b"")
    told = stack.recover()
    assert f"{torn.name} was empty" in told
    assert re.search(rf"adopt +{CLUSTER} cluster test-7b", told), told
    stack.up()
    assert "nothing to recover" in stack.recover()
    assert stack.kill(Point("after", "delete", GROUP))
    stack.recover()
    stack.destroy()
    assert not left(checkout)


def commit():
    """Which code this is; `+` where the tree differs from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
        cwd=Path(__file__).parent, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return told.stdout.strip()


class Record:
    """The points that were recovered from, and at which commit; a run that broke off goes on.

    R1_KILLED_RECORD=FILE pytest tests/rehearsal/test_killed.py -m slow -s
    """

    def __init__(self, stack, points):
        file = os.environ.get("R1_KILLED_RECORD")
        self._file = Path(f"{file}-{stack}") if file else None
        self._stack, self._began = stack, time.monotonic()
        self._every = {point.fault: point for point in points}
        lines = self._file.read_text().splitlines() if self._file and self._file.exists() else []
        told = (line.partition(" ") for line in lines)
        self._met = {
            fault: at or "an unknown commit" for fault, _, at in told if fault in self._every
        }

    def left(self, work):
        return [
            one for fault, one in self._every.items()
            if one.work == work and fault not in self._met
        ]  # fmt: skip

    def met(self, points):
        faults, at = [point.fault for point in points], commit()
        self._met |= dict.fromkeys(faults, at)
        if self._file:
            with self._file.open("a") as file:
                file.writelines(f"{fault} {at}\n" for fault in faults)
        seconds = time.monotonic() - self._began
        print(f"{len(self._met)} recovered, {seconds:.0f} s: {' '.join(faults)}", flush=True)

    def tell(self):
        """How many of how many, by service, by commit and in all."""
        counts = collections.Counter()
        for fault, point in self._every.items():
            group = f"{point.work} {point.kind.partition('/')[0]}"
            counts[group, "of"] += 1
            counts[group, "met"] += fault in self._met
        for group in dict.fromkeys(group for group, _ in counts):
            print(f"{group}: {counts[group, 'met']} of {counts[group, 'of']}")
        for at, count in collections.Counter(self._met.values()).items():
            print(f"at {at}: {count}")
        print(f"{self._stack} killed: {len(self._met)} of {len(self._every)} recovered")
        assert sorted(self._met) == sorted(self._every)


def survived(stack, work, record, lives_on):
    """Dies at each of the points that one pass can meet, recovering each time."""
    while (points := record.left(work)) and (died := stack.kill(*points, lives_on=lives_on)):
        stack.recover()
        record.met(died)


def differences(believed, wanted):
    """In which words two states of a stack differ."""
    found = []
    for urn in {*believed, *wanted}:
        one, other = believed.get(urn, {}), wanted.get(urn, {})
        found += [
            (urn.rpartition("::")[2], key, one.get(key), other.get(key))
            for key in {*one, *other}
            if one.get(key) != other.get(key)
        ]
    return found


def survive_all(checkout, stack, record, wanted):
    """Passes from nothing to nothing, each equal to an undisturbed one, until all were met."""
    lives_on = LIVES_ON_S
    while open_ones := record.left("create") + record.left("delete"):
        survived(stack, "create", record, lives_on)
        stack.up()
        assert differences(stack.believed(), wanted) == []
        survived(stack, "delete", record, lives_on)
        stack.destroy()
        held = json.loads(checkout.run("r1", "rehearse", "status", "--json").stdout)["resources"]
        assert held == {}
        still = record.left("create") + record.left("delete")
        if len(still) == len(open_ones):
            # What is deleted last is over before others could die with it: now each dies alone.
            assert lives_on, [one.fault for one in still]
            lives_on = 0


def undisturbed(checkout, stack):
    """What Pulumi believes of a stack that nobody disturbed, and how many it has of each type."""
    unprotected(checkout, stack)
    standing = Killing(checkout, stack)
    standing.up()
    wanted = standing.believed()
    counts = collections.Counter(
        one["type"] for one in standing.resources()
        if not one["type"].startswith(("pulumi:", "r1:"))
    )  # fmt: skip
    standing.destroy()
    return wanted, counts


def points(work, counts):
    """Each type at each moment; where there are several, another of them at each, side by side."""
    return [
        Point(when, work, kind, number if number <= count else 1)
        for kind, count in counts.items()
        for number, when in enumerate(MOMENTS, 1)
        if (when, work) != ("after", "delete") or kind not in PARTS
    ]


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_prod_70b_survives_a_kill_at_every_step(checkout):
    wanted, counts = undisturbed(checkout, "prod-70b")
    # What is inside the cluster vanishes with it: no call deletes it.
    deleted = {kind: count for kind, count in counts.items() if kind.startswith("aws:")}
    record = Record("prod-70b", points("create", counts) + points("delete", deleted))
    survive_all(checkout, Killing(checkout, "prod-70b"), record, wanted)
    assert not left(checkout)
    record.tell()


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_all_variants_survives_kills_at_twenty_random_points(checkout):
    seed = int(os.environ.get("R1_KILLED_SEED") or random.randrange(2**32))
    print(f"seed {seed}")
    wanted, counts = undisturbed(checkout, "all-variants")
    record = Record("all-variants", random.Random(seed).sample(points("create", counts), 20))
    survive_all(checkout, Killing(checkout, "all-variants"), record, wanted)
    assert not left(checkout)
    record.tell()


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_amazons_prometheus_survives_a_kill_at_every_step_of_its_own(checkout):
    file = checkout.root / "stacks" / "Pulumi.test-7b.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["r1-on-eks:stack"]["monitoring"] = MANAGED
    file.write_text(yaml.safe_dump(content))
    assert checkout.run("r1", "plan", "test-7b", "--refresh").returncode == 0
    wanted, counts = undisturbed(checkout, "test-7b")
    own = {kind: count for kind, count in counts.items() if kind.startswith("aws:amp/")}
    assert len(own) == 5
    record = Record("managed-prometheus", points("create", own) + points("delete", own))
    survive_all(checkout, Killing(checkout, "test-7b"), record, wanted)
    assert not left(checkout)
    record.tell()
