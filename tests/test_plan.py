"""Decisions: what fits, how long it may take, what it is called, what it is started with."""

import base64
import csv
import json
import subprocess
import sys
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.catalog.vllm_options import problems
from r1_on_eks.plan import names
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.placement import DoesNotFit, place
from r1_on_eks.plan.pools import gpu_pools
from r1_on_eks.plan.server import server_of
from r1_on_eks.plan.subnets import CLUSTER_DNS, SERVICE_CIDR, VPC_CIDR, blocks_of
from r1_on_eks.plan.timeline import (
    PROBE_PERIOD_SECONDS,
    longest_answer_seconds,
    timeline_of,
)
from r1_on_eks.plan.user_data import user_data_of
from r1_on_eks.stack_config import Weights

ON_LUSTRE = Weights(bucket="weights-of-ours", storage="fsx")
FROM_S3 = Weights(bucket="weights-of-ours", storage="s3-stream")


def wanted(instance, tensor_parallel, context=8192, concurrency=1, replicas=1):
    return Layout(
        instance=instance,
        tensor_parallel=tensor_parallel,
        context=context,
        concurrency=concurrency,
        replicas=replicas,
    )


FITS = [
    ("1.5b", wanted("g5.xlarge", 1, 32768, 8)),
    ("7b", wanted("g6.2xlarge", 1, 8192, 8)),
    ("8b", wanted("g6.2xlarge", 1, 8192, 3)),
    ("14b", wanted("g6e.xlarge", 1, 16384, 2)),
    ("32b", wanted("p4d.24xlarge", 4, 32768, 8)),
    ("70b", wanted("p4d.24xlarge", 8, 32768, 12)),
    ("70b", wanted("p4de.24xlarge", 4, 32768, 8)),
    ("671b", wanted("p5en.48xlarge", 8, 32768, 16)),
]


@pytest.mark.parametrize(
    ("variant", "entry"), FITS, ids=lambda part: getattr(part, "instance", part)
)
def test_what_fits_leaves_cache_for_every_request_at_full_length(variant, entry):
    placement = place(variant, entry)
    assert 0 < placement.memory.cache_needed <= placement.memory.cache


def test_the_70b_on_a_p4d_has_16_gib_of_weights_per_gpu():
    assert place("70b", wanted("p4d.24xlarge", 8)).memory.weights == pytest.approx(16.43, abs=0.01)


# A type that has the GPUs of a thread.
TYPES = {
    "a10g": "g5.48xlarge",
    "a100-40": "p4d.24xlarge",
    "a100-80": "p4de.24xlarge",
    "h100": "p5.48xlarge",
    "h200": "p5en.48xlarge",
    "l4": "g6.48xlarge",
    "l40s": "g6e.48xlarge",
}


def published(name):
    """Its rows, but those with tensor parallelism over nodes, which no plan has."""
    with (Path(__file__).parent / name).open(newline="") as file:
        for row in csv.DictReader(file):
            layout = Layout(
                instance=TYPES[row["gpu"]],
                precision=row["precision"],
                tensor_parallel=int(row["tensor_parallel"]),
                stages=int(row["pipeline_parallel"]),
                context=int(row["context"]),
                concurrency=int(row["concurrency"]),
                gpu_memory_utilization=float(row["utilization"]),
            )
            if layout.tensor_parallel <= 8:
                yield pytest.param(row["variant"], layout, id=row["url"].split("github.com/")[1])


@pytest.mark.parametrize(("variant", "entry"), [*published("published_refusals.csv")])
def test_what_ran_out_of_memory_in_a_public_thread_is_refused(variant, entry):
    with pytest.raises(DoesNotFit, match=r"\.(context|concurrency|instance): "):
        place(variant, entry)


@pytest.mark.parametrize(("variant", "entry"), [*published("published_starts.csv")])
def test_what_started_in_a_public_thread_fits(variant, entry):
    assert place(variant, entry).memory.cache > 0


