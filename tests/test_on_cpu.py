"""The smallest variant on nodes without GPU: what is known of it, and what is not said."""

from pathlib import Path

import pytest
from r1_on_eks import cli
from r1_on_eks.catalog.images import VLLM, VLLM_ON_CPU
from r1_on_eks.catalog.vllm_options import options, problems
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.outlook import outlook
from r1_on_eks.plan.placement import DoesNotFit, place
from r1_on_eks.plan.server import server_of
from r1_on_eks.stack_config import Weights, Workload

PROJECT = Path(__file__).parent.parent
STACK = PROJECT / "stacks" / "Pulumi.edge-1.5b-cpu.yaml"
FROM_S3 = Weights(bucket="ours", storage="s3-stream")


def layout(**changes):
    entry = {"instance": "m7i.2xlarge", "tensor_parallel": 1, "context": 8192, "concurrency": 4}
    return Layout(**entry | changes)


def test_its_cache_is_as_large_as_its_requests_and_said_to_vllm():
    placement = place("1.5b", layout(concurrency=8))
    server = server_of(placement, FROM_S3)
    cache = int(server.environment["VLLM_CPU_KVCACHE_SPACE"])
    # 28 layers of 2 heads of 128, keys and values, 2 bytes each.
    assert cache * 2**30 >= 8 * 8192 * 28 * 2 * 128 * 2 * 2 > (cache - 1) * 2**30
    found = placement.memory
    assert found.weights + found.overhead + cache <= found.budget
    assert int(server.memory.removesuffix("Gi")) >= found.weights + found.overhead + cache


def test_its_command_line_names_no_gpu_and_no_streamer():
    server = server_of(place("1.5b", layout()), FROM_S3)
    assert problems(server.arguments) == []
    assert "--gpu-memory-utilization" not in server.arguments
    assert "--load-format" not in server.arguments
    assert server.arguments[0] == "/weights/DeepSeek-R1-Distill-Qwen-1.5B"
    assert server.environment["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
    assert server.environment["OMP_NUM_THREADS"] == "4"
    assert "CPU_ATTN" in options()["--attention-backend"].choices


def test_both_images_are_of_the_same_version():
    version = VLLM.rpartition(":")[2]
    assert VLLM_ON_CPU.rpartition(":")[2] == f"{version}-x86_64"


@pytest.mark.parametrize(
    ("variant", "entry", "line"),
    [
        ("7b", layout(), "instance: m7i.2xlarge has no GPU; 1.5b alone is served without"),
        ("1.5b", layout(precision="int4"), "precision: int4; m7i.2xlarge has no GPU, and serves"),
        ("1.5b", layout(tensor_parallel=2), ": m7i.2xlarge has no GPU to split a replica over"),
        ("1.5b", layout(concurrency=60),
         "concurrency: 60 requests of 8192 tokens need 14 GiB of m7i.2xlarge, which has 5.4 for"
         " them; at most 22 fit"),
        ("1.5b", layout(instance="m7i.large", concurrency=1), "which has 0.0 for them; at most 0"),
        ("1.5b", layout(context=200_000), "context: 200000 tokens; 1.5b ends at 131072"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_what_would(variant, entry, line):
    with pytest.raises(DoesNotFit) as refused:
        place(variant, entry)
    assert line in str(refused.value)


def test_the_most_that_is_said_to_fit_does():
    place("1.5b", layout(concurrency=22))
    with pytest.raises(DoesNotFit):
        place("1.5b", layout(concurrency=23))


def test_no_speed_is_invented():
    found = outlook(place("1.5b", layout(replicas=2)), Workload(rate=5.0))
    assert (found.asked, found.full, found.most_rate) == (None, None, None)
    assert found.usd_per_million_asked is found.usd_per_million_full is None
    assert found.usd_per_hour == pytest.approx(2 * 0.4032)


def test_its_plan_says_that_nobody_measured_it(capsys, monkeypatch):
    monkeypatch.chdir(PROJECT)
    assert cli.main(["plan", "edge-1.5b-cpu"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "no speed is predicted, for nobody published a measurement" in told
    assert "not measured" in told


def test_it_stands_on_nodes_of_its_own_without_gpus(engine):
    engine.run(STACK)
    group = engine.one("NodeGroup", "r1-1-5b").inputs
    assert group["amiType"] == "AL2023_x86_64_STANDARD"
    assert group["instanceTypes"] == ["m7i.2xlarge"]
    (taint,) = group["taints"]
    pod = engine.one("Deployment", "r1-1-5b-server").inputs["spec"]["template"]["spec"]
    (toleration,) = pod["tolerations"]
    assert toleration["key"] == taint["key"] != "nvidia.com/gpu"
    (container,) = pod["containers"]
    assert container["image"] == VLLM_ON_CPU
    assert "nvidia.com/gpu" not in container["resources"]["requests"]
    assert "k8s.amazonaws.com/accelerator" not in group["labels"]


def test_its_weights_are_fetched_by_a_pod_that_may_read_the_bucket(engine):
    engine.run(STACK)
    pod = engine.one("Deployment", "r1-1-5b-server").inputs["spec"]["template"]["spec"]
    (fetching,) = pod["initContainers"]
    (container,) = pod["containers"]
    assert fetching["command"][-2:] == [
        "s3://example-r1-weights/DeepSeek-R1-Distill-Qwen-1.5B/",
        container["args"][0],
    ]
    shared = {mount["name"] for mount in fetching["volumeMounts"]}
    assert "weights" in shared & {mount["name"] for mount in container["volumeMounts"]}
    association = engine.one("PodIdentityAssociation", "r1-1-5b-weights-pods").inputs
    assert association["serviceAccount"] == pod["serviceAccountName"]
