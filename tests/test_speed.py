"""The speed model: arithmetic of one step, and what follows from it under load."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from r1_on_eks.catalog.gpus import GPUS
from r1_on_eks.catalog.speed_coefficients import speed_coefficients
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.estimate import at_concurrency, at_rate, replica_of
from r1_on_eks.plan.replica import ModelSize, bare
from r1_on_eks.plan.speed import (
    Replica,
    at_least,
    at_most,
    closed_loop,
    open_loop,
    prompt_cost,
    step_seconds,
)

PLAIN = Replica(
    dense_read=0.010,
    expert_read=0.0,
    expert_share=0.0,
    token_compute=1e-4,
    token_link=1e-5,
    cache_read=1e-8,
    attention=0.0,
    step=0.002,
    launches=0.0,
    prompt_launches=0.0,
    sequence=1e-5,
    stages=1,
    norm=1.0,
    prompt_step=2048,
    first_token=0.010,
    interleave=1.0,
    apart=0.0,
)


def test_a_step_reads_the_weights_once_and_pays_for_every_token_and_sequence():
    # 10 ms of weights, 8 tokens at 0.1 ms and 0.01 ms, 8 caches of 1,000 tokens at 10 ns,
    # 8 sequences at 0.01 ms and 2 ms of overhead
    assert step_seconds(PLAIN, 8, 1000, 0.0) == pytest.approx(
        0.010 + 8e-4 + 8e-5 + 8e-5 + 8e-5 + 0.002
    )


def test_a_prompt_apart_costs_its_neighbours_a_whole_step_and_many_share_one():
    apart = replace(PLAIN, apart=1.0)
    # 10 ms of weights, 2 ms of overhead, and 100 tokens at 0.1 ms and 0.01 ms
    assert prompt_cost(apart, 100, 1000, 8).added == pytest.approx(0.010 + 0.002 + 0.010 + 0.001)
    assert prompt_cost(apart, 100, 1000, 8, together=10).added == pytest.approx(0.0012 + 0.011)
    # beside running answers only its own tokens
    assert prompt_cost(PLAIN, 100, 1000, 8).added == pytest.approx(0.011)


def test_what_waits_before_its_first_token_is_not_held_up_once_more():
    at_once = closed_loop(PLAIN, 100, 200, 16)
    waiting = closed_loop(PLAIN, 100, 200, 16, queued=0.01)
    assert waiting.first_token == pytest.approx(at_once.first_token + 0.01)
    assert waiting.per_token < at_once.per_token
    assert waiting.output == pytest.approx(at_once.output)


def test_prompts_wait_the_longer_the_more_of_the_time_others_take():
    def waited(output):
        alone = closed_loop(PLAIN, 1000, output, 1).first_token
        return closed_loop(PLAIN, 1000, output, 8).first_token - alone

    # eight prompts in every 4,000 tokens are hardly ever two at a time
    assert waited(4000) < 0.05 < waited(40)


def test_a_step_with_a_prompt_is_not_shorter_than_its_launches_and_one_without_is():
    by_hand = replace(PLAIN, prompt_launches=0.050)
    assert prompt_cost(by_hand, 10, 100, 1).own == pytest.approx(0.050)
    assert prompt_cost(by_hand, 10, 100, 1).decode == prompt_cost(PLAIN, 10, 100, 1).decode


def test_the_70b_reads_its_weights_in_seven_milliseconds_on_eight_a100s_at_full_bandwidth():
    size = ModelSize.of(VARIANTS["70b"], VARIANTS["70b"].published)
    # 141.1 GB less the embedding's 2.1, over 8 × 1,555 GB/s
    assert bare(size, GPUS["a100-40"], 8).dense_read == pytest.approx(0.01117, rel=0.01)


def test_a_latent_cache_is_read_whole_by_every_rank():
    size = ModelSize.of(VARIANTS["671b"], VARIANTS["671b"].published)
    one, eight = (bare(size, GPUS["h200"], ranks) for ranks in (1, 8))
    assert eight.cache_read == one.cache_read
    assert eight.expert_read == pytest.approx(one.expert_read / 8)


def test_more_tokens_touch_more_experts_until_all_are_read():
    size = ModelSize.of(VARIANTS["671b"], VARIANTS["671b"].published)
    assert size.expert_share == 8 / 256
    assert size.expert_bytes + size.dense_bytes == pytest.approx(
        VARIANTS["671b"].published.weight_bytes - 2 * 129_280 * 7_168
    )


EVERYWHERE = [
    ("1.5b", "l4", 1),
    ("7b", "a10g", 1),
    ("8b", "l4", 1),
    ("14b", "l40s", 1),
    ("32b", "a100-40", 4),
    ("70b", "a100-40", 8),
    ("671b", "h200", 8),
]


@pytest.mark.parametrize(("variant", "gpu", "ranks"), EVERYWHERE)
@given(concurrency=st.integers(1, 64), prompt=st.integers(16, 8192), output=st.integers(16, 8192))
def test_more_answers_at_a_time_are_slower_each_and_faster_together(
    variant, gpu, ranks, concurrency, prompt, output
):
    row = VARIANTS[variant]
    replica = replica_of(row, row.published, GPUS[gpu], tensor_parallel=ranks)
    here, more = (
        at_concurrency(replica, GPUS[gpu], prompt=prompt, output=output, concurrency=number)
        for number in (concurrency, concurrency + 1)
    )
    assert more.per_token_s.likely > here.per_token_s.likely
    # A prompt adds less to a step that reads most experts anyway.
    assert more.first_token_s.likely > 0.999 * here.first_token_s.likely
    for one in (here.per_token_s, here.first_token_s, here.output_per_s):
        assert 0 < one.low < one.high


@pytest.mark.parametrize("gpu", GPUS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_reads_or_computes_faster_than_the_specification(variant, gpu):
    for checkpoint in VARIANTS[variant].checkpoints:
        size = ModelSize.of(VARIANTS[variant], checkpoint)
        spec = bare(size, GPUS[gpu], 1)
        found = replica_of(VARIANTS[variant], checkpoint, GPUS[gpu], tensor_parallel=1)
        assert found.dense_read >= spec.dense_read
        assert found.expert_read >= spec.expert_read
        assert found.token_compute >= spec.token_compute


def test_arrivals_at_random_run_as_many_at_a_time_as_littles_law_says():
    speed, running = open_loop(PLAIN, 100, 200, 2.0, 64)
    assert running == pytest.approx(2.0 * (speed.first_token + 200 * speed.per_token), rel=0.01)


def test_a_replica_that_requests_overtake_has_no_speed():
    row = VARIANTS["70b"]
    replica = replica_of(row, row.published, GPUS["a100-40"], tensor_parallel=8)
    at = {"prompt": 280, "output": 310, "most": 64}
    assert at_rate(replica, GPUS["a100-40"], rate=1.0, **at) is not None
    assert at_rate(replica, GPUS["a100-40"], rate=50.0, **at) is None


def test_a_gpu_class_that_nobody_measured_has_the_wider_interval():
    row = VARIANTS["14b"]
    for gpu, calibrated in (("l40s", True), ("rtx-pro-6000", False)):
        replica = replica_of(row, row.published, GPUS[gpu], tensor_parallel=1)
        estimate = at_concurrency(replica, GPUS[gpu], prompt=1000, output=1000, concurrency=1)
        assert estimate.calibrated is calibrated
    known, unknown = (
        speed_coefficients().intervals["per_token"][left_out]["vLLM ≥ 0.8"]
        for left_out in ("group", "GPU class")
    )
    assert unknown[1] / unknown[0] > known[1] / known[0]


# AccelMark, 8 × A100-40 GB with vLLM 0.7.3 (rows b0558 and on): 280 tokens in, 310 out.
def test_a_p4d_answers_a_single_70b_request_as_fast_as_one_was_measured():
    row = VARIANTS["70b"]
    replica = replica_of(row, row.published, GPUS["a100-40"], tensor_parallel=8)
    alone = at_concurrency(replica, GPUS["a100-40"], prompt=280, output=310, concurrency=1)
    assert alone.per_token_s.low < 0.02093 < alone.per_token_s.high


@given(value=st.floats(-1e6, 1e6), bound=st.floats(-1e6, 1e6))
def test_bounds_are_those_of_min_and_max(value, bound):
    assert at_least(value, bound) == pytest.approx(max(value, bound), abs=1e-6)
    assert at_most(value, bound) == pytest.approx(min(value, bound), abs=1e-6)
