"""What Grafana is given: its own model, the same each time, one place for each panel."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from r1_on_eks.plan.monitoring.dashboards import dashboards, uid_of
from r1_on_eks.rehearsal.prometheus_package import find_or_unpack_prometheus

sys.path.insert(0, str(Path(__file__).parent))
from alert_cases import CHECK, OTHER_CHECK, PLAN, plan_of

BOARDS = dashboards(PLAN)
each_board = pytest.mark.parametrize("file", BOARDS)


def test_there_is_one_of_the_stack_and_one_of_each_variant():
    assert {file: board["title"] for file, board in BOARDS.items()} == {
        "watched.json": "watched: all variants",
        "watched-r1-70b.json": "watched: 70b",
        "watched-r1-7b.json": "watched: 7b",
    }


@each_board
def test_grafanas_own_model_reads_it_and_writes_the_same(file):
    register_default_plugins()
    read = Dashboard.from_json(BOARDS[file])
    assert json.loads(JSONEncoder(sort_keys=True).encode(read)) == BOARDS[file]


def test_the_same_plan_has_the_same_dashboards():
    assert json.dumps(dashboards(plan_of())) == json.dumps(BOARDS)


def test_an_address_is_no_longer_than_grafana_takes_and_stays_different():
    long = [f"r1-on-eks-preview-of-a-long-branch-{number}" for number in range(2)]
    uids = [*(board["uid"] for board in BOARDS.values()), *map(uid_of, long)]
    assert len(set(uids)) == len(uids)
    assert all(len(uid) <= 40 for uid in uids)
    assert uid_of("watched") == "r1-watched"


@each_board
def test_panels_lie_beside_each_other_and_within_the_width(file):
    places = [panel["gridPos"] for panel in BOARDS[file]["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    # Each line is full, but for one panel that is alone in its row.
    lines = itertools.groupby(sorted(places, key=lambda one: one["y"]), lambda one: one["y"])
    assert {sum(place["w"] for place in line) for _, line in lines} <= {24, 12}


@each_board
def test_each_panel_has_a_number_a_unit_and_a_query_from_the_chosen_source(file):
    panels = [panel for panel in BOARDS[file]["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"


@each_board
def test_what_is_planned_is_dashed_and_what_is_measured_is_not(file):
    for panel in BOARDS[file]["panels"]:
        dashed = {
            override["matcher"]["options"]
            for override in panel.get("fieldConfig", {}).get("overrides", ())
        }
        planned = {
            target["refId"]
            for target in panel.get("targets", ())
            if target["expr"].startswith(("r1_plan:", "vector(")) and "or vector" not in target
        }
        assert dashed == planned, panel["title"]


def test_a_variant_is_shown_beside_its_predicted_interval():
    (panel,) = (one for one in BOARDS["watched-r1-70b.json"]["panels"]
                if one["title"] == "First token")  # fmt: skip
    asked = {target["expr"] for target in panel["targets"]}
    assert {f'r1_plan:first_token_seconds:{end}{{variant="70b"}}'
            for end in ("low", "likely", "high", "limit")} <= asked  # fmt: skip


def test_only_a_variant_that_is_asked_on_a_schedule_has_a_row_of_it():
    def rows(plan):
        return [
            {panel["title"] for panel in board["panels"] if panel["type"] == "row"}
            for board in dashboards(plan).values()
        ]

    assert ["Quality checks" in titles for titles in rows(PLAN)] == [False, True, True]
    assert not any("Quality checks" in titles for titles in rows(plan_of(quality=None)))


def job(number, check=CHECK, *, reason=None, ended=True, took=600):
    """Series of a Job: one that failed has a reason, "" for its own policy."""
    name = f'namespace="r1",job="kube-state-metrics",job_name="{check}-{number}"'
    failed = reason is not None
    series = {
        f"kube_job_status_start_time{{{name}}}": number,
        f"kube_job_status_succeeded{{{name}}}": int(ended and not failed),
        f'kube_job_failed{{{name},condition="true"}}': int(failed),
    }
    if reason:
        series[f'kube_job_status_failed{{{name},reason="{reason}"}}'] = 1
    if ended and not failed:
        series[f"kube_job_status_completion_time{{{name}}}"] = number + took
    return [{"series": key, "values": f"{value}x9"} for key, value in series.items()]


@pytest.mark.rehearsal
def test_the_row_of_quality_checks_tells_how_they_ended(tmp_path):
    panels = {one["title"]: one for one in BOARDS["watched-r1-70b.json"]["panels"]}
    held, fell, broke = panels["How checks ended, of those that are kept"]["targets"]
    took, limit = panels["How long checks took"]["targets"]
    assert limit["expr"] == 'r1_plan:quality_seconds:limit{variant="70b"}'
    since = panels["Since the last check that held"]["targets"][0]
    succeeded = (
        f'kube_cronjob_status_last_successful_time{{job="kube-state-metrics",namespace="r1",'
        f'cronjob="{CHECK}"}}'
    )
    series = [
        *job(100), *job(200, took=900), *job(300, reason=""), *job(400, reason="Evicted"),
        *job(500, ended=False), *job(600, check=OTHER_CHECK, reason=""),
        {"series": succeeded, "values": "-60x9"},
    ]  # fmt: skip
    expected = [
        (held, [("{}", 2)]),
        (fell, [("{}", 1)]),
        (broke, [("{}", 1)]),
        (took, [(f'{{job_name="{CHECK}-100"}}', 600), (f'{{job_name="{CHECK}-200"}}', 900)]),
        (since, [(succeeded.partition("time")[2], 360)]),
    ]
    tests = [
        {
            "expr": target["expr"],
            "eval_time": "5m",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples],
        }
        for target, samples in expected
    ]
    (tmp_path / "tests.json").write_text(
        json.dumps(
            {"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}]}
        )
    )
    found = find_or_unpack_prometheus(print)
    told = subprocess.run(
        [found.promtool, "test", "rules", "tests.json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
