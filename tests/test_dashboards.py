"""What Grafana is given: its own model, the same each time, one place for each panel."""

import itertools
import json
import sys
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from r1_on_eks.plan.monitoring.dashboards import dashboards, uid_of

sys.path.insert(0, str(Path(__file__).parent))
from alert_cases import PLAN, plan_of

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
