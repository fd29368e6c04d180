"""Every flag that a placement emits is one that the pinned vLLM's own parser takes."""

from pathlib import Path

import pytest
import yaml
from r1_on_eks.catalog.images import VLLM
from r1_on_eks.catalog.vllm_options import options, problems, version
from r1_on_eks.placement_file import read_pins
from r1_on_eks.plan import placements_of
from r1_on_eks.plan.group import group_of
from r1_on_eks.plan.server import server_of
from r1_on_eks.stack_config import parse_stack_config

STACKS = sorted((Path(__file__).parent.parent / "stacks").glob("Pulumi.*.yaml"))


def command_lines():
    for stack_file in STACKS:
        stack = yaml.safe_load(stack_file.read_text())["config"]["r1-on-eks:stack"]
        name = stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        config = parse_stack_config({"name": name, **stack})
        pins = read_pins(stack_file.parent, name)
        for storage in ("fsx", "s3-stream"):
            weights = type(config.weights).model_validate(
                {"bucket": config.weights.bucket, "storage": storage}
            )
            for placement in placements_of(config, pins):
                server = server_of(placement, weights)
                group = group_of(placement, server)
                lines = {"": server.arguments}
                if group:
                    lines = {"-leader": group.leader_arguments, "-worker": group.worker_arguments}
                for whose, words in lines.items():
                    # LeaderWorkerSet's variables, as a container sees them.
                    known = [word.replace("$(LWS_WORKER_INDEX)", "1") for word in words]
                    yield pytest.param(known, id=f"{name}-{server.name}{whose}-{storage}")


LINES = list(command_lines())


def test_the_options_are_those_of_the_pinned_image():
    assert f"v{version()}" == VLLM.rpartition(":")[2]


@pytest.mark.parametrize("arguments", LINES)
def test_the_parser_takes_every_flag_of_every_stack(arguments):
    assert problems(arguments) == []


@pytest.mark.parametrize("arguments", LINES)
def test_one_wrong_flag_in_a_command_line_is_found(arguments):
    for position, word in enumerate(arguments):
        if word.startswith("--"):
            misspelt = [*arguments[:position], f"{word}x", *arguments[position + 1 :]]
            (problem,) = problems(misspelt)
            assert problem.endswith(f"did you mean {word}?")


TAKEN = [
    ["some/model", "--max-model-len", "32768"],
    ["--max-model-len=auto", "--max-num-batched-tokens", "8k"],
    ["--max-model-len", "-1"],
    ["--kv-cache-memory-bytes", "20G", "--quantization", "fp8_per_block"],
    ["--kv-cache-memory-bytes", "21474836480"],
    ["-tp", "8", "-pp", "2", "-ep", "--nnodes", "2", "--node-rank", "1", "--headless"],
    ["--attention-backend", "triton_mla", "--all2all-backend", "deepep_low_latency"],
    ["--attention-backend", "auto", "--moe-backend", "Deep-Gemm"],
    ["--no-enable-prefix-caching", "--disable-log-requests", "--trust_remote_code"],
    ["--compilation-config.mode", "3", "--compilation-config", '{"mode": 3}'],
    ["--served-model-name", "70b", "DeepSeek-R1-Distill-Llama-70B", "--port", "8000"],
]


@pytest.mark.parametrize("arguments", TAKEN, ids=" ".join)
def test_what_vllm_takes_is_no_problem(arguments):
    assert problems(arguments) == []


REFUSED = [
    (
        ["--max-num-seq", "8"],
        "--max-num-seq: is no option of vLLM 0.33.0; did you mean --max-num-seqs?",
    ),
    (["--enable-reasoning"], "--enable-reasoning: is no option of vLLM 0.33.0"),
    (["--swap-space", "4"], "--swap-space: is no option of vLLM 0.33.0"),
    (["--max-num-seqs", "many"], "--max-num-seqs: many is no int"),
    (["--max-num-seqs", "8k"], "--max-num-seqs: 8k is no int"),
    (["--max-model-len", "32.5K"], "--max-model-len: 32.5K is no int"),
    (["--gpu-memory-utilization", "90%"], "--gpu-memory-utilization: 90% is no float"),
    (["--kv-transfer-config", "{role: both}"], "--kv-transfer-config: {role: both} is no json"),
    (
        ["--load-format", "runai-streamer"],
        "--load-format: runai-streamer is none of its choices; did you mean runai_streamer?",
    ),
    (
        ["--quantization", "fp8_per_tenser"],
        "--quantization: fp8_per_tenser is none of its choices; did you mean fp8_per_tensor?",
    ),
    (["--dtype", "bf16"], "--dtype: bf16 is none of its choices; did you mean bfloat16?"),
    (
        ["--reasoning-parser", "deepseek_r2"],
        "--reasoning-parser: deepseek_r2 is none of its choices; did you mean deepseek_r1?",
    ),
    (["--attention-backend", "XFORMERS"], "--attention-backend: XFORMERS is none of its choices"),
    (["--port", "--headless"], "--port: needs a value"),
    (["--port"], "--port: needs a value"),
    (["--headless", "yes"], "--headless: yes is one value too many"),
    (["--no-headless"], "--no-headless: is no option of vLLM 0.33.0"),
    (["--port", "8000", "8001"], "--port: 8001 is one value too many"),
    (["--port.http", "8000"], "--port.http: --port takes no keys"),
    (["some/model", "other/model"], "other/model: belongs to no option"),
]


@pytest.mark.parametrize(("arguments", "problem"), REFUSED, ids=lambda part: str(part)[:40])
def test_what_vllm_refuses_is_one_problem_that_names_it(arguments, problem):
    (found,) = problems(arguments)
    assert found.startswith(problem)


# What plans use or may come to use, by the names in which vLLM's pages speak of them.
NAMED = [
    "gpu-memory-utilization", "max-model-len", "kv-cache-memory-bytes", "performance-mode",
    "max-num-queued-reqs", "max-num-queued-tokens", "shutdown-timeout", "kv-offloading-size",
    "enable-ep-weight-filter", "reasoning-parser", "tool-call-parser", "trust-remote-code",
    "tensor-parallel-size", "data-parallel-size", "pipeline-parallel-size",
    "enable-expert-parallel", "attention-backend", "all2all-backend", "moe-backend",
    "load-format", "safetensors-load-strategy", "distributed-timeout-seconds", "api-key",
    "nnodes", "node-rank", "master-addr", "master-port", "headless", "max-num-seqs",
    "max-num-batched-tokens", "quantization", "enable-prefix-caching", "enable-chunked-prefill",
    "decode-context-parallel-size", "tokenizer-mode",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_the_options_that_plans_use_exist(name):
    assert f"--{name}" in options()
