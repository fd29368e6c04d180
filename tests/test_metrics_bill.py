"""What a managed Prometheus costs: samples by tier, what is kept, what is asked, its collector."""

import dataclasses
import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml
from r1_on_eks import cli
from r1_on_eks.cost.bill import Terms, bill_of
from r1_on_eks.cost.charges import Amount, always
from r1_on_eks.cost.declared import Declaration, Declared, Unknown
from r1_on_eks.cost.samples import ASSUMED_SAMPLES, samples_of
from r1_on_eks.stack_config import Usage
from r1_on_eks.stack_file import plan_of

PROJECT = Path(__file__).parent.parent
PLAN = plan_of("prod-70b", PROJECT / "stacks")
HOURS, GIB, MANY = 730, 2**30, always(629e6)
WORKSPACE, SCRAPER = "aws:amp/workspace:Workspace", "aws:amp/scraper:Scraper"
CONFIGURATION = "aws:amp/workspaceConfiguration:WorkspaceConfiguration"


def declared(type_, name, region="us-east-1", needs=None, **inputs):
    return Declared(urn=f"s::p::{type_}::{name}", type=type_, needs=needs or {},
                    inputs={"region": region, **inputs})  # fmt: skip


def kept(days, workspace="one"):
    needs = {"workspaceId": (f"s::p::{WORKSPACE}::{workspace}",)}
    return declared(CONFIGURATION, workspace, needs=needs, retentionPeriodInDays=days)


def bill(*resources, samples=MANY, **usage):
    terms = Terms(day=date(2026, 11, 25), samples=samples, usage=Usage(**usage))
    return bill_of(Declaration({one.urn: one for one in resources}), terms)


def dollars(found):
    return {line.told: line.monthly.desired for line in found.lines}


def test_a_workspace_costs_what_it_takes_in_what_it_keeps_and_what_is_asked_of_it():
    found = bill(declared(WORKSPACE, "one"), kept(150), queried_samples_million=8300)
    months = 150 / (HOURS / 24)
    assert dollars(found) == pytest.approx({
        "samples taken in": 62.9 * 0.9,
        # Two bytes a sample, half as much besides.
        "metrics, kept 150 days": 629e6 * months * 2 * 1.5 / GIB * 0.03,
        "samples that rules and people ask for": 8.3 * 0.1,
    })  # fmt: skip
    assert all(line.assumed for line in found.lines)
    # The configuration costs nothing, and what it says is the workspace's.
    assert (found.coverage["by use"], found.coverage["free"], found.gaps) == (1, 1, ())


def test_samples_cost_less_above_two_and_above_252_billion():
    found = dollars(bill(declared(WORKSPACE, "one"), samples=always(300e9)))
    assert found["samples taken in"] == pytest.approx(200 * 0.9)
    assert found["samples taken in above 2 billion"] == pytest.approx(25_000 * 0.35)
    assert found["samples taken in above 252 billion"] == pytest.approx(4_800 * 0.16)


def test_scaled_in_it_takes_in_less_and_scaled_out_more():
    found = bill(declared(WORKSPACE, "one"), samples=Amount(1e9, 2e9, 3e9))
    first, above = found.lines[:2]
    assert [*first.monthly] == pytest.approx([90, 180, 180])
    assert [*above.monthly] == pytest.approx([0, 0, 35])


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ([], "metrics, kept 150 days"),
        ([kept(7)], "metrics, kept 7 days"),
        ([kept(7, workspace="another")], "metrics, kept 150 days"),
    ],
)
def test_it_keeps_as_long_as_its_own_configuration_says(configuration, told):
    assert told in dollars(bill(declared(WORKSPACE, "one"), *configuration))


def test_days_that_are_not_known_yet_are_a_gap():
    (gap,) = bill(declared(WORKSPACE, "one"), kept(Unknown(("x::y",)))).gaps
    assert (gap.kind, gap.why) == ("unknown", "retentionPeriodInDays: unknown until y stands")


def test_a_collector_costs_its_hours_its_samples_and_the_way_between_zones():
    found = bill(declared(SCRAPER, "one"), scrape_gb=50)
    assert dollars(found) == pytest.approx({
        "collector": 0.04 * HOURS,
        "samples collected": 62.9 * 0.03,
        "metrics between zones, each way": 2 * 50 * 0.01,
    })  # fmt: skip
    assert [line.told for line in found.lines if not line.assumed] == ["collector"]


def test_two_workspaces_and_two_collectors_share_what_one_stack_measures():
    one = bill(declared(WORKSPACE, "one"), declared(SCRAPER, "one"))
    two = bill(*(declared(kind, name) for kind in (WORKSPACE, SCRAPER) for name in ("one", "two")))
    assert two.monthly.desired - one.monthly.desired == pytest.approx(0.04 * HOURS)