REFUSED = [
    (
        "70b",
        wanted("p4d.24xlarge", 16),
        (
            "variants.70b.tensor_parallel: 16 GPUs on one p4d.24xlarge, which has "
            "8; possible there: 1, 2, 4, 8"
        ),
    ),
    (
        "7b",
        wanted("p4d.24xlarge", 8),
        (
            "variants.7b.tensor_parallel: 8 does not divide the attention heads "
            "and layers of 7b in bf16; possible on p4d.24xlarge: 1, 2, 4"
        ),
    ),
    ("7b", wanted("m7i.large", 1), "variants.7b.instance: m7i.large has no GPU"),
    (
        "70b",
        wanted("p4d.24xlarge", 2),
        (
            "variants.70b.instance: 131.4 GiB of weights over 2 × 39.4 GiB of "
            "p4d.24xlarge leave no room for a cache; one request fits with precision int4 "
            "(RedHatAI/DeepSeek-R1-Distill-Llama-70B-quantized.w4a16, 18.4 GiB of weights, 1.2 of "
            "16.5 GiB of cache per GPU) or tensor_parallel 4 (32.9 GiB of weights, 0.6 of 2.1 GiB "
            "of cache per GPU)"
        ),
    ),
    (
        "70b",
        wanted("g6.2xlarge", 1),
        (
            "variants.70b.instance: 131.4 GiB of weights over 1 × 21.96 GiB of "
            "g6.2xlarge leave no room for a cache; take a larger type"
        ),
    ),
    (
        "671b",
        wanted("p5.48xlarge", 8),
        (
            "variants.671b.instance: 626.9 GiB of weights over 8 × 79.18 GiB of "
            "p5.48xlarge leave no room"
        ),
    ),
    (
        "70b",
        wanted("p4d.24xlarge", 8, 200_000),
        "variants.70b.context: 200000 tokens; 70b ends at 131072",
    ),
    ("8b", wanted("g6.2xlarge", 1, 65536), "variants.8b.context: one request of 65536 tokens; 35"),
]


@pytest.mark.parametrize(("variant", "entry", "message"), REFUSED, ids=lambda part: str(part)[:24])
def test_what_does_not_fit_is_refused_with_the_nearest_that_does(variant, entry, message):
    with pytest.raises(DoesNotFit) as refused:
        place(variant, entry)
    assert str(refused.value).startswith(message)


def test_the_concurrency_that_a_refusal_names_fits_and_one_more_does_not():
    with pytest.raises(DoesNotFit, match="at most 14 do, or 16 of 30") as refused:
        place("70b", wanted("p4d.24xlarge", 8, 32768, 16))
    assert "variants.70b.concurrency" in str(refused.value)
    place("70b", wanted("p4d.24xlarge", 8, 32768, 14))
    with pytest.raises(DoesNotFit):
        place("70b", wanted("p4d.24xlarge", 8, 32768, 15))


def test_a_refusal_names_changes_from_fewer_requests_to_more_gpus():
    with pytest.raises(DoesNotFit) as refused:
        place("70b", wanted("p4d.24xlarge", 4, 32768, 16))
    message = str(refused.value)
    assert "\n" not in message
    ways = (
        "one request of 32768 tokens; 27",
        " fit; one request fits with ",
        "precision fp8 (RedHatAI/DeepSeek-R1-Distill-Llama-70B-FP8-dynamic, ",
        "tensor_parallel 8 (",
    )
    places = [message.index(way) for way in ways]
    assert places == sorted(places)


def test_where_all_gpus_of_a_node_are_not_enough_more_nodes_are_named():
    with pytest.raises(DoesNotFit, match=r"stages 2 \(.*GiB of weights") as refused:
        place("671b", wanted("p5.48xlarge", 8, 32768, 4))
    assert "precision int4 (cognitivecomputations/DeepSeek-R1-AWQ" in str(refused.value)


@pytest.mark.parametrize(("replicas", "nodes"), [(1, 1), (4, 1), (5, 2)])
def test_replicas_share_a_node_until_its_gpus_are_used(replicas, nodes):
    assert place("7b", wanted("p4d.24xlarge", 2, replicas=replicas)).nodes == nodes


def test_the_latent_cache_of_671b_is_whole_on_each_gpu():
    entry = wanted("p5en.48xlarge", 8, 32768, 16)
    assert place("671b", entry).memory.cache_needed == pytest.approx(70272 * 32768 * 16 / 2**30)


def test_no_two_address_blocks_overlap():
    blocks = blocks_of(["a", "b", "c", "d"])
    inside = [IPv4Network(cidr) for block in blocks for cidr in (block.private, block.public)]
    assert len(inside) == 8
    assert all(block.subnet_of(IPv4Network(VPC_CIDR)) for block in inside)
    networks = [*inside, IPv4Network(SERVICE_CIDR)]
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


