"""The cheapest placement is the cheapest: against brute force, and against common sense."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from r1_on_eks import cli
from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.model_shapes import TASKS
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.catalog.vllm_options import problems
from r1_on_eks.plan.choice import MOST_SEQUENCES, options
from r1_on_eks.plan.degrees import tensor_parallel_degrees
from r1_on_eks.plan.estimate import at_rate, replica_of
from r1_on_eks.plan.fit import memory
from r1_on_eks.plan.layout import UTILIZATION, Layout
from r1_on_eks.plan.placement import place
from r1_on_eks.plan.recommend import Wish, growth, recommend
from r1_on_eks.plan.server import server_of
from r1_on_eks.plan.speed import closed_loop
from r1_on_eks.stack_config import Weights, Workload

PROJECT = Path(__file__).parent.parent
CHAT = Workload(
    prompt=1000, output=1000, rate=1.0, context=8192, first_token_s=2.0, per_token_s=0.08
)
workloads = st.builds(
    Workload,
    prompt=st.integers(50, 4000),
    output=st.integers(50, 4000),
    rate=st.floats(0.05, 20),
    context=st.integers(8192, 32768),
    first_token_s=st.floats(0.2, 5),
    per_token_s=st.floats(0.01, 0.2),
)
variants = st.sampled_from([*VARIANTS.values()])


def brute_force(variant, workload):
    """The lowest price, by trying every number of answers at a time on every split."""
    lowest = None
    checkpoint = variant.published
    for instance in INSTANCE_TYPES.values():
        if not instance.gpus or instance.on_demand_usd_per_hour is None:
            continue
        gpu = GPUS[instance.gpu_model]
        splits = [
            (degree, stages)
            for degree in tensor_parallel_degrees(variant, checkpoint)
            for stages in range(1, 5)
            if degree <= instance.gpus
            and (stages == 1 or (degree == instance.gpus and instance.gpus > 1))
        ]
        for degree, stages in splits:
            split = {"tensor_parallel": degree, "pipeline_parallel": stages}
            replica = replica_of(variant, checkpoint, gpu, **split)
            rates, room = [], 0
            for running in range(1, MOST_SEQUENCES + 1):
                if not memory(variant, checkpoint, gpu, **split, utilization=UTILIZATION,
                              context=workload.context, concurrency=running).fits:  # fmt: skip
                    break
                room = running
                speed = closed_loop(replica, workload.prompt, workload.output, running)
                slow = (
                    speed.first_token > workload.first_token_s
                    or speed.per_token > workload.per_token_s
                )
                if not slow:
                    whole = speed.first_token + workload.output * speed.per_token
                    rates.append(0.9 * running / whole)
            if not rates:
                continue
            replicas = -(-workload.rate // max(rates))
            per_replica = workload.rate / replicas
            if at_rate(replica, gpu, prompt=workload.prompt, output=workload.output,
                       rate=per_replica, most=room) is None:  # fmt: skip
                continue
            nodes = replicas * stages if stages > 1 else -(-replicas // (instance.gpus // degree))
            price = nodes * instance.on_demand_usd_per_hour
            lowest = price if lowest is None else min(lowest, price)
    return lowest


@settings(max_examples=25)
@given(variant=variants, workload=workloads)
def test_the_search_finds_what_brute_force_finds(variant, workload):
    found = options(variant, workload)
    assert (found[0].usd_per_hour if found else None) == pytest.approx(
        brute_force(variant, workload)
    )


@settings(max_examples=25)
@given(variant=variants, workload=workloads, less=st.floats(0.05, 1), which=st.integers(0, 100))
def test_a_lower_price_never_makes_the_choice_dearer(variant, workload, less, which):
    before = options(variant, workload)
    rows = [row for row in INSTANCE_TYPES.values() if row.on_demand_usd_per_hour]
    number = which % len(rows)
    rows[number] = dataclasses.replace(
        rows[number], on_demand_usd_per_hour=rows[number].on_demand_usd_per_hour * less
    )
    after = options(variant, workload, instances=rows)
    assert len(after) == len(before)
    if before:
        assert after[0].usd_per_hour <= before[0].usd_per_hour


@settings(max_examples=25)
@given(variant=variants, workload=workloads)
def test_every_option_stays_within_what_was_asked(variant, workload):
    for option in options(variant, workload):
        assert option.concurrency * workload.context <= option.memory.tokens
        assert option.estimate.running <= option.concurrency
        share = workload.rate / option.replicas
        together = option.estimate.running / (
            option.estimate.first_token_s.likely
            + workload.output * option.estimate.per_token_s.likely
        )
        assert together == pytest.approx(share, rel=0.05) or option.estimate.running < 1.01


def test_every_variant_has_a_placement_on_p4d_and_the_671b_an_experimental_one():
    for name, variant in VARIANTS.items():
        found = options(variant, CHAT, instances=[INSTANCE_TYPES["p4d.24xlarge"]])
        assert found, name
        assert found[0].experimental is (name == "671b")


def test_the_servers_command_line_of_a_chosen_placement_is_taken_by_vllm():
    for variant in VARIANTS.values():
        option = next(one for one in options(variant, CHAT) if not one.experimental)
        wanted = Layout(
            instance=option.instance.name,
            tensor_parallel=option.tensor_parallel,
            replicas=min(64, option.replicas),
            context=CHAT.context,
            concurrency=option.concurrency,
            gpu_memory_utilization=UTILIZATION,
        )
        weights = Weights(bucket="weights-of-ours", storage="s3-stream")
        assert problems(server_of(place(variant.name, wanted), weights).arguments) == []


def test_r1_variants_names_all_seven_for_people_and_for_programs(capsys):
    assert cli.main(["variants"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in VARIANTS)
    assert cli.main(["variants", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["variants"]["70b"]["p4d.24xlarge"]["instance"] == "p4d.24xlarge"


def test_what_a_distillation_derives_from_binds_with_a_licence_of_its_own(capsys):
    # DeepSeek-R1's README, section License.
    bases = {
        "1.5b": "Apache-2.0", "7b": "Apache-2.0", "8b": "Llama 3.1", "14b": "Apache-2.0",
        "32b": "Apache-2.0", "70b": "Llama 3.3", "671b": None,
    }  # fmt: skip
    assert cli.main(["variants", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["licences"]
    assert {name: one["base"] and one["base"]["licence"] for name, one in told.items()} == bases
    assert {one["weights"] for one in told.values()} == {"MIT"}
    assert all(one["base"]["source"] for one in told.values() if one["base"])
    assert cli.main(["variants"]) == 0
    rows = capsys.readouterr().out.splitlines()
    for name, licence in bases.items():
        row = next(one for one in rows if one.startswith(f"{name} "))
        assert f"MIT, {licence}" in row if licence else "MIT" in row


@pytest.mark.parametrize("task", TASKS)
def test_the_recommended_variant_is_the_cheapest_that_is_meant_for_the_task(task):
    candidates = recommend(Wish(task=task, workload=CHAT))
    (taken,) = [one for one in candidates if one.taken]
    assert task in taken.variant.tasks
    for one in candidates:
        if one.option and task in one.variant.tasks:
            assert taken.option.usd_per_hour <= one.option.usd_per_hour
        assert one.verdict


def test_a_budget_rules_out_and_says_by_how_much(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "160")
    by_name = {
        one.variant.name: one
        for one in recommend(Wish(task="reasoning", workload=CHAT, budget=30.0))
    }
    assert by_name["671b"].verdict == "$63.30 an hour, over the budget of $30.00"
    assert by_name["7b"].verdict == "not for reasoning: its best is answers"
    assert cli.main(["recommend", "--task", "code", "--budget", "1"]) == 1
    assert "over the budget of $1.00" in capsys.readouterr().out
    assert cli.main(["recommend", "--task", "chat", "--json"]) == 0
    (taken,) = [one for one in json.loads(capsys.readouterr().out) if one["taken"]]
    assert taken["grows_to"][-1] == ["671b"]


@pytest.mark.parametrize(
    ("variant", "steps"),
    [
        ("7b", [("14b",), ("32b", "70b"), ("671b",)]),
        ("14b", [("32b", "70b"), ("671b",)]),
        ("32b", [("70b",), ("671b",)]),
        ("70b", [("671b",)]),
        ("671b", []),
    ],
)
def test_one_grows_from_14b_over_32b_or_70b_to_a_671b_in_reserve(variant, steps):
    assert growth(variant) == steps


def test_only_precisions_that_are_accepted_are_considered():
    candidates = recommend(
        Wish(task="reasoning", workload=CHAT, accepted=lambda one: one.precision == "int4")
    )
    assert {one.option.checkpoint.precision for one in candidates if one.option} == {"int4"}


def test_r1_plan_shows_a_stack_and_says_which_there_are(monkeypatch, capsys):
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["plan", "prod-70b"]) == 0
    shown = capsys.readouterr().out
    assert "1 × p4d.24xlarge" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert cli.main(["plan", "prod-70b", "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert model["full"]["per_token_s"]["low"] < model["full"]["per_token_s"]["high"]
    assert cli.main(["plan", "no-such"]) == 2
    assert "there are all-variants, edge-1.5b," in capsys.readouterr().err


def test_r1_plan_refuses_a_stack_that_does_not_fit(tmp_path, monkeypatch, capsys):
    (tmp_path / "stacks").mkdir()
    text = (PROJECT / "stacks" / "Pulumi.prod-70b.yaml").read_text()
    larger = text.replace("context: 32768", "context: 32768, tensor_parallel: 8, concurrency: 99")
    (tmp_path / "stacks" / "Pulumi.big.yaml").write_text(larger)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plan", "big"]) == 1
    assert "variants.70b.concurrency: 99 requests" in capsys.readouterr().err
