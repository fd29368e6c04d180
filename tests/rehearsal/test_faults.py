"""Each fault alone: what is told, what is left, and that the next run mends it."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from killing import KILLED, Killing, Point

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(1800)]

STACK = "test-7b"
GROUP = "aws:eks/nodeGroup:NodeGroup"


def failed(stack, fault, work="up"):
    """What an update tells that a fault ends."""
    done = stack.pulumi(work, fault)
    assert done.returncode not in (0, KILLED), done.stdout
    return done.stdout


def told_of(output, resource):
    """The error of one resource: the lines from its name in the diagnostics to the next one's."""
    until = rf"^ +\S*{re.escape(resource)}:\n(.*?)(?=^ +\S+ \(|\Z)"
    found = re.search(until, output.partition("Diagnostics:")[2], re.MULTILINE | re.DOTALL)
    assert found, output
    return found[1]


def mended(checkout, stack):
    """The next update ends well, the one after changes nothing, and nothing is left."""
    assert stack.unknown_to_pulumi() == []
    stack.up()
    assert stack.unknown_to_pulumi() == []
    again = stack.pulumi("up")
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", again.stdout), again.stdout
    stack.destroy()
    nothing_left(checkout)


def nothing_left(checkout):
    """Nothing in AWS; ends the local cloud."""
    swept = checkout.rehearse("r1", "sweep", STACK)
    assert swept.returncode == 0, swept.stdout
    assert f"nothing of {STACK} is left" in swept.stdout
    stopped = checkout.run("r1", "rehearse", "stop", "--expect-empty")
    assert stopped.returncode == 0, stopped.stdout


def test_calls_that_are_throttled_are_asked_again(checkout):
    stack = Killing(checkout, STACK)
    done = stack.pulumi("up", "throttle:*:3")
    assert done.returncode == 0, done.stdout
    mended(checkout, stack)


def test_a_call_that_is_throttled_for_good_is_told(checkout):
    stack = Killing(checkout, STACK)
    told = told_of(
        failed(stack, "throttle:CreateInternetGateway:1000"), "InternetGateway (network-internet)"
    )
    assert "CreateInternetGateway: RequestLimitExceeded" in told, told
    mended(checkout, stack)


def test_without_capacity_it_is_told_and_advised_what_to_try(checkout):
    stack = Killing(checkout, STACK)
    told = told_of(failed(stack, "no-capacity:g6.2xlarge"), "NodeGroup (r1-7b)")
    assert "InsufficientInstanceCapacity" in told, told
    assert stack.unknown_to_pulumi() == []
    advice = stack.recover()
    for words in ("gpu_zone: us-west-2a or us-west-2c", "instance: g6.xlarge", "purchase: spot"):
        assert words in advice, advice
    mended(checkout, stack)


def test_nodes_that_never_join_are_told_and_advised_where_to_look(checkout):
    stack = Killing(checkout, STACK)
    told = told_of(failed(stack, "node-group-fails:test-7b-r1-7b"), "NodeGroup (r1-7b)")
    assert "NodeCreationFailure" in told, told
    assert stack.unknown_to_pulumi() == []
    assert "get-console-output" in stack.recover()
    mended(checkout, stack)


def fewer_at_a_time(checkout):
    """An edit that changes an object in the cluster."""
    file = checkout.root / "stacks" / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["r1-on-eks:stack"]["variants"]["7b"]["concurrency"] = 4
    file.write_text(yaml.safe_dump(content))


def test_a_lost_api_server_is_told_and_is_no_obstacle_to_a_destroy(checkout):
    stack = Killing(checkout, STACK)
    stack.up()
    fewer_at_a_time(checkout)
    told = told_of(failed(stack, "api-server-lost"), "NetworkPolicy (serving-nobody-by-default)")
    assert "configured Kubernetes cluster is unreachable" in told, told
    assert stack.unknown_to_pulumi() == []
    stack.up()
    destroyed = stack.pulumi("destroy", "api-server-lost")
    assert destroyed.returncode == 0, destroyed.stdout
    nothing_left(checkout)


def test_a_dead_api_server_is_no_obstacle_to_a_destroy(checkout):
    stack = Killing(checkout, STACK)
    stack.up()
    os.kill(checkout.running()[f"{STACK}-kube-apiserver"], signal.SIGKILL)
    stack.destroy()
    nothing_left(checkout)


def test_what_takes_its_time_is_waited_for(checkout):
    stack = Killing(checkout, STACK)
    done = stack.pulumi("up", "slow:0.02")
    assert done.returncode == 0, done.stdout
    mended(checkout, stack)


def test_a_death_with_a_node_group_under_way_is_recovered_from(checkout):
    stack = Killing(checkout, STACK)
    assert stack.kill(Point("after", "create", GROUP, 2))
    stack.recover()
    mended(checkout, stack)


def test_what_a_killed_destroy_had_detached_is_not_detached_again(checkout):
    stack = Killing(checkout, STACK)
    stack.up()
    assert stack.kill(Point("after", "delete", "aws:autoscaling/attachment:Attachment"))
    assert "it is read again" in stack.recover()
    stack.destroy()
    nothing_left(checkout)
