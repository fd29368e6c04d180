"""How long an `up` and a destroy take with AWS's usual latencies, beside their longest path."""

import functools
import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from killing import Killing

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(3600)]

STACK = "test-7b"
# A cluster takes 108 s, a node group 48 s: long beside what the engine itself needs.
SLOW = "slow:0.2"


def steps_of(checkout, work):
    """URN → seconds at which its creation or deletion began and ended."""
    found = {}
    for line in (checkout.state.root / "steps.jsonl").read_text().splitlines():
        step = json.loads(line)
        if step["work"] == work:
            found.setdefault(step["urn"], {}).update(step)
    return {urn: (step["begins"], step["ends"]) for urn, step in found.items()}


def longest_path(steps, before):
    """Seconds of the longest chain of steps, each as long as it was, and its names."""

    @functools.cache
    def until(urn):
        took = steps[urn][1] - steps[urn][0] if urn in steps else 0.0
        seconds, names = max((until(one) for one in before[urn]), default=(0.0, ()))
        name = f"{urn.rpartition('::')[2]} {took:.1f}"
        return seconds + took, (*names, name) if took > 0.5 else names

    return max(until(urn) for urn in before)


def told(work, steps, path):
    makespan = max(end for _, end in steps.values()) - min(begin for begin, _ in steps.values())
    seconds, names = path
    print(
        f"{work} of {STACK}: {makespan:.1f} s, longest path {seconds:.1f} s,"
        f" {makespan / seconds:.3f} times; --parallel 16 per CPU ({os.cpu_count()})\n"
        f"  {' → '.join(names)}"
    )
    return makespan / seconds


def test_an_up_takes_hardly_longer_than_its_longest_path(checkout):
    stack = Killing(checkout, STACK)
    done = stack.pulumi("up", SLOW)
    assert done.returncode == 0, done.stdout
    resources = stack.resources()
    known = {one["urn"] for one in resources}
    earlier = {
        one["urn"]: tuple(sorted(set(one.get("dependencies") or ()) & known)) for one in resources
    }
    steps = steps_of(checkout, "create")
    assert told("up", steps, longest_path(steps, earlier)) <= 1.05

    done = stack.pulumi("destroy", SLOW)
    assert done.returncode == 0, done.stdout
    later = {urn: tuple(one for one in earlier if urn in earlier[one]) for urn in earlier}
    steps = steps_of(checkout, "delete")
    # The engine deletes in layers, and waits for the slowest of each: here nearly no detour.
    assert told("destroy", steps, longest_path(steps, later)) <= 1.05
