"""From `pulumi up` to the first answer: every stage fits into every time-out on its way."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from r1_on_eks import cli
from r1_on_eks.plan.stages import COMPILE, FETCH, IMAGE, LOAD, NODES, SYNC, stages_of
from r1_on_eks.plan.timeline import PROBE_PERIOD_SECONDS
from r1_on_eks.stack_file import plan_of, stack_names

PROJECT = Path(__file__).parent.parent
STACKS = PROJECT / "stacks"
MODELS = [
    pytest.param(model, plan.storage, id=f"{stack}: {model.placement.variant.name}")
    for stack in stack_names(STACKS)
    for plan in [plan_of(stack, STACKS)]
    for model in plan.models
]


def by_name(model, storage, sync=None):
    return {stage.name: stage for stage in stages_of(model, storage, sync)}


def minutes(text):
    return int(text.removesuffix("m")) * 60


def option(model, name):
    return int(model.arguments[model.arguments.index(name) + 1])


@pytest.mark.parametrize(("model", "storage"), MODELS)
def test_every_stage_of_every_stack_fits_into_every_time_out_on_its_way(model, storage):
    stages, timeline = by_name(model, storage), model.server.timeline
    placement = model.placement
    inside = stages[LOAD].most_s + stages[COMPILE].most_s
    if placement.stages > 1:
        # Its first node waits for the image of the last.
        inside += stages[IMAGE].most_s
    assert timeline.probe_failures * PROBE_PERIOD_SECONDS >= inside
    assert int(model.server.environment["VLLM_ENGINE_READY_TIMEOUT_S"]) >= inside
    if placement.tensor_parallel * placement.stages > 1:
        assert option(model, "--distributed-timeout-seconds") >= inside
    whole = timeline.grace_seconds + stages[IMAGE].most_s + inside
    assert timeline.progress_deadline_seconds >= whole
    assert minutes(timeline.wait) >= whole * placement.replicas
    if model.preload:
        assert minutes(model.preload.wait) > stages[FETCH].most_s


@pytest.mark.parametrize(("model", "storage"), MODELS)
def test_what_is_likely_is_half_of_what_is_allowed_or_less(model, storage):
    stages = by_name(model, storage)
    assert [*stages] == [name for name in (FETCH, NODES, IMAGE, LOAD, COMPILE) if name in stages]
    for stage in stages.values():
        assert stage.held_by
        if stage.likely_s:
            assert stage.likely_s[0] <= stage.likely_s[1] <= stage.most_s / 2 + 0.5


@pytest.mark.parametrize("stack", ["prod-671b", "prod-671b-p5", "prod-671b-p4d", "all-variants"])
def test_the_full_model_is_given_what_a_published_start_of_it_was_given(stack):
    plan = plan_of(stack, STACKS)
    (model,) = [one for one in plan.models if one.placement.variant.name == "671b"]
    stages, start = by_name(model, plan.storage), model.server.timeline.start_seconds
    # AWS's sample for R1 waits 1800 s in all before it asks whether it lives; NCCL's own limit is
    # 600 s, and its ranks wait for the slowest.
    assert start >= 1800
    assert 600 < stages[LOAD].likely_s[1] + stages[COMPILE].most_s < start


def test_a_plan_prints_the_stages_of_each_variant(monkeypatch, capsys):
    monkeypatch.chdir(PROJECT)
    assert cli.main(["plan", "prod-671b"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "start of to FSx nodes image to GPUs compile ready" in told
    assert "671b ≤ 55 ≤ 60 ≤ 15 9.6 ≤ 30 ≤ 15 ≤ 45 min" in told
    assert "671b is given up by its start-up probe, vLLM and NCCL after 45 min" in told
    assert cli.main(["plan", "prod-671b", "--json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert [stage["name"] for stage in model["stages"]] == [FETCH, NODES, IMAGE, LOAD, COMPILE]


def test_where_the_cluster_fills_the_bucket_that_is_the_first_stage(monkeypatch, capsys, tmp_path):
    shutil.copytree(STACKS, tmp_path / "stacks")
    path = tmp_path / "stacks" / "Pulumi.prod-70b.yaml"
    content = yaml.safe_load(path.read_text())
    content["config"]["r1-on-eks:stack"]["weights"]["sync_from"] = "hub"
    path.write_text(yaml.safe_dump(content))
    plan = plan_of("prod-70b", tmp_path / "stacks")
    (model,) = plan.models
    first, *_ = stages_of(model, plan.storage, plan.sync)
    assert first.name == SYNC
    assert minutes(plan.sync.wait) > first.most_s > model.placement.checkpoint.weight_bytes / 1e9
    monkeypatch.chdir(tmp_path)
    assert cli.main(["plan", "prod-70b"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "start of to S3 to FSx nodes" in told
    assert f"70b ≤ {first.most_s / 60:.0f} ≤" in told


def test_the_page_shows_what_a_plan_prints(monkeypatch, capsys):
    monkeypatch.chdir(PROJECT)
    assert cli.main(["plan", "prod-671b"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    page = (PROJECT / "docs" / "checks.md").read_text()
    shown = page.partition("start of  to FSx")[2].partition("```")[0].splitlines()
    assert len(shown) == 4
    assert " ".join(" ".join(shown[:2]).split()) in told
    assert " ".join(" ".join(shown[2:]).split()) in told
