"""Placements are decided once, pinned, and read; what is pinned must go on fitting."""

import itertools
import json
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from r1_on_eks import cli
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.decisions_files import read_decisions
from r1_on_eks.placement_file import pins_path, read_pins, write_pins
from r1_on_eks.plan import DoesNotFit, NotPinned, Plan
from r1_on_eks.plan.choice import best, options
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.outlook import outlook, outlooks
from r1_on_eks.plan.placement import place
from r1_on_eks.plan.sharing import NothingMeets, cheapest_groups
from r1_on_eks.stack_config import (
    Pin,
    StackConfigError,
    WantedVariant,
    Workload,
    parse_pins,
    parse_stack_config,
)
from r1_on_eks.stack_config.decisions import Decisions

STACKS = Path(__file__).parent.parent / "stacks"
NAMES = sorted(
    one.name.removeprefix("Pulumi.").removesuffix(".yaml") for one in STACKS.glob("Pulumi.*.yaml")
)
ON_P4D = {
    "instance": "p4d.24xlarge",
    "precision": "bf16",
    "tensor_parallel": 8,
    "replicas": 1,
    "concurrency": 14,
}


def stack(name="prod-70b", **variants):
    settings = yaml.safe_load((STACKS / f"Pulumi.{name}.yaml").read_text())["config"]
    wanted = {"name": name, **settings["r1-on-eks:stack"]}
    if variants:
        wanted |= {"variants": variants, "weights": {"bucket": "weights", "storage": "s3-stream"}}
    return parse_stack_config(wanted)


def pin(workload=None, **placement):
    (made,) = parse_pins({"70b": {"workload": workload or {}, "placement": placement}}).values()
    return made


@pytest.mark.parametrize("name", NAMES)
def test_what_is_pinned_fits_and_answers_what_its_stack_asks(name):
    config = stack(name)
    plan = Plan.of(config, read_decisions(STACKS, name))
    assert {one.placement.variant.name for one in plan.models} == set(config.variants)
    missed = [one.placement.variant.name for one in outlooks(plan.models) if not one.meets]
    assert missed == []


@pytest.mark.parametrize("name", NAMES)
def test_placements_that_no_stack_asks_for_are_not_kept(name):
    assert set(read_pins(STACKS, name)) == set(stack(name).variants)


def test_a_pin_that_is_asked_for_more_than_it_answers_is_seen():
    asked = {"rate": 9.0}
    plan = Plan.of(stack(**{"70b": asked}), Decisions(placements={"70b": pin(asked, **ON_P4D)}))
    (found,) = outlooks(plan.models)
    assert not found.meets
    assert found.most_rate < 1


def test_a_variant_without_a_placement_is_refused_with_the_command_that_decides_it():
    with pytest.raises(NotPinned) as refused:
        Plan.of(stack(**{"70b": {}, "7b": {"instance": "g6.2xlarge"}}))
    assert str(refused.value).splitlines() == [
        "variants.70b: no concurrency, instance, tensor_parallel is decided yet;"
        " r1 plan prod-70b --refresh decides it",
        "variants.7b: no concurrency, tensor_parallel is decided yet;"
        " r1 plan prod-70b --refresh decides it",
    ]


def test_a_pin_for_another_workload_is_refused():
    with pytest.raises(NotPinned, match=r"variants\.70b\.rate: 2\.0, but its placement is for 1"):
        Plan.of(stack(**{"70b": {"rate": 2.0}}), Decisions(placements={"70b": pin(**ON_P4D)}))


def test_the_stack_file_has_the_last_word_on_every_number():
    config = stack(**{"70b": {"instance": "p4de.24xlarge", "tensor_parallel": 4, "replicas": 2}})
    (model,) = Plan.of(config, Decisions(placements={"70b": pin(**ON_P4D)})).models
    placed = model.placement
    assert (placed.instance.name, placed.tensor_parallel, placed.replicas, placed.concurrency) == (
        "p4de.24xlarge", 4, 2, 14
    )  # fmt: skip


def test_an_override_that_does_not_fit_is_refused_with_the_numbers():
    config = stack(**{"70b": {"concurrency": 200}})
    with pytest.raises(DoesNotFit, match=r"200 requests of 8192 tokens .* at most \d+ do"):
        Plan.of(config, Decisions(placements={"70b": pin(**ON_P4D)}))


def test_a_placement_over_nodes_is_planned_with_all_gpus_of_each():
    entry = {"instance": "p4d.24xlarge", "stages": 4, "tensor_parallel": 8, "concurrency": 8}
    (model,) = Plan.of(stack(**{"671b": entry})).models
    assert model.placement.nodes == 4
    assert "--pipeline-parallel-size" in model.server.arguments
    with pytest.raises(DoesNotFit, match=r"stages: a replica over 4 nodes takes all 8 GPUs"):
        Plan.of(stack(**{"671b": entry | {"tensor_parallel": 4}}))


