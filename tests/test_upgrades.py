"""A cluster's owner hears of the day on which EKS would upgrade it, before it comes."""

from datetime import date, timedelta
from pathlib import Path

import pulumi
import pytest
from r1_on_eks import cli
from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.plan.upgrades import is_due, upgrade_told

ENDS = KUBERNETES_VERSIONS["1.34"].standard_support_ends


@pytest.mark.parametrize(("days", "due"), [(91, False), (90, True), (0, True), (-1, True)])
def test_notice_is_given_ninety_days_before(days, due):
    assert is_due("1.34", ENDS - timedelta(days=days)) is due


def test_the_line_names_the_day_and_the_next_version():
    told = upgrade_told("1.34", ENDS - timedelta(days=8))
    assert f"until {ENDS} (8 days)" in told
    assert 'write kubernetes: "1.35" before, one version at a time' in told
    assert "left standard support" in upgrade_told("1.34", ENDS + timedelta(days=1))
    assert "no later version" in upgrade_told("1.36", date(2026, 11, 24))


def test_the_program_warns_when_it_is_due_and_only_then(engine, monkeypatch):
    stack = Path(__file__).parent.parent / "stacks" / "Pulumi.test-7b.yaml"
    warned = []
    monkeypatch.setattr(pulumi, "warn", lambda line: warned.append(line))
    for today in (ENDS - timedelta(days=200), ENDS - timedelta(days=20)):
        monkeypatch.setattr("r1_on_eks.program.date", Day(today))
        engine.run(stack, kubernetes="1.34")
    (told,) = (line for line in warned if line.startswith("Kubernetes"))
    assert "(20 days)" in told


class Day:
    """A calendar on which it is always the same day."""

    def __init__(self, day: date) -> None:
        self._day = day

    def today(self) -> date:
        return self._day


def test_r1_plan_says_it_always(capsys):
    assert cli.main(["plan", "prod-70b"]) == 0
    assert "Kubernetes 1.35" in capsys.readouterr().out
