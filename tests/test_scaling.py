"""Replicas that follow requests: what is decided, what KEDA is told, and a day replayed fast."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import promql_parser
import pytest
import yaml
from r1_on_eks import cli
from r1_on_eks.plan import DoesNotFit, Plan
from r1_on_eks.plan.monitoring.measured import measured
from r1_on_eks.plan.outlook import outlook
from r1_on_eks.plan.scaled_objects import first_token_query, scaled_object, under_way_query
from r1_on_eks.planning import traces
from r1_on_eks.planning.replay import DAY_STEPS, STEP, Server, noisy, replay
from r1_on_eks.planning.scaling_commands import replay_of, told
from r1_on_eks.stack_config import parse_stack_config

STACKS = Path(__file__).parent.parent / "stacks"
FILE = yaml.safe_load((STACKS / "Pulumi.test-7b.yaml").read_text())
PLACED = yaml.safe_load((STACKS / "placements" / "test-7b.yaml").read_text())["7b"]["placement"]
OFFICE = {"start": "07:30", "end": "19:00", "zone": "Europe/Berlin"}


def wanted(scale, **changes):
    stack = FILE["config"]["r1-on-eks:stack"]
    variant = PLACED | {"replicas": 4, "rate": 1.0, "scale": scale} | changes
    scales = {"cluster_autoscaler": True, "monitoring": {"kind": "prometheus"}}
    return stack | {"name": "team-7b", "variants": {"7b": variant}} | scales


def planned(scale, **changes):
    plan = Plan.of(parse_stack_config(wanted(scale, **changes)))
    return plan, plan.models[0]


def scaling(scale, **changes):
    return planned(scale, **changes)[1].scaling


SMALL = scaling({"min": 1})
SERVER = Server(rate=0.1, answer_s=60.0, first_token_s=0.5, at_a_time=11)


def steps(*parts):
    """Rates by (hours, requests per second)."""
    return [rate for hours, rate in parts for _ in range(int(hours * 3600 / STEP))]


def test_without_a_word_of_it_nothing_is_scaled():
    assert scaling(None) is None


@pytest.mark.parametrize(
    ("scale", "changes", "says"),
    [
        ({"min": 4}, {}, ".min: 4, and it has 4 in all; write replicas: 5"),
        ({"min": 1, "hours": OFFICE | {"replicas": 5}}, {}, ".hours.replicas: 5, and it has 4"),
        ({"min": 1}, {"pool": "shared", "replicas": 1}, ": it shares its node"),
        ({"min": 1}, {"reserved": True}, ": a reserved variant has no replicas"),
        (
            {"min": 1},
            {"purchase": {"reservation": "cr-0123456789abcdef0"}},
            ": a reservation is paid whether it is used or not",
        ),
        (
            {"min": 1},
            {"instance": "p4d.24xlarge"},
            ": a p4d.24xlarge that ends may not come back; leave scale out, or accept it with"
            " replaceable: true",
        ),
    ],
)
def test_what_cannot_be_scaled_is_refused_with_what_would_work(scale, changes, says):
    with pytest.raises(DoesNotFit) as refused:
        planned(scale, **changes)
    assert says in str(refused.value)


def test_a_replica_over_several_nodes_is_not_scaled():
    stack = wanted({"min": 1})
    over = {"instance": "p4d.24xlarge", "tensor_parallel": 8, "stages": 2, "concurrency": 8}
    stack["variants"] = {"70b": over | {"replicas": 2, "rate": 0.1, "scale": {"min": 1}}}
    with pytest.raises(DoesNotFit, match="over 2 nodes starts as a group"):
        Plan.of(parse_stack_config(stack))


def test_a_clock_without_quotes_is_a_clock():
    hours = yaml.safe_load("{start: 07:30, end: 19:00, zone: UTC}")
    assert scaling({"min": 0, "hours": hours}).hours.end == "19:00"


@pytest.mark.parametrize(
    ("days", "start", "zone"),
    [("mon-fri", "02:30", "Europe/Berlin"), ("mon-sun", "03:00", "Europe/Berlin"),
     ("mon-sun", "00:00", "UTC"), ("mon-sun", "02:30", "Asia/Tokyo")],
)  # fmt: skip
def test_hours_that_come_on_each_of_their_days_are_taken(days, start, zone):
    hours = {"days": days, "start": start, "end": "06:00", "zone": zone}
    assert scaling({"min": 0, "hours": hours}).hours.start == start


def test_all_that_is_paid_for_stays_what_the_placement_says():
    (_, fixed), (plan, model) = planned(None), planned({"min": 1})
    assert model.scaling.most == model.placement.replicas == fixed.placement.replicas
    [pool] = plan.gpu_pools
    assert pool.nodes == pool.most == model.placement.nodes


def test_a_longer_start_makes_slower_decisions():
    large = scaling({"min": 1}, instance="p4d.24xlarge", replaceable=True)
    slow = scaling({"min": 1}, tensor_parallel=1)
    for one in (SMALL, large, slow):
        assert one.down_seconds >= min(4 * one.start_seconds, 3600)
        assert one.up_seconds < one.start_seconds < one.limit_seconds


def test_a_replica_within_its_limits_has_fewer_under_way_than_it_takes():
    _, model = planned({"min": 1})
    assert 1 <= model.scaling.under_way < model.placement.concurrency


def test_the_queries_read_series_that_are_recorded():
    recorded = {rule["record"] for rule in measured(planned({"min": 1})[0])}
    for query in (under_way_query(planned({"min": 1})[1].scaling), first_token_query("7b")):
        parsed = promql_parser.parse(query)
        names = [name for name in recorded if name + "{" in query]
        assert names
        assert query.count("r1:") == len(names)
        assert parsed


def test_a_request_wakes_one_and_what_it_found_is_refused():
    one = scaling({"min": 0, "wake": True})
    # Two requests at noon, by hand.
    rates = steps((12, 0.0), (0.02, 0.02), (11.98, 0.0))
    day = replay(rates, one, SERVER)
    assert max(day.wanted) == 1
    woken = next(at for at, wanted in enumerate(day.wanted) if wanted)
    assert 0 < (woken - 12 * 3600 / STEP) * STEP <= 60
    assert day.wanted[-1] == 0
    assert day.refused > 0
    stood = sum(day.wanted[woken:]) * STEP
    assert one.start_seconds < stood <= one.down_seconds + 300


def test_without_wake_no_request_does():
    one = scaling({"min": 0, "hours": OFFICE})
    night = steps((6, 0.1))
    assert max(replay(night, one, SERVER).wanted) == 0


@pytest.mark.parametrize(
    ("scale", "says"),
    [
        ({"min": 0, "wake": True}, "answers in about 16 minutes"),
        ({"min": 0, "wake": True, "hours": OFFICE}, "answers in about 16 minutes"),
        ({"min": 0, "hours": OFFICE}, "it answers on mon-fri, 07:30 to 19:00 Europe/Berlin"),
    ],
)
def test_whoever_asks_where_none_stands_is_told_when_one_does(scale, says):
    # And is counted apart: nobody is to be woken by an alert for what sleeps as it should.
    plan, model = planned(scale)
    text = plan.gateway.configuration
    assert says in text
    assert "503asleep $again_in;" in text
    assert f"{model.name} {model.scaling.start_seconds};" in text
    assert "asleep503 asleep;" in text


def test_of_what_always_stands_the_gateway_says_nothing_of_sleep():
    assert "asleep" not in planned({"min": 1})[0].gateway.configuration


def test_keda_is_told_of_requests_at_the_gateway_where_they_wake():
    spec = scaled_object(scaling({"min": 0, "wake": True}))["spec"]
    last = spec["triggers"][-1]
    assert last["name"] == "asked"
    assert (last["metadata"]["threshold"], last["metadata"]["activationThreshold"]) == ("1", "0")
    assert promql_parser.parse(last["metadata"]["query"])
    assert [one["name"] for one in scaled_object(SMALL)["spec"]["triggers"]] == [
        "under-way", "first-token",
    ]  # fmt: skip


def test_answers_of_the_last_half_hour_keep_none_awake():
    one = scaling({"min": 0, "wake": True})
    # Active above its activationThreshold; KEDA's cool-down begins when no trigger is.
    active = {
        trigger["name"]: float(trigger["metadata"]["activationThreshold"])
        for trigger in scaled_object(one)["spec"]["triggers"]
    }
    assert active == {"under-way": 0, "first-token": one.first_token_s, "asked": 0}


@pytest.mark.parametrize(
    ("said", "told"),
    [("mon-fri", "mon-fri"), ("sat", "sat"), ("mon-sun", "mon-sat,sun"), ("sat-sun", "sat,sun"),
     ("sun", "sun")],
)  # fmt: skip
def test_keda_whose_weeks_begin_on_sunday_is_told_the_same_days(said, told):
    spec = scaled_object(scaling({"min": 0, "hours": OFFICE | {"days": said}}))["spec"]
    clock = spec["triggers"][-1]["metadata"]
    assert clock["start"] == f"30 7 * * {told}"
    assert clock["end"] == f"0 19 * * {told}"


def test_keda_is_told_what_was_decided():
    found = scaling({"min": 0, "hours": OFFICE | {"replicas": 2, "days": "mon-sat"}})
    spec = scaled_object(found, "http://prometheus:9090")["spec"]
    load, latency, clock = spec["triggers"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 4)
    assert load["metadata"]["threshold"] == str(found.under_way)
    assert float(latency["metadata"]["threshold"]) == found.first_token_s
    assert clock["metadata"] == {
        "timezone": "Europe/Berlin",
        "start": "30 7 * * mon-sat",
        "end": "0 19 * * mon-sat",
        "desiredReplicas": "2",
    }
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == found.down_seconds <= 3600
    assert behavior["scaleDown"]["policies"][0]["periodSeconds"] <= 1800


@pytest.mark.parametrize("seed", range(5))
def test_a_days_requests_move_replicas_and_nothing_flaps(seed):
    _, model = planned({"min": 1})
    expected = outlook(model.placement, model.workload)
    trace = traces.example(0.8 * expected.most_rate)
    one = replay_of(model, model.scaling, "us-west-2", trace, seed)
    day = one.day
    assert len(day.wanted) == DAY_STEPS
    assert (min(day.wanted), max(day.wanted)) == (1, 4)
    assert one.reversals == 0
    assert one.holds
    assert day.replica_hours < 24 * 4


def test_without_means_and_windows_the_same_day_flaps():
    hasty = replace(SMALL, mean_seconds=0, up_seconds=0, down_seconds=0)
    trace = noisy(traces.example(0.3), 1)
    assert replay(trace, hasty, SERVER).reversals(SMALL.start_seconds) > 10
    assert replay(trace, SMALL, SERVER).reversals(SMALL.start_seconds) == 0


def test_more_never_stand_than_the_placement_has_and_never_fewer_than_the_least():
    day = replay(steps((2, 0.0), (3, 0.35), (12, 0.0)), SMALL, SERVER)
    assert set(day.wanted) == {1, 2, 3, 4}
    assert day.wanted[-1] == 1


def test_a_further_replica_answers_after_its_start_and_is_paid_from_its_beginning():
    day = replay(steps((1, 0.01), (3, 0.3)), SMALL, SERVER)
    asked = next(at for at, count in enumerate(day.wanted) if count > 1)
    answers = next(at for at, count in enumerate(day.ready) if count > 1)
    assert (answers - asked) * STEP == pytest.approx(SMALL.start_seconds, abs=STEP)
    assert day.paid[asked] == day.wanted[asked]
    assert (asked * STEP - 3600) >= SMALL.up_seconds


def test_replicas_end_one_by_one_after_the_window():
    day = replay(steps((2, 0.39), (12, 0.0)), SMALL, SERVER)
    ends = [at for at, (one, two) in enumerate(pairwise(day.wanted)) if two < one]
    assert len(ends) == 3
    assert ends[0] * STEP - 2 * 3600 >= SMALL.down_seconds
    assert all((later - at) * STEP >= SMALL.down_period_seconds for at, later in pairwise(ends))


def test_the_clock_wakes_it_and_lets_it_sleep():
    found = scaling({"min": 0, "hours": OFFICE | {"replicas": 2}})
    day = replay(steps((24, 0.0)), found, SERVER)
    asleep = [at * STEP / 3600 for at, count in enumerate(day.wanted) if count == 0]
    awake = [at * STEP / 3600 for at, count in enumerate(day.wanted) if count > 0]
    assert awake[0] == 7.5
    assert max(day.wanted) == 2
    assert 19 + found.down_seconds / 3600 == pytest.approx(awake[-1], abs=0.05)
    assert asleep[-1] > 23
    assert day.refused == 0


def test_requests_at_night_are_refused_and_counted():
    found = scaling({"min": 0, "hours": OFFICE})
    assert replay(steps((7, 0.1)), found, SERVER).refused == pytest.approx(0.1 * 7 * 3600)


def write(root, **changes):
    stack = wanted({"min": 1}, **changes)
    del stack["name"]
    (root / "stacks").mkdir()
    file = {"config": {"r1-on-eks:stack": stack}}
    (root / "stacks" / "Pulumi.team-7b.yaml").write_text(yaml.safe_dump(file))


def test_the_command_prints_the_day_and_its_cost(tmp_path, monkeypatch, capsys):
    write(tmp_path, rate=0.25)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["scale", "team-7b"]) == 0
    said = capsys.readouterr().out
    for part in ("1 to 4 replicas of g6.2xlarge", "█", "% less", "made up", "an hour for the"):
        assert part in said
    assert max(map(len, said.splitlines())) <= 99
    assert cli.main(["scale", "team-7b", "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)
    assert one["day"]["reversals"] == 0
    assert one["day"]["replica_hours"] < one["day"]["fixed_replica_hours"] == 96


def test_a_trace_that_asks_too_much_is_an_answer_of_no(tmp_path, monkeypatch, capsys):
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day.csv").write_text("# mine\n00:00,0.1\n12:00,9\n23:59,9\n")
    assert cli.main(["scale", "team-7b", "--trace", "day.csv"]) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file"),
        ("", "has 0 points; write lines such as 08:30,0.4"),
        ("00:00,1\n25:00,1\n", "line 2: 25:00,1; write HH:MM"),
        ("00:00,1\n08:00,many\n", "line 2: 08:00,many"),
        ("00:00,1\n08:00,-1\n", "line 2: 08:00,-1"),
        ("08:00,1\n00:00,1\n", "its times must rise"),
        ("07:70,1\n09:00,1\n", "line 1: 07:70,1; write HH:MM"),
        ("00:00,1\n09:00,1e308\n", "line 2: 09:00,1e308"),
    ],
)
def test_a_wrong_trace_is_named_with_its_line(tmp_path, text, says):
    if text is not None:
        (tmp_path / "day.csv").write_text(text)
    with pytest.raises(traces.WrongTrace, match=says):
        traces.read(tmp_path / "day.csv")


def test_a_trace_of_a_spreadsheet_is_read(tmp_path):
    (tmp_path / "day.csv").write_bytes(b"\xef\xbb\xbf00:00,1\r\n12:00,1\r\n")
    assert set(traces.read(tmp_path / "day.csv")) == {1.0}


def test_a_stack_that_scales_nothing_says_how(monkeypatch, capsys):
    monkeypatch.chdir(STACKS.parent)
    assert cli.main(["scale", "test-7b"]) == 2
    assert "write scale: {min: 1}" in capsys.readouterr().err


def test_without_a_gpu_no_day_is_made_up():
    stack = wanted({"min": 1})
    over = {"instance": "m7i.2xlarge", "tensor_parallel": 1, "stages": 1, "precision": "bf16"}
    stack["variants"] = {
        "1.5b": over | {"concurrency": 4, "replicas": 2, "rate": 0.1, "scale": {"min": 1}}
    }
    [model] = Plan.of(parse_stack_config(stack)).models
    one = replay_of(model, model.scaling, "us-west-2")
    assert one.day is None
    assert told(one, None)[-1].endswith("no speed is predicted")
