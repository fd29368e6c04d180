"""The command line and the size of one model server."""

from dataclasses import dataclass

from r1_on_eks.plan.names import PORT, service_name
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.timeline import Timeline, start_of
from r1_on_eks.stack_config import Weights

MOUNT = "/weights"
CACHE = "/cache"
# A reasoning answer runs for minutes; a stopping server lets the running ones end.
DRAIN_SECONDS = 600
_PRE_STOP_SECONDS = 15


@dataclass(frozen=True, kw_only=True)
class ModelServer:
    """What the Deployment of one variant holds.

    Attributes:
        variant: The word of routes and tags.
        name: Name of Deployment, Service and ServiceAccount.
        arguments: vLLM's command line.
        environment: Variables of the container.
        replicas: Pods.
        stages: Nodes of one replica, each with a pod of its own.
        gpus: GPUs of each pod.
        cpu: CPU request.
        memory: Memory request.
        shared_memory: Size of /dev/shm, through which tensor-parallel ranks talk.
        weights_folder: Folder of the weights in bucket and file system.
        pre_stop_seconds: Pause before SIGTERM, for the gateway to notice.
        grace_seconds: From the pause to SIGKILL.
        timeline: Limits on its start.
    """

    variant: str
    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    replicas: int
    stages: int
    gpus: int
    cpu: str
    memory: str
    shared_memory: str
    weights_folder: str
    pre_stop_seconds: int
    grace_seconds: int
    timeline: Timeline


def server_of(placement: Placement, weights: Weights) -> ModelServer:
    """The server of a placed variant."""
    instance, folder = placement.instance, placement.checkpoint.folder
    timeline = start_of(placement.checkpoint, weights.fsx)
    # Half of its share of the node is sure; the rest serves the page cache and the kubelet.
    share = placement.tensor_parallel / instance.gpus / 2
    return ModelServer(
        variant=placement.variant.name,
        name=service_name(placement.variant.name),
        arguments=_arguments(placement, weights),
        environment=_environment(timeline),
        replicas=0 if placement.reserved else placement.replicas,
        stages=placement.stages,
        gpus=placement.tensor_parallel,
        cpu=f"{int(instance.vcpus * share * 1000)}m",
        memory=f"{int(instance.memory_gib * share)}Gi",
        shared_memory=f"{2 + 2 * placement.tensor_parallel}Gi",
        weights_folder=folder,
        pre_stop_seconds=_PRE_STOP_SECONDS,
        grace_seconds=_PRE_STOP_SECONDS + DRAIN_SECONDS + 30,
        timeline=timeline,
    )


def _arguments(placement: Placement, weights: Weights) -> tuple[str, ...]:
    folder = placement.checkpoint.folder
    streamed = weights.storage == "s3-stream"
    source = f"s3://{weights.bucket}/{folder}/" if streamed else f"{MOUNT}/{folder}"
    load = ("--load-format", "runai_streamer") if streamed else ()
    stages = ("--pipeline-parallel-size", str(placement.stages)) if placement.stages > 1 else ()
    # The share of the memory, not --kv-cache-memory-bytes: with that, vLLM takes our estimate of
    # what else it needs for granted, and one that is too low ends in the middle of a start.
    # No --quantization: a checkpoint says it itself, and vLLM then picks its fastest kernels.
    return (
        source,
        *load,
        "--served-model-name", placement.variant.name,
        "--tensor-parallel-size", str(placement.tensor_parallel),
        *stages,
        "--max-model-len", str(placement.context),
        "--max-num-seqs", str(placement.concurrency),
        "--max-num-batched-tokens", str(placement.batched_tokens),
        "--gpu-memory-utilization", str(placement.utilization),
        "--reasoning-parser", "deepseek_r1",
        "--port", str(PORT),
        "--shutdown-timeout", str(DRAIN_SECONDS),
    )  # fmt: skip


def _environment(timeline: Timeline) -> dict[str, str]:
    return {
        # The pod's user has no home and no entry in /etc/passwd.
        "HOME": CACHE,
        "USER": "vllm",
        "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
        "TRITON_CACHE_DIR": f"{CACHE}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/inductor",
        # Weights come from the bucket alone.
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENGINE_READY_TIMEOUT_S": str(timeline.start_seconds),
    }