def test_cluster_dns_has_the_tenth_address_of_the_service_range():
    assert str(IPv4Network(SERVICE_CIDR)[10]) == CLUSTER_DNS


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_service_name_is_a_dns_label(variant):
    assert names.service_name(variant).replace("-", "").isalnum()
    assert names.service_name(variant)[0].isalpha()


def test_a_role_name_that_iam_would_refuse_is_refused_here():
    with pytest.raises(ValueError, match="AWS allows 64"):
        names.role_name("s" * 60, "node")


def test_local_disks_are_joined_only_where_there_are_any():
    text = user_data_of(INSTANCE_TYPES["p4d.24xlarge"])
    assert text is not None
    document = base64.b64decode(text).decode().split("\n\n", 2)[2].partition("--//--")[0]
    assert yaml.safe_load(document)["spec"]["instance"]["localStorage"]["strategy"] == "RAID0"
    assert user_data_of(INSTANCE_TYPES["m7i.large"]) is None


STARTS = [
    ("70b", wanted("p4d.24xlarge", 8, 32768, 12), ON_LUSTRE),
    ("671b", wanted("p5en.48xlarge", 8, 32768, 16), ON_LUSTRE),
    ("7b", wanted("g6.2xlarge", 1, 8192, 8), FROM_S3),
    ("7b", wanted("g6.12xlarge", 2, 8192, 8, replicas=2), FROM_S3),
]


@pytest.mark.parametrize(("variant", "entry", "weights"), STARTS)
def test_every_limit_on_a_start_is_as_long_as_its_weights_may_take(variant, entry, weights):
    placement = place(variant, entry)
    server, timeline = server_of(placement, weights), timeline_of(placement, weights)
    gbps = placement.instance.network_gbps or 2.5
    slowest = placement.checkpoint.weight_bytes * 8 / (gbps * 1e9)
    reading = slowest if weights.streamed else weights.load_minutes * 60
    assert timeline.start_seconds > reading + 142
    assert timeline.probe_failures * PROBE_PERIOD_SECONDS >= timeline.start_seconds
    ready = int(server.environment["VLLM_ENGINE_READY_TIMEOUT_S"])
    assert ready == timeline.start_seconds
    if entry.tensor_parallel > 1:
        assert int(option(server, "--distributed-timeout-seconds")) == ready
    # While pods are replaced, an old one may end first.
    assert timeline.progress_deadline_seconds > timeline.start_seconds + timeline.grace_seconds
    waited = int(timeline.wait.removesuffix("m")) * 60
    assert waited > timeline.progress_deadline_seconds * entry.replicas


def test_the_full_model_is_given_as_long_as_its_kernels_take_to_compile():
    placement = place("671b", wanted("p5en.48xlarge", 8, 32768, 16))
    # What AWS's sample waits before it asks whether R1 lives.
    assert timeline_of(placement, ON_LUSTRE).start_seconds >= 1800


def test_neither_other_variants_nor_a_larger_file_system_restart_a_server():
    placement = place("70b", wanted("p4d.24xlarge", 8, 32768, 12))
    larger = {"capacity_gib": 4800, "mbps_per_tib": 1000}
    grown = Weights.model_validate(ON_LUSTRE.model_dump() | {"fsx": larger})
    assert server_of(placement, ON_LUSTRE) == server_of(placement, grown)


def test_the_longest_answer_fills_the_context_with_every_other_place_taken():
    seconds = [
        longest_answer_seconds(place("70b", wanted("p4d.24xlarge", 8, context, requests)))
        for context, requests in ((8192, 1), (32768, 1), (32768, 12))
    ]
    assert seconds == sorted(seconds)
    # Alone on eight A100 a token takes 21 ms at least.
    assert seconds[1] > 32768 * 0.021
    assert seconds[2] < 32768 * 0.08


def option(server, name):
    return server.arguments[server.arguments.index(name) + 1]


def test_the_server_reads_its_mounted_weights():
    server = server_of(place("70b", wanted("p4d.24xlarge", 8, 32768, 12)), ON_LUSTRE)
    assert server.arguments[0] == "/weights/DeepSeek-R1-Distill-Llama-70B"
    assert option(server, "--served-model-name") == "70b"
    assert option(server, "--tensor-parallel-size") == "8"
    assert option(server, "--max-model-len") == "32768"
    assert option(server, "--max-num-seqs") == "12"
    assert option(server, "--reasoning-parser") == "deepseek_r1"
    assert "--load-format" not in server.arguments
    assert server.gpus == 8


