"""Every stack comes up with every pod placed by the scheduler, changes nothing twice, and goes.

`pytest -s tests/rehearsal/test_every_stack.py` prints the table as it fills.
"""

import json
import re
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(1200)]

STACKS = sorted(
    one.name.removeprefix("Pulumi.").removesuffix(".yaml")
    for one in (Path(__file__).parents[2] / "stacks").glob("Pulumi.*.yaml")
)
# With two processors and the tools built; a busy machine takes longer.
LONGEST_UP_SECONDS = 240


@pytest.fixture(scope="module")
def table():
    rows = [("stack", "resources", "nodes", "pods", "up s", "again s", "destroy s")]
    yield rows
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)))


@pytest.mark.parametrize("stack", STACKS)
def test_it_comes_up_changes_nothing_twice_and_leaves_nothing(shared_checkout, stack, table):
    checkout = shared_checkout
    began = time.monotonic()
    up = checkout.rehearse(
        "pulumi", "up", "--yes", "--skip-preview", "--stack", stack, timeout=600
    )
    seconds = time.monotonic() - began
    assert up.returncode == 0, up.stdout
    resources = int(re.search(r"\+ (\d+) created", up.stdout)[1])

    nodes = objects(checkout, "nodes")
    pods = objects(checkout, "pods")
    assert not_running(pods) == []
    assert pods_by_name(pods, "r1-")
    # The scheduler put each on a node that the stack declared.
    names = {node["metadata"]["name"] for node in nodes}
    assert {pod["spec"]["nodeName"] for pod in pods} <= names

    began = time.monotonic()
    again = checkout.rehearse("pulumi", "up", "--yes", "--stack", stack)
    unchanged = time.monotonic() - began
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", again.stdout), again.stdout

    began = time.monotonic()
    down = checkout.run("make", "down", f"STACK={stack}", timeout=600)
    assert "local cloud: 0 resources were left" in down.stdout, down.stdout
    gone = time.monotonic() - began
    table.append(
        (stack, resources, len(nodes), len(pods), *map(round, (seconds, unchanged, gone)))
    )
    print("  ".join(map(str, table[-1])))
    assert seconds < LONGEST_UP_SECONDS


def objects(checkout, kind):
    shown = checkout.rehearse("kubectl", "get", kind, "--all-namespaces", "-o", "json")
    return json.loads(shown.stdout)["items"]


def pods_by_name(pods, prefix):
    return [pod for pod in pods if pod["metadata"]["name"].startswith(prefix)]


def not_running(pods):
    return [
        (pod["metadata"]["name"], pod["status"]["phase"])
        for pod in pods
        if pod["status"]["phase"] not in ("Running", "Succeeded")
    ]
