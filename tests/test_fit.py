"""Memory per GPU: arithmetic, logged starts of vLLM, and what must always hold."""

import csv
import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.degrees import tensor_parallel_degrees
from r1_on_eks.plan.fit import GIB, memory, stage_layers

OF = {"distill-qwen-7b": "7b", "distill-qwen-32b": "32b", "distill-llama-8b": "8b"}


@pytest.mark.parametrize(
    ("layers", "stages", "split"),
    [
        (61, 2, (31, 30)),
        (61, 4, (15, 15, 16, 15)),
        (80, 3, (27, 27, 26)),
        (80, 8, (10,) * 8),
        (28, 1, (28,)),
    ],
)
def test_layers_are_split_over_stages_as_vllm_does(layers, stages, split):
    assert stage_layers(layers, stages) == split


def test_the_fullest_of_two_stages_of_the_671b_has_31_layers_and_the_embedding():
    row = VARIANTS["671b"]
    table = 2 * 129_280 * 7_168
    whole = row.published.weight_bytes
    fullest = (whole - 2 * table) * 31 / 61 + table
    found = memory(row, row.published, GPUS["h100"], tensor_parallel=8, pipeline_parallel=2,
                   utilization=0.92)  # fmt: skip
    assert found.weights == pytest.approx(fullest / 8 / GIB)
    # 576 numbers of 2 bytes in each of its 31 layers, on every one of the eight ranks
    assert found.cache_per_token == pytest.approx(2 * 576 * 31 / GIB)


def test_ranks_beyond_the_heads_of_the_cache_hold_copies():
    row = VARIANTS["1.5b"]
    two, four = (
        memory(row, row.published, GPUS["l4"], tensor_parallel=ranks, utilization=0.92)
        for ranks in (2, 4)
    )
    assert four.cache_per_token == two.cache_per_token
    assert four.weights == pytest.approx(two.weights / 2)


@pytest.mark.parametrize(
    ("variant", "precision", "degrees"),
    [
        ("1.5b", "bf16", (1, 2, 4)),
        ("1.5b", "int4", (1, 2)),
        ("7b", "int4", (1, 2, 4)),
        ("8b", "bf16", (1, 2, 4, 8, 16, 32)),
        ("14b", "bf16", (1, 2, 4, 8)),
        ("14b", "int4", (1, 2, 4)),
        ("32b", "int4", (1, 2, 4, 8)),
        ("70b", "fp8", (1, 2, 4, 8, 16, 32, 64)),
        ("671b", "fp8", (1, 2, 4, 8, 16)),
        ("671b", "int4", (1, 2, 4, 8, 16)),
    ],
)
def test_degrees_are_those_that_heads_widths_and_groups_of_weights_allow(
    variant, precision, degrees
):
    row = VARIANTS[variant]
    (checkpoint,) = [one for one in row.checkpoints if one.precision == precision]
    assert tensor_parallel_degrees(row, checkpoint) == degrees


def logged():
    """Starts on one node of models that are ours."""
    with (Path(__file__).parent / "logged_memory.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["proxy_for"] in OF and row["tp"].isdigit():
                yield pytest.param(row, id=f"{row['model']} {row['gpu']} tp{row['tp']}")


@pytest.mark.parametrize("row", [*logged()])
def test_the_cache_that_vllm_logged_is_predicted_within_a_quarter_gib(row):
    variant = VARIANTS[OF[row["proxy_for"]]]
    gpu = GPUS[{"A100-80": "a100-80", "H100-80": "h100"}[row["gpu"]]]
    found = memory(
        variant,
        variant.published,
        gpu,
        tensor_parallel=int(row["tp"]),
        utilization=float(re.match(r"[\d.]+", row["gpu_mem_util"])[0]),
    )
    # Before vLLM 0.21 the graphs came on top of the budget.
    predicted = found.cache + found.graphs
    assert predicted == pytest.approx(float(row["kv_available_gib_per_gpu"]), abs=0.25)
    if row["kv_tokens"]:
        tokens = float(row["kv_available_gib_per_gpu"]) / found.cache_per_token
        assert tokens == pytest.approx(float(row["kv_tokens"]), rel=0.002)


anything = {
    "variant": st.sampled_from([*VARIANTS.values()]),
    "gpu": st.sampled_from([*GPUS.values()]),
    "ranks": st.sampled_from([1, 2, 4, 8]),
    "stages": st.integers(1, 4),
    "utilization": st.floats(0.5, 0.97),
}


@given(**anything, more=st.floats(0.1, 100))
def test_more_memory_never_makes_a_fit_worse(variant, gpu, ranks, stages, utilization, more):
    split = {"tensor_parallel": ranks, "pipeline_parallel": stages, "utilization": utilization}
    larger = dataclasses.replace(gpu, torch_visible_gib=gpu.torch_visible_gib + more)
    here = memory(variant, variant.published, gpu, **split)
    there = memory(variant, variant.published, larger, **split)
    assert there.cache > here.cache


@given(**anything)
def test_what_a_gpu_is_given_is_all_accounted_for(variant, gpu, ranks, stages, utilization):
    found = memory(
        variant, variant.published, gpu,
        tensor_parallel=ranks, pipeline_parallel=stages, utilization=utilization,
    )  # fmt: skip
    parts = found.weights + found.overhead + found.graphs + found.cache
    assert parts == pytest.approx(found.budget)


def test_a_new_accelerator_and_a_new_model_are_one_row_each():
    mi300x = dataclasses.replace(
        GPUS["h200"], name="mi300x", torch_visible_gib=190.0, bandwidth_gb_s=5300,
        compute_capability="9.4", source="a row that a test adds",
    )  # fmt: skip
    published = dataclasses.replace(VARIANTS["70b"].published, weight_bytes=282_000_000_000)
    larger = dataclasses.replace(
        VARIANTS["70b"], name="140b", layers=160, checkpoints=(published,)
    )
    found = memory(larger, larger.published, mi300x, tensor_parallel=2, utilization=0.92)
    assert found.tokens > 32768
    assert tensor_parallel_degrees(larger, larger.published)[:4] == (1, 2, 4, 8)
