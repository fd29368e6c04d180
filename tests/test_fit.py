"""Memory per GPU: arithmetic, logged starts of vLLM, and what must always hold."""

import csv
import dataclasses
import re
from pathlib import Path
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.choice import options
from r1_on_eks.plan.degrees import tensor_parallel_degrees
from r1_on_eks.plan.fit import (
    GIB,
    memory,
    most_at_a_time,
    runs_on,
    stage_bytes,
    stage_layers,
)
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.overhead import (
    FLASHINFER,
    PINNED,
    SORTED,
    activations,
    cuda_graphs,
    expert_workspace,
    graph_sizes,
    outside_torch,
)
from r1_on_eks.plan.placement import DoesNotFit, place
from r1_on_eks.stack_config import Workload


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


def test_the_last_of_two_stages_of_the_671b_has_more_experts_than_the_first():
    # vllm/distributed/utils.py, get_pp_indices: layers 0 to 30 and 31 to 60; 0, 1 and 2 are dense.
    row = VARIANTS["671b"]
    table = 2 * 129_280 * 7_168
    linear = row.published.weight_bytes - 2 * table
    routed = 653_908_770_816 * linear / (671_026_419_200 - 2 * 129_280 * 7_168)
    shares = (
        (linear - routed) * 31 / 61 + routed * 28 / 58 + table,
        (linear - routed) * 30 / 61 + routed * 30 / 58 + table,
    )
    # Whole on all eight ranks (vllm/model_executor/models/deepseek_v2.py): queries' and latent's
    # projection down, 7168 × (1536 + 512 + 64) of 8 bits, and the router, 7168 × 256 of 16; kept a
    # second time in 16 bits: the projection up, 128 heads × 512 × (128 + 128).
    down, router, up = 7168 * 2112 * 1.00316, 2 * 7168 * 256, 2 * 128 * 512 * 256
    for stage, (layers, experts) in enumerate(((31, 28), (30, 30))):
        found = stage_bytes(row, row.published, (31, 30), stage, 8)
        whole = (layers * down + experts * router) * 7 / 8 + layers * up / 8
        assert found == pytest.approx(shares[stage] / 8 + whole, rel=1e-5)
    found = memory(row, row.published, GPUS["h200"], tensor_parallel=8, pipeline_parallel=2,
                   utilization=0.92)  # fmt: skip
    assert found.weights == pytest.approx(stage_bytes(row, row.published, (31, 30), 1, 8) / GIB)
    # 576 numbers of 2 bytes in each of its 30 layers, on every one of the eight ranks
    assert found.cache_per_token == pytest.approx(2 * 576 * 30 / GIB)


def test_the_weights_that_16_gpus_loaded_of_the_671b_are_those_that_are_counted():
    # 40.3174 GiB: https://github.com/vllm-project/vllm/issues/16692, in published_starts.csv
    row = VARIANTS["671b"]
    found = memory(row, row.published, GPUS["h100"], tensor_parallel=16, utilization=0.9)
    assert found.weights == pytest.approx(40.3174, abs=0.05)


def test_all_tokens_of_a_batch_have_their_eight_experts_in_two_buffers():
    # vllm/model_executor/layers/fused_moe/experts/marlin_moe.py, workspace_shapes:
    # (M × topk, max(N, K)) and M × topk × max(2N, K), with K 7168 and N 2048 / 8, 2 bytes each
    assert expert_workspace(VARIANTS["671b"], 8192, 8) == 2 * 8192 * 8 * (7168 + 7168)
    assert expert_workspace(VARIANTS["70b"], 8192, 8) == 0


def test_keys_and_values_of_64k_tokens_are_reserved_for_latent_attention():
    # vllm/model_executor/layers/attention/mla_attention.py, forward without metadata:
    # 65536 rows (determine_chunked_prefill_workspace_size) × 16 heads × (128 + 128) × 2 bytes
    found = activations(
        VARIANTS["671b"], PINNED, tokens=2048, sequences=1, context=163_840, tensor_parallel=8,
        samples=False,
    )  # fmt: skip
    reserved = 65_536 * 16 * 256 * 2
    assert found == reserved + 2 * 2 * 2048 * 7168 + expert_workspace(VARIANTS["671b"], 2048, 8)


@pytest.mark.parametrize(
    ("sequences", "sizes"),
    # vllm/config/vllm.py, _set_cudagraph_sizes: 1 2; 1 2 4 8 16 24; …; 3 + 31 + 17 to 512
    [(1, 2), (12, 6), (128, 35), (256, 51), (1024, 51)],
)
def test_graphs_are_captured_for_so_many_batch_sizes(sequences, sizes):
    assert graph_sizes(sequences) == sizes


def test_the_graphs_of_the_70b_take_0_36_mib_for_each_layer_and_size():
    assert cuda_graphs(VARIANTS["70b"], 80, 256) == 0.36 * 2**20 * 80 * 51
    assert cuda_graphs(VARIANTS["70b"], 80, 12) == GIB / 2