def test_a_streaming_server_reads_the_bucket():
    server = server_of(place("7b", wanted("g6.2xlarge", 1)), FROM_S3)
    assert server.arguments[0] == "s3://weights-of-ours/DeepSeek-R1-Distill-Qwen-7B/"
    assert option(server, "--load-format") == "runai_streamer"


@pytest.mark.parametrize("split", [2, 4])
def test_a_streamer_takes_no_more_than_half_of_its_share_of_the_node(split):
    server = server_of(place("14b", wanted("g6.12xlarge", split)), FROM_S3)
    settings = json.loads(option(server, "--model-loader-extra-config"))
    assert settings["memory_limit"] <= 192 * 2**30 / 4 / 2
    assert settings["distributed"] is True


def test_weights_that_no_page_cache_holds_are_read_file_by_file():
    def arguments(instance):
        return server_of(place("8b", wanted(instance, 1)), ON_LUSTRE).arguments

    # 15 GiB of weights: in 16 GiB of memory, and in 32.
    small, large = arguments("g6.xlarge"), arguments("g6.2xlarge")
    assert "eager" in small
    assert problems(small) == []
    assert "--safetensors-load-strategy" not in large


def test_running_answers_may_end_before_a_stopping_server_is_killed():
    placement = place("7b", wanted("g6.2xlarge", 1))
    server = server_of(placement, FROM_S3)
    drain = int(option(server, "--shutdown-timeout"))
    assert drain >= longest_answer_seconds(placement)
    assert server.timeline.pre_stop_seconds + drain < server.timeline.grace_seconds


def test_two_replicas_on_a_node_ask_for_no_more_than_it_has():
    server = server_of(place("7b", wanted("p4d.24xlarge", 2, replicas=4)), FROM_S3)
    assert 4 * int(server.memory.removesuffix("Gi")) <= 1152
    assert 4 * int(server.cpu.removesuffix("m")) <= 96_000


def test_a_pool_is_labelled_for_its_variant_and_by_its_gpu():
    (pool,) = gpu_pools("prod", [place("1.5b", wanted("g5.xlarge", 1))])
    assert pool.labels == {
        "r1-on-eks/variant-pool": "r1-1-5b",
        "k8s.amazonaws.com/accelerator": "a10g",
    }
    assert pool.tags == {"r1:stack": "prod", "r1:variant": "1.5b"}


HEAVY = {
    "pulumi", "pulumi_aws", "pulumi_kubernetes", "boto3", "moto", "kubernetes",
    "numpy", "scipy", "pandas", "rich", "yaml",
}  # fmt: skip


def loaded_by(program):
    """Top-level modules of a fresh interpreter after a program."""
    code = f"{program}; import sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_planning_a_stack_loads_no_heavy_library():
    program = (
        "import r1_on_eks, r1_on_eks.plan.estimate, r1_on_eks.plan.recommend;"
        "r1_on_eks.Plan; r1_on_eks.parse_stack_config"
    )
    assert loaded_by(program) & HEAVY == set()


@pytest.mark.parametrize(
    ("variant", "instance", "split", "backend"),
    [
        ("70b", "p4d.24xlarge", 8, "FLASH_ATTN"),
        ("70b", "p5.48xlarge", 8, "FLASH_ATTN"),
        ("70b", "p6-b200.48xlarge", 4, "FLASHINFER"),
        ("671b", "p5en.48xlarge", 8, "FLASH_ATTN_MLA"),
        ("671b", "p6-b200.48xlarge", 8, "FLASHINFER_MLA"),
    ],
)
def test_attention_follows_gpu_and_model_and_is_a_backend_that_vllm_has(
    variant, instance, split, backend
):
    placement = place(variant, wanted(instance, split))
    assert placement.attention == backend
    assert problems(["model", "--attention-backend", backend]) == []


def test_a_server_takes_as_many_tokens_a_step_as_its_memory_was_reckoned_with():
    for instance, tokens in (("p4d.24xlarge", "2048"), ("p5.48xlarge", "8192")):
        server = server_of(place("70b", wanted(instance, 8)), ON_LUSTRE)
        assert option(server, "--max-num-batched-tokens") == tokens