SMALL = {"instance": "p4d.24xlarge", "tensor_parallel": 1, "concurrency": 4, "pool": "small"}


def test_variants_of_one_pool_share_its_node():
    plan = Plan.of(
        stack(**{"7b": SMALL, "1.5b": SMALL | {"replicas": 3}, "8b": {**SMALL, "pool": "own"}})
    )
    assert [(pool.name, pool.nodes) for pool in plan.gpu_pools] == [("r1-small", 1), ("r1-8b", 1)]
    assert [model.pool for model in plan.models] == ["r1-small", "r1-small", "r1-8b"]
    shared, of_8b = plan.gpu_pools
    assert "r1:variant" not in shared.tags
    assert of_8b.tags["r1:variant"] == "8b"
    prices = [one.usd_per_hour for one in outlooks(plan.models)]
    whole = INSTANCE_TYPES["p4d.24xlarge"].on_demand_usd_per_hour
    assert prices == pytest.approx([whole / 4, whole * 3 / 4, whole])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"replicas": 8}, "pool small is one p4d.24xlarge with 8 GPUs, and needs 9 (8 for 7b, 1"),
        ({"instance": "p4de.24xlarge"}, "is one node, not p4d.24xlarge and p4de.24xlarge"),
    ],
)
def test_a_shared_pool_is_one_node(changed, message):
    with pytest.raises(DoesNotFit) as refused:
        Plan.of(stack(**{"7b": SMALL | changed, "1.5b": SMALL}))
    assert message in str(refused.value)


def partitions(names):
    if not names:
        yield []
        return
    first, *rest = names
    for size in range(len(rest) + 1):
        for more in itertools.combinations(rest, size):
            left = [name for name in rest if name not in more]
            for others in partitions(left):
                yield [(first, *more), *others]


def price_of(members, found):
    """The lowest price of one pool, by trying every option of every member together."""
    if len(members) == 1:
        return best(found[members[0]]).usd_per_hour
    prices = [
        instance.on_demand_usd_per_hour
        for instance in INSTANCE_TYPES.values()
        if instance.on_demand_usd_per_hour
        for together in itertools.product(
            *([one for one in found[name] if one.instance is instance] for name in members)
        )
        if sum(one.gpus for one in together) <= instance.gpus
    ]
    return min(prices, default=float("inf"))


@settings(max_examples=15)
@given(
    names=st.lists(st.sampled_from([*VARIANTS]), min_size=2, max_size=4, unique=True),
    rate=st.floats(0.05, 2),
    context=st.integers(4096, 16384),
)
def test_pools_cost_what_brute_force_finds(names, rate, context):
    asked = {name: WantedVariant(rate=rate, context=context) for name in names}
    found = {name: options(VARIANTS[name], asked[name].workload) for name in names}
    lowest = min(
        sum(price_of(members, found) for members in division) for division in partitions(names)
    )
    groups = cheapest_groups(asked)
    assert sum(group.usd_per_hour for group in groups) == pytest.approx(lowest)
    assert sorted(one.variant.name for group in groups for one in group.options) == sorted(names)


def test_a_p4d_holds_many_small_variants():
    small = ["1.5b", "7b", "8b", "14b"]
    asked = {name: WantedVariant(instance="p4d.24xlarge", rate=0.1) for name in small}
    (group,) = cheapest_groups(asked)
    assert group.pool == "shared-1"
    assert sum(one.gpus for one in group.options) <= 8


def test_a_pool_of_ones_own_and_a_named_pool_are_kept():
    asked = {
        "1.5b": WantedVariant(instance="p4d.24xlarge", rate=0.1, pool="own"),
        "7b": WantedVariant(rate=0.1, pool="pair"),
        "8b": WantedVariant(rate=0.1, pool="pair"),
    }
    pools = {group.pool: [one.variant.name for one in group.options]
             for group in cheapest_groups(asked)}  # fmt: skip
    assert pools == {None: ["1.5b"], "pair": ["7b", "8b"]}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            {"per_token_s": 0.001},
            r"variants.70b: nothing answers 1 requests/s with the first token in 2 s and 1 ms"
            r" each; the fastest, 8 GPUs of \S+, takes \S+ s and \S+ ms alone",
        ),
        (
            {"instance": "p4d.24xlarge", "replicas": 1, "rate": 5.0},
            r"variants.70b: nothing with instance p4d.24xlarge, replicas 1 answers 5 requests/s"
            r" with the first token in 2 s and 80 ms each; at most \S+ do, on 8 GPUs of"
            r" p4d.24xlarge a replica",
        ),
        (
            {"instance": "g6.xlarge"},
            r"variants.70b: fits nowhere with instance g6.xlarge; r1 variants shows where it does",
        ),
    ],
)
def test_what_nothing_answers_is_told_with_the_nearest(wanted, message):
    with pytest.raises(NothingMeets, match=f"^{message}$"):
        cheapest_groups({"70b": WantedVariant(**wanted)})


