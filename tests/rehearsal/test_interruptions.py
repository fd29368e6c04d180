"""What a person's Ctrl-C, a kill and a neighbour do to a rehearsal."""

import json
import os
import re
import signal
import time

import psutil
import pytest
from r1_on_eks.rehearsal.interrupted import pending_operations

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

_UP = ("r1", "rehearse", "--", "pulumi", "up", "--yes", "--skip-preview", "--stack", "test-7b")


def up_until(checkout, sign):
    """Starts `pulumi up` as a terminal would, in a process group; returns it at `sign`."""
    process = checkout.popen(*_UP, start_new_session=True)
    seen = []
    for line in process.stdout:
        seen.append(line)
        if re.search(sign, line):
            return process
    raise AssertionError("".join(seen))


def plugins_of(checkout):
    """Engines and plug-ins that run for this checkout."""
    state = str(checkout.root / ".rehearsal")
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if "language_host" in words or "_provider" in words or "pulumi up" in words:
            try:
                if process.environ().get("R1_REHEARSAL_STATE") == state:
                    found.append(words)
            except psutil.Error:
                continue
    return found


def until(found, timeout=10):
    deadline = time.monotonic() + timeout
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_ctrl_c_ends_in_order_and_the_next_up_goes_on_without_doubling(checkout):
    process = up_until(checkout, r"aws:eks:Cluster cluster creating")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0, output
    until(lambda: not plugins_of(checkout))

    again = checkout.run(*_UP)
    assert again.returncode == 0, again.stdout
    clusters = json.loads(checkout.rehearse("aws", "eks", "list-clusters").stdout)["clusters"]
    assert clusters == ["test-7b"]
    vpcs = checkout.rehearse(
        "aws", "ec2", "describe-vpcs", "--filters", "Name=tag:r1:stack,Values=test-7b"
    )
    assert len(json.loads(vpcs.stdout)["Vpcs"]) == 1
    third = checkout.run(*_UP)
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", third.stdout), third.stdout


def test_after_a_kill_no_process_is_orphaned_and_one_line_says_what_may_be_lost(checkout):
    process = up_until(checkout, r"aws:eks:Cluster cluster creating")
    # The display announces a step before the engine has written it down.
    creating = "creating aws:eks/cluster:Cluster cluster"
    until(lambda: creating in pending_operations(checkout.state, "test-7b"))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    until(lambda: not plugins_of(checkout))

    after = checkout.rehearse("pulumi", "stack", "ls", "--stack", "test-7b")
    told = [one for one in after.stdout.splitlines() if "was killed" in one]
    assert len(told) == 1, after.stdout
    assert "update of test-7b" in told[0]
    assert creating in told[0]
    status = checkout.rehearse("r1", "status", "test-7b")
    assert status.returncode == 1, status.stdout
    assert re.search(r"✗ update .*ended before its end.*\n +→ r1 recover test-7b\n", status.stdout)


def test_two_rehearsals_side_by_side_do_not_meet(checkout, neighbour):
    first = checkout.popen(*_UP)
    second = neighbour.popen(*_UP)
    for process in (first, second):
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    pids = [set(one.running().values()) for one in (checkout, neighbour)]
    assert pids[0]
    assert not pids[0] & pids[1]
    checkout.run("r1", "rehearse", "stop")
    assert neighbour.run("r1", "rehearse", "report", "test-7b").returncode == 0


def test_a_dead_cloud_is_forgotten_together_with_its_stacks(checkout):
    assert checkout.rehearse("pulumi", "stack", "ls", "--stack", "test-7b").returncode == 0
    os.kill(checkout.running()["aws-cloud"], signal.SIGKILL)
    after = checkout.rehearse("aws", "s3", "ls")
    assert "both start empty" in after.stdout, after.stdout
    assert after.returncode == 0