@pytest.mark.parametrize(
    "kind",
    ["ruleGroupNamespace:RuleGroupNamespace", "alertManagerDefinition:AlertManagerDefinition"],
)
def test_rules_and_alerts_cost_nothing_by_themselves(kind):
    found = bill(declared(f"aws:amp/{kind}", "one"))
    assert (found.lines, found.gaps, found.coverage["free"]) == ((), (), 1)


def test_where_nobody_read_a_price_it_is_not_priced_and_named():
    found = bill(declared(SCRAPER, "one", region="ap-northeast-1"))
    assert {gap.why for gap in found.gaps} == {
        "collector in ap-northeast-1", "samples collected in ap-northeast-1",
    }  # fmt: skip
    assert found.coverage["not priced"] == 1


# How many samples.
def test_a_plan_tells_how_many_scaled_in_as_declared_and_scaled_out():
    found = samples_of(Usage(), PLAN)
    assert found.most == PLAN.monitoring.volume.samples_a_month
    assert 0 < found.least < found.desired < found.most
    more = dataclasses.replace(PLAN, gpu_pools=())
    assert samples_of(Usage(), more).least == found.least


def test_the_stack_file_overrules_the_plan_and_without_either_they_are_assumed():
    assert samples_of(Usage(metric_samples_million=50), PLAN) == always(50e6)
    assert samples_of(Usage(), None) == ASSUMED_SAMPLES


# The commands.
@pytest.fixture
def managed(tmp_path, monkeypatch):
    """The project, with prod-70b under a managed Prometheus; `usage` may be changed."""
    for name in ("Pulumi.yaml", "infra", "components"):
        (tmp_path / name).symlink_to(PROJECT / name)
    shutil.copytree(PROJECT / "stacks", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "stacks" / "Pulumi.prod-70b.yaml"

    def change(**usage):
        told = yaml.safe_load(file.read_text())
        stack = told["config"]["r1-on-eks:stack"]
        stack["monitoring"] = {"kind": "managed-prometheus", "retention_days": 150}
        stack["usage"] = usage
        file.write_text(yaml.safe_dump(told))

    return change


def test_the_bill_of_a_stack_has_it_and_no_gap(managed, capsys):
    managed()
    assert cli.main(["cost", "prod-70b", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["bill"]
    assert told["gaps"] == []
    amp = {
        one["told"]: [one["usd_per_month"][size] for size in ("least", "desired", "most")]
        for one in told["lines"]
        if one["component"] == "managed-prometheus"
    }
    samples = [*samples_of(Usage(), PLAN)]
    assert amp["samples taken in"] == pytest.approx([n / 1e7 * 0.9 for n in samples])
    assert amp["samples collected"] == pytest.approx([n / 1e7 * 0.03 for n in samples])
    assert amp["collector"] == pytest.approx([0.04 * HOURS] * 3)
    assert {"metrics, kept 150 days", "samples that rules and people ask for"} <= set(amp)
    assert told["usd_per_month_by_component"]["managed-prometheus"] == pytest.approx(
        sum(desired for _, desired, _ in amp.values())
    )


@pytest.mark.parametrize(("usage", "usd"), [({}, 82), ({"metric_samples_million": 2000}, 218)])
def test_the_plan_says_the_same_before_any_program_runs(managed, usage, usd, capsys):
    managed(**usage)
    assert cli.main(["plan", "prod-70b"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"Amazon's Prometheus takes them in and keeps 150 days: ${usd} a month" in out
    assert "of a node's disk" not in out
    assert cli.main(["cost", "prod-70b", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["bill"]["usd_per_month_by_component"]
    assert round(told["managed-prometheus"]) == usd


def test_the_page_says_what_it_costs(managed, capsys):
    managed()
    assert cli.main(["cost", "prod-70b", "--json"]) == 0
    found = {
        one["told"]: one["usd_per_month"]["desired"]
        for one in json.loads(capsys.readouterr().out)["bill"]["lines"]
        if one["component"] == "managed-prometheus"
    }
    page = (PROJECT / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"^\| ([a-z ]+) \| \$([\d.]+) \| ([^|]+) \|", page, re.M)
    usd = {name: float(told) for name, told, _ in rows}
    names = {
        "samples asked for": "samples that rules and people ask for",
        "between zones": "metrics between zones, each way",
        "storage": "metrics, kept 150 days",
    }
    assert {names.get(name, name): told for name, told in usd.items()} == pytest.approx(
        found, abs=0.005
    )
    least, desired, most = (round(number / 1e6) for number in samples_of(Usage(), PLAN))
    (much,) = (one for name, _, one in rows if name == "samples taken in")
    assert much == f"{desired} million as declared; {least} scaled in, {most} scaled out"