def test_fewer_sequences_at_a_time_leave_more_for_the_cache():
    row = VARIANTS["7b"]
    few, many = (
        memory(row, row.published, GPUS["h100"], tensor_parallel=1, utilization=0.92,
               concurrency=sequences)
        for sequences in (16, 1024)
    )  # fmt: skip
    # Of a sequence and a word, 14 bytes while sampling, 4.125 always; with 16 the peak is the pass
    # over 8192 tokens: residual and input, then gate, up and their product, 2 bytes each.
    words = 152_064
    sampling = 14 * 1024 * words + 2 * 8192 * 3584
    passing = 2 * 8192 * (2 * 3584 + 3 * 18_944)
    kept = 4.125 * words * (1024 - 16)
    assert many.overhead - few.overhead == pytest.approx((sampling - passing + kept) / GIB)
    assert few.cache > many.cache + 1.6


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


SAMPLERS = {"flashinfer": FLASHINFER, "sorted": SORTED}


def logged():
    """Logged starts: every row names its source, and which sampler ran.

    The A100 logs print the sampler, but for the two rows of a README. No log of the H100 rows is
    public; their activations, 4.76 and 5.56 GiB, are those of a sort.
    """
    with (Path(__file__).parent / "logged_memory.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            logits = int(row["max_num_seqs"]) * int(row["vocabulary"])
            hidden = (
                2 * int(re.match(r"\d+", row["max_num_batched_tokens"])[0]) * int(row["hidden"])
            )
            sampler = SAMPLERS[row["sampler"].removesuffix(" (inferred)")]
            budget = float(row["torch_total_gib"]) * float(
                re.match(r"[\d.]+", row["gpu_mem_util"])[0]
            )
            used = float(row["weights_gib_per_gpu"]) + float(row["kv_available_gib_per_gpu"])
            yield Start(
                label=f"{row['model']} {row['gpu']} tp{row['tp']}",
                gpu=row["gpu"].partition("-")[0],
                across=row["tp"] != "1",
                fitted=not row["model"].startswith("gpt-oss"),
                counted=(sampler.sampling_bytes * logits + hidden) / GIB,
                overhead=budget - used,
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Start:
    label: str
    gpu: str
    across: bool
    fitted: bool
    counted: float
    overhead: float


def constants(starts):
    """Least squares of what isn't counted: on one GPU, and what more on several."""
    alone, across = (
        mean(one.overhead - one.counted for one in starts if one.across is kind)
        for kind in (False, True)
    )
    return alone, across - alone


@pytest.mark.parametrize(("known", "new"), [("A100", "H100"), ("H100", "A100")])
def test_constants_of_one_class_of_gpu_predict_the_other_within_0_7_gib(known, new):
    alone, more = constants([one for one in logged() if one.gpu == known and one.fitted])
    errors = {
        one.label: one.counted + alone + more * one.across - one.overhead
        for one in logged()
        if one.gpu == new
    }
    assert len(errors) >= 6
    assert {label: error for label, error in errors.items() if abs(error) > 0.7} == {}
    # The worst are ranks that talk to others: 0.42 GiB too little, 0.45 too much.
    assert max(map(abs, errors.values())) == pytest.approx(0.44, abs=0.03)


def test_shipped_constants_are_those_of_the_class_that_needs_more():
    alone, more = constants([one for one in logged() if one.gpu == "H100" and one.fitted])
    assert outside_torch(1, over_nodes=False) == pytest.approx(alone, abs=0.01)
    assert outside_torch(2, over_nodes=False) == pytest.approx(alone + more, abs=0.02)


@pytest.mark.parametrize("start", [*logged()], ids=lambda start: start.label)
def test_no_logged_start_needed_more_than_is_predicted(start):
    ranks = 2 if start.across else 1
    predicted = start.counted + outside_torch(ranks, over_nodes=False)
    assert -0.06 < predicted - start.overhead < 0.5


@pytest.mark.parametrize(
    ("variant", "ranks", "gib", "tokens"),
    # dennislee22 logs, in logged_memory.csv
    [("7b", 1, 5.01, 93_872), ("7b", 1, 24.83, 464_848), ("7b", 2, 12.02, 450_192),
     ("7b", 2, 31.83, 1_192_160)],
)  # fmt: skip
def test_a_logged_cache_holds_as_many_tokens_as_vllm_said(variant, ranks, gib, tokens):
    row = VARIANTS[variant]
    found = memory(row, row.published, GPUS["a100-80"], tensor_parallel=ranks, utilization=0.9)
    assert gib / found.cache_per_token == pytest.approx(tokens, rel=0.002)


@pytest.mark.parametrize(
    ("precision", "nodes", "fits"), [("int4", 1, False), ("int4", 2, True), ("fp8", 4, True)]
)
def test_the_671b_needs_two_p4d_in_four_bits(precision, nodes, fits):
    # Arithmetic alone: no measurement of it was found.
    variant = VARIANTS["671b"]
    (checkpoint,) = [one for one in variant.checkpoints if one.precision == precision]
    found = memory(
        variant,
        checkpoint,
        GPUS["a100-40"],
        tensor_parallel=8,
        pipeline_parallel=nodes,
        utilization=0.92,
        context=32_768,
        concurrency=4,
    )
    assert found.fits is fits


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


@given(
    **anything,
    load=st.tuples(st.integers(1024, 131_072), st.integers(1, 512)),
    more=st.tuples(st.integers(1, 100_000), st.integers(1, 512)),
)
def test_longer_sequences_or_more_of_them_never_fit_better(
    variant, gpu, ranks, stages, utilization, load, more
):
    (context, concurrency), (longer, others) = load, more
    split = {"tensor_parallel": ranks, "pipeline_parallel": stages, "utilization": utilization}

    def spare(context, concurrency):
        found = memory(
            variant, variant.published, gpu, **split, context=context, concurrency=concurrency
        )
        return found.cache - found.cache_needed, found.fits

    here = spare(context, concurrency)
    assert spare(context + longer, concurrency) <= here
    assert spare(context, concurrency + others) <= here


@given(**anything, context=st.integers(1024, 131_072), more=st.floats(0.1, 100))
def test_as_many_fit_at_a_time_as_are_found_and_not_one_more(
    variant, gpu, ranks, stages, utilization, context, more
):
    split = {"tensor_parallel": ranks, "pipeline_parallel": stages, "utilization": utilization}
    row, asked = variant.published, {"context": context, "most": 256}
    found = most_at_a_time(variant, row, gpu, **split, **asked)
    for concurrency, fits in ((found, True), (found + 1, False)):
        if 0 < concurrency <= 256:
            at = {"context": context, "concurrency": concurrency}
            assert memory(variant, row, gpu, **split, **at).fits is fits
    larger = dataclasses.replace(gpu, torch_visible_gib=gpu.torch_visible_gib + more)
    assert most_at_a_time(variant, row, larger, **split, **asked) >= found


@pytest.mark.parametrize(
    ("gpu", "precision", "how"),
    [("a100-40", "fp8", "unpacked"), ("h100", "fp8", "native"), ("l4", "fp8", "native"),
     ("a10g", "int8", "native"), ("a10g", "bf16", "native")],
)  # fmt: skip
def test_a_precision_that_a_gpu_has_no_arithmetic_for_is_unpacked(gpu, precision, how):
    (checkpoint,) = [one for one in VARIANTS["8b"].checkpoints if one.precision == precision]
    assert runs_on(checkpoint, GPUS[gpu]) == how


def test_a_gpu_without_bf16_is_refused_with_what_it_can_do(monkeypatch):
    older = dataclasses.replace(GPUS["l4"], name="t4", compute_capability="7.5")
    monkeypatch.setitem(GPUS, "l4", older)
    with pytest.raises(DoesNotFit, match="no arithmetic for bf16; it has for fp8, int8, int4"):
        place("8b", wanted(instance="g6.2xlarge", tensor_parallel=1))


def wanted(**entry):
    return Layout(**{"context": 32_768, "concurrency": 16, **entry})


def test_a_new_accelerator_and_a_new_model_are_one_row_each(monkeypatch):
    """An MI300X, which AWS doesn't rent: a hypothetical type, its figures made up."""
    mi300x = dataclasses.replace(
        GPUS["h200"], name="mi300x", torch_visible_gib=190.0, bandwidth_gb_s=5300,
        tflops={"bf16": 1307, "fp8": 2615, "int8": 2615}, compute_capability="gfx942",
        source="a row that a test adds, 2026-11",
    )  # fmt: skip
    instance = dataclasses.replace(
        INSTANCE_TYPES["p5en.48xlarge"], name="amd.48xlarge", gpu_model="mi300x",
        gpu_memory_gib=192, source="a row that a test adds, 2026-11",
    )  # fmt: skip
    published = dataclasses.replace(VARIANTS["70b"].published, weight_bytes=282_000_000_000)
    larger = dataclasses.replace(
        VARIANTS["70b"], name="140b", layers=160, checkpoints=(published,)
    )
    monkeypatch.setitem(GPUS, "mi300x", mi300x)
    monkeypatch.setitem(INSTANCE_TYPES, "amd.48xlarge", instance)
    monkeypatch.setitem(VARIANTS, "140b", larger)
    placement = place("140b", wanted(instance="amd.48xlarge", tensor_parallel=4, replicas=3))
    assert placement.nodes == 2
    assert placement.memory.weights == pytest.approx(282e9 / 4 / GIB)
    assert placement.attention == "vLLM's choice"
    with pytest.raises(DoesNotFit, match=r"140b\.instance: .* tensor_parallel 4 "):
        place("140b", wanted(instance="amd.48xlarge", tensor_parallel=1))
    with pytest.raises(DoesNotFit, match=r"gfx942\) has no arithmetic for int4; it has for bf16,"):
        place("70b", wanted(instance="amd.48xlarge", tensor_parallel=8, precision="int4"))
    (cheapest, *_) = options(larger, Workload(), instances=[instance])
    assert cheapest.instance is instance
    assert not cheapest.estimate.calibrated
