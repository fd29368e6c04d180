"""Fifty stacks in a file backend: `r1 expire` ends the right ones, again, and after a crash."""

import json
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
import yaml

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

HOURS = {"settings": {"production": False, "lifetime": "8h"}, "age": 9}
# Kind → how many, and how each differs from a stack of eight hours that began nine hours ago.
KINDS = {
    "over": (8, {}),
    "over-elsewhere": (3, {"file": False}),
    "young": (9, {"age": 7}),
    "young-elsewhere": (3, {"age": 7, "file": False}),
    "for-ever": (10, {"settings": {"production": False}}),
    "production": (5, {"settings": {"production": True, "lifetime": "8h"}}),
    "protected": (3, {"protect": True}),
    "killed": (2, {"pending": "creating"}),
    "destroyed": (5, {"standing": False}),
    "tomorrow": (1, {"age": -24}),
    "updated": (1, {}),
}
EXPIRED = {
    f"{kind}-{number}" for kind in ("over", "over-elsewhere", "updated")
    for number in range(KINDS[kind][0])
}  # fmt: skip


def standing(stack, protect):
    prefix = f"urn:pulumi:{stack}::r1-on-eks::"
    root = {
        "urn": f"{prefix}pulumi:pulumi:Stack::r1-on-eks-{stack}",
        "custom": False, "type": "pulumi:pulumi:Stack",
    }  # fmt: skip
    part = {
        "urn": f"{prefix}r1:index:Network::network", "custom": False, "type": "r1:index:Network",
        "parent": root["urn"], "protect": protect,
    }  # fmt: skip
    return [root, part]


def write_stack(checkout, blank, stack, *, settings, age, file=True, protect=False, pending=None,
                standing_=True):  # fmt: skip
    backend = checkout.state.backend / ".pulumi"
    content = json.loads(json.dumps(blank).replace("blank", stack))
    latest = content["checkpoint"]["latest"]
    latest["resources"] = standing(stack, protect) if standing_ else []
    if pending:
        latest["pending_operations"] = [
            {"type": pending, "resource": {**latest["resources"][1], "inputs": {}}}
        ]
    (backend / "stacks" / "r1-on-eks" / f"{stack}.json").write_text(json.dumps(content))
    began = datetime.now(UTC) - timedelta(hours=age)
    history = {
        "kind": "update", "startTime": int(began.timestamp()), "message": "", "environment": {},
        "config": {"r1-on-eks:stack": settings},
        "result": "succeeded", "endTime": int(began.timestamp()) + 600, "version": 0,
    }  # fmt: skip
    folder = backend / "history" / "r1-on-eks" / stack
    folder.mkdir(parents=True)
    (folder / f"{stack}-{int(began.timestamp() * 1e9)}.history.json").write_text(
        json.dumps(history)
    )
    if file:
        (checkout.root / "stacks" / f"Pulumi.{stack}.yaml").write_text(
            yaml.safe_dump({"config": {"r1-on-eks:stack": settings}})
        )


@pytest.fixture
def fifty(checkout):
    """A checkout with fifty stacks, each of one of the kinds."""
    blank = checkout.root / "stacks" / "Pulumi.blank.yaml"
    blank.write_text("config: {}\n")
    made = checkout.rehearse("pulumi", "stack", "ls", "--stack", "blank")
    folder = checkout.state.backend / ".pulumi" / "stacks" / "r1-on-eks"
    content = json.loads((folder / "blank.json").read_text())
    assert content["checkpoint"]["stack"].endswith("blank"), made.stdout
    content["checkpoint"]["latest"] = content["checkpoint"]["latest"] or {
        "manifest": {"time": "2026-11-24T08:00:00Z", "magic": "", "version": "v3.259.0"},
    }
    blank.unlink()
    for entry in folder.glob("blank.json*"):
        entry.unlink()
    for kind, (count, changes) in KINDS.items():
        for number in range(count):
            wanted = {**HOURS, **changes}
            wanted["standing_"] = wanted.pop("standing", True)
            write_stack(checkout, content, f"{kind}-{number}", **wanted)
    return checkout


def judged(checkout):
    done = checkout.rehearse("r1", "expire", "--json")
    text = done.stdout[done.stdout.index("[\n") :]
    return {one["stack"]: one for one in json.JSONDecoder().raw_decode(text)[0]}


def lock(checkout, stack):
    """What an engine of another machine holds while it updates a stack."""
    folder = checkout.state.backend / ".pulumi/locks/organization/r1-on-eks" / stack
    held = {"pid": 1, "username": "me", "hostname": "elsewhere",
            "timestamp": "2026-11-24T08:00:00Z"}  # fmt: skip
    return f"mkdir -p {folder} && echo '{json.dumps(held)}' > {folder}/0.json"


def test_the_right_ones_of_fifty_are_destroyed_once_and_a_crash_is_gone_on_from(fifty):
    verdicts = judged(fifty)
    assert len(verdicts) == 50
    assert {name for name, one in verdicts.items() if one["expired"]} == EXPIRED

    # Killed in the middle, as by the end of a workflow's time.
    process = fifty.popen("r1", "rehearse", "--", "r1", "expire", "--yes", start_new_session=True)
    begun = 0
    for line in process.stdout:
        begun += line.startswith("destroying ")
        if begun == 3:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()

    # One that somebody updates from elsewhere stays; everything else goes.
    busy = fifty.rehearse("sh", "-c", f"{lock(fifty, 'updated-0')} && r1 expire --yes")
    assert busy.returncode == 1, busy.stdout
    assert "updated-0 stays: it is being updated" in busy.stdout
    again = fifty.rehearse("r1", "expire", "--yes")
    assert again.returncode == 0, again.stdout
    assert "1 of 50 stacks have expired" in again.stdout
    last = fifty.rehearse("r1", "expire", "--yes")
    assert "0 of 50 stacks have expired" in last.stdout
    listed = fifty.rehearse("pulumi", "stack", "ls", "--json").stdout
    rows = json.JSONDecoder().raw_decode(listed[listed.index("[\n") :])[0]
    gone = {row["name"] for row in rows if not row.get("resourceCount")}
    assert gone == EXPIRED | {f"destroyed-{number}" for number in range(5)}
