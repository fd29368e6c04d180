"""Which stacks have outlived their lifetime: decided from what Pulumi tells of them."""

from datetime import datetime, timedelta

import pytest
from r1_on_eks.operations.deployment import Deployment
from r1_on_eks.operations.expiry import duration_of, last_settings, verdict, written
from r1_on_eks.operations.locks import is_dead
from r1_on_eks.operations.pulumi_cli import Pulumi

BEGAN = "2026-11-24T08:00:00.000Z"
STANDING = {"resources": [{"urn": "urn:a", "type": "r1:index:Network"}]}
SETTINGS = {"production": False, "lifetime": "8h"}


def entry(kind, start, result="succeeded", **config):
    value = {"r1-on-eks:stack": {"objectValue": config}} if config else {}
    return {"kind": kind, "startTime": start, "result": result, "config": value}


def judged(now, *, settings=SETTINGS, history=None, deployment=STANDING):
    told = [entry("update", BEGAN)] if history is None else history
    moment = datetime.fromisoformat(now)
    return verdict("t", settings, told, Deployment({"deployment": deployment}), moment)


@pytest.mark.parametrize(
    ("now", "expired"),
    [
        ("2026-11-24T15:59:59+00:00", False),
        ("2026-11-24T16:00:00+00:00", True),
        # The same moments, in Tokyo and in New York.
        ("2026-11-25T00:59:59+09:00", False),
        ("2026-11-25T01:00:00+09:00", True),
        ("2026-11-24T10:59:59-05:00", False),
        ("2026-11-24T11:00:00-05:00", True),
    ],
)
def test_a_stack_expires_when_its_lifetime_is_over_in_every_time_zone(now, expired):
    assert judged(now).expired is expired
    # Histories are written in the time zone of whoever ran the update, too.
    assert judged(now, history=[entry("update", "2026-11-24T17:00:00+09:00")]).expired is expired


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"settings": {"production": False}}, "no lifetime"),
        ({"settings": {"production": True, "lifetime": "8h"}}, "protected"),
        ({"settings": SETTINGS | {"deletion_protection": True}}, "protected"),
        (
            {"deployment": {"resources": [{"urn": "u", "type": "t", "protect": True}]}},
            "protected",
        ),
        ({"deployment": {"resources": []}}, "nothing of it stands"),
        ({"deployment": {}}, "nothing of it stands"),
        ({"history": []}, "no update"),
        ({"history": [entry("update", BEGAN, "in-progress")]}, "being updated"),
        (
            {
                "deployment": STANDING
                | {"pending_operations": [{"type": "creating", "resource": {"urn": "u"}}]}
            },
            "first r1 recover t",
        ),
        ({"settings": SETTINGS | {"lifetime": "soon"}}, "soon is no lifetime"),
    ],
)
def test_a_stack_is_never_destroyed_when(changes, why):
    found = judged("2030-01-01T00:00:00+00:00", **changes)
    assert not found.expired
    assert why in found.why


def test_a_destroy_that_was_interrupted_goes_on():
    deleting = [{"type": "deleting", "resource": {"urn": "u"}}]
    again = judged(
        "2026-11-24T17:00:00+00:00", deployment=STANDING | {"pending_operations": deleting}
    )
    assert again.expired


def test_life_begins_with_the_first_update_after_the_last_destroy():
    history = [
        entry("update", "2026-11-24T12:00:00Z"),
        entry("update", "2026-11-24T10:00:00Z", "failed"),
        entry("destroy", "2026-11-24T09:00:00Z"),
        entry("update", BEGAN),
    ]
    assert not judged("2026-11-24T17:59:00+00:00", history=history).expired
    assert judged("2026-11-24T18:00:00+00:00", history=history).expired
    # One that failed ended nothing.
    history[2] = entry("destroy", "2026-11-24T09:00:00Z", "failed")
    assert judged("2026-11-24T16:00:00+00:00", history=history).expired


def test_a_clock_that_is_a_little_ahead_matters_not_and_one_that_is_wrong_destroys_nothing():
    ahead = [entry("update", "2026-11-24T12:04:00Z")]
    assert (
        "expires at 2026-11-24 20:04 UTC" in judged("2026-11-24T12:00:00+00:00", history=ahead).why
    )
    wrong = [entry("update", "2027-11-24T12:00:00Z")]
    assert "a clock is wrong" in judged("2026-11-24T12:00:00+00:00", history=wrong).why


def test_a_stack_without_a_file_is_judged_by_its_last_update():
    history = [entry("destroy", BEGAN), entry("update", BEGAN, lifetime="2h", production=False)]
    assert last_settings(history) == {"lifetime": "2h", "production": False}
    assert last_settings([]) == {}


@pytest.mark.parametrize("text", ["90m", "8h", "49h"])
def test_a_lifetime_is_written_as_it_is_read(text):
    assert written(duration_of(text)) == text


def test_days_are_written_as_hours():
    assert duration_of("2d") == timedelta(days=2)
    assert written(timedelta(days=2)) == "48h"


@pytest.mark.parametrize("text", ["8", "h", "0h", "-1h", "1.5h", "8 h", "8y", ""])
def test_what_is_no_lifetime_is_refused(text):
    with pytest.raises(ValueError, match="write 90m, 8h or 2d"):
        duration_of(text)


def test_a_lock_is_dead_only_when_its_process_was_here_and_is_gone():
    told = "the stack is currently locked by 1 lock(s). x: created by me@{} (pid {}) at now"
    assert is_dead(told.format("here", 2**22 + 1), "here")
    assert not is_dead(told.format("elsewhere", 2**22 + 1), "here")
    assert not is_dead(told.format("here", 1), "here")
    assert not is_dead("another error", "here")


def test_the_whole_history_is_asked_for_and_not_pulumis_first_ten(tmp_path, monkeypatch):
    """Counted from the tenth last update, a stack that is updated often would never expire."""
    pulumi = tmp_path / "pulumi"
    pulumi.write_text("""#!/bin/sh\nprintf '["%s"]' "$*"\n""")
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "--page-size 0 " in Pulumi("test-7b", tmp_path).history()[0]