@settings(max_examples=25)
@given(
    replicas=st.integers(1, 8),
    rate=st.floats(0.05, 3),
    concurrency=st.integers(1, 14),
)
def test_replicas_answer_as_much_together_as_each_times_their_number(replicas, rate, concurrency):
    workload = Workload(rate=rate)
    layout = {"instance": "p4d.24xlarge", "tensor_parallel": 8, "context": 8192}
    one, all_of_them = (
        outlook(place("70b", Layout(**layout, concurrency=concurrency, replicas=number)), workload)
        for number in (1, replicas)
    )
    assert all_of_them.most_rate == pytest.approx(one.most_rate * replicas)
    assert all_of_them.usd_per_hour == pytest.approx(one.usd_per_hour * replicas)
    assert all_of_them.usd_per_million_full == pytest.approx(one.usd_per_million_full)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the stacks, where `r1` is run."""
    shutil.copytree(STACKS, tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_refresh_pins_what_it_decides_and_the_second_time_nothing_is_new(project, capsys):
    file = project / "stacks" / "Pulumi.prod-70b.yaml"
    file.write_text(file.read_text().replace("rate: 0.3", "rate: 0.6"))
    assert cli.main(["plan", "prod-70b"]) == 1
    assert "variants.70b.rate: 0.6, but its placement is for 0.3" in capsys.readouterr().err
    assert cli.main(["plan", "prod-70b", "--refresh"]) == 0
    assert "70b on p4d.24xlarge: 2 × 8 GPUs" in capsys.readouterr().err
    pinned = read_pins(project / "stacks", "prod-70b")["70b"]
    assert (pinned.workload.rate, pinned.placement.replicas) == (0.6, 2)
    assert cli.main(["plan", "prod-70b", "--refresh"]) == 0
    assert "every placement is as it was" in capsys.readouterr().err
    assert cli.main(["plan", "prod-70b", "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert model["meets"] is True


def test_refresh_writes_nothing_where_nothing_meets(project, capsys):
    file = project / "stacks" / "Pulumi.prod-70b.yaml"
    file.write_text(file.read_text().replace("rate: 0.3", "rate: 0.3, per_token_s: 0.001"))
    before = pins_path(project / "stacks", "prod-70b").read_text()
    assert cli.main(["plan", "prod-70b", "--refresh"]) == 1
    assert "the fastest, 8 GPUs of p4d.24xlarge, takes" in capsys.readouterr().err
    assert pins_path(project / "stacks", "prod-70b").read_text() == before


def test_a_plan_that_misses_its_limits_says_so_and_one_that_could_be_cheaper_too(project, capsys):
    pins = read_pins(project / "stacks", "test-7b")
    one = pins["7b"]
    slow = one.model_copy(update={"placement": one.placement.model_copy(update={"replicas": 3})})
    write_pins(project / "stacks", "test-7b", {"7b": slow})
    assert cli.main(["plan", "test-7b"]) == 0
    assert "cheaper now: $0.98 an hour" in capsys.readouterr().out
    asked = one.workload.model_copy(update={"rate": 0.2})
    write_pins(project / "stacks", "test-7b", {"7b": Pin(workload=asked, placement=one.placement)})
    file = project / "stacks" / "Pulumi.test-7b.yaml"
    file.write_text(file.read_text().replace("rate: 0.05", "rate: 0.2"))
    assert cli.main(["plan", "test-7b"]) == 1
    assert "7b misses its limits" in capsys.readouterr().out


def test_a_wrong_file_of_placements_is_named_with_its_key(project, capsys):
    path = pins_path(project / "stacks", "test-7b")
    path.write_text(path.read_text().replace("g6.2xlarge", "g6.2xlrge"))
    assert cli.main(["plan", "test-7b"]) == 2
    assert (
        "placements/test-7b.yaml: 7b.placement.instance: g6.2xlrge is not an instance type of the"
        " catalogue; did you mean g6.2xlarge?"
    ) in capsys.readouterr().err
    with pytest.raises(StackConfigError, match="workload: is missing"):
        parse_pins({"7b": {"placement": {}}})


def test_a_workload_longer_than_its_context_is_refused(capsys):
    assert cli.main(["variants", "--context", "2048"]) == 2
    assert (
        "r1 variants: context 2048 is shorter than the average request, 1000 and 2000 tokens"
        in capsys.readouterr().err
    )
