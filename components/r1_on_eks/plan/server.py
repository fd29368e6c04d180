"""The command line and the size of one model server."""

import json
from dataclasses import dataclass

from r1_on_eks.plan.loading import fits_page_cache
from r1_on_eks.plan.names import PORT, service_name
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.timeline import Timeline, timeline_of
from r1_on_eks.stack_config import Weights

MOUNT = "/weights"
CACHE = "/cache"
GIB = 2**30
# Bytes that each connection of the streamer reads.
_STREAMED_AT_A_TIME = 4 * GIB


@dataclass(frozen=True, kw_only=True)
class ModelServer:
    """What the Deployment of one variant holds.

    Attributes:
        variant: The word of routes and tags.
        name: Name of Deployment, Service and ServiceAccount.
        arguments: vLLM's command line.
        environment: Variables of the container.
        replicas: Pods.
        spare: Whether the pool has GPUs for one more beside them while they are replaced.
        stages: Nodes of one replica, each with a pod of its own.
        gpus: GPUs of each pod.
        cpu: CPU request.
        memory: Memory request.
        shared_memory: Size of /dev/shm, through which tensor-parallel ranks talk.
        weights_folder: Folder of the weights in bucket and file system.
        timeline: Limits on its start and end.
    """

    variant: str
    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    replicas: int
    spare: bool
    stages: int
    gpus: int
    cpu: str
    memory: str
    shared_memory: str
    weights_folder: str
    timeline: Timeline


def server_of(placement: Placement, weights: Weights) -> ModelServer:
    """The server of a placed variant."""
    instance, folder = placement.instance, placement.checkpoint.folder
    timeline = timeline_of(placement, weights)
    # Half of its share of the node is sure; the rest serves the page cache and the kubelet.
    share = placement.tensor_parallel / instance.gpus / 2
    return ModelServer(
        variant=placement.variant.name,
        name=service_name(placement.variant.name),
        arguments=_arguments(placement, weights, timeline),
        environment=_environment(timeline, weights),
        replicas=0 if placement.reserved else placement.replicas,
        spare=_spare(placement),
        stages=placement.stages,
        gpus=placement.tensor_parallel,
        cpu=f"{int(instance.vcpus * share * 1000)}m",
        memory=f"{int(instance.memory_gib * share)}Gi",
        shared_memory=f"{2 + 2 * placement.tensor_parallel}Gi",
        weights_folder=folder,
        timeline=timeline,
    )


def _spare(placement: Placement) -> bool:
    """Room for one replica more in a pool of its own; of a shared one others may want it."""
    if placement.stages > 1 or placement.pool is not None:
        return False
    held = placement.nodes * (placement.instance.gpus // placement.tensor_parallel)
    return held > placement.replicas


def _arguments(placement: Placement, weights: Weights, timeline: Timeline) -> tuple[str, ...]:
    folder = placement.checkpoint.folder
    source = f"s3://{weights.bucket}/{folder}/" if weights.streamed else f"{MOUNT}/{folder}"
    load = _streamed(placement) if weights.streamed else _mounted(placement)
    stages = ("--pipeline-parallel-size", str(placement.stages)) if placement.stages > 1 else ()
    # Ranks that are done loading wait for the slowest; NCCL's own limit is 600 s.
    ranks = placement.tensor_parallel * placement.stages
    together = ("--distributed-timeout-seconds", str(timeline.start_seconds)) if ranks > 1 else ()
    # The share of the memory, not --kv-cache-memory-bytes: with that, vLLM takes our estimate of
    # what else it needs for granted, and one that is too low ends in the middle of a start.
    # No --quantization: a checkpoint says it itself, and vLLM then picks its fastest kernels.
    return (
        source,
        *load,
        "--served-model-name", placement.variant.name,
        "--tensor-parallel-size", str(placement.tensor_parallel),
        *stages,
        *together,
        "--max-model-len", str(placement.context),
        "--max-num-seqs", str(placement.concurrency),
        "--max-num-batched-tokens", str(placement.batched_tokens),
        "--gpu-memory-utilization", str(placement.utilization),
        "--reasoning-parser", "deepseek_r1",
        "--port", str(PORT),
        "--shutdown-timeout", str(timeline.drain_seconds),
    )  # fmt: skip


def _streamed(placement: Placement) -> tuple[str, ...]:
    """Run:ai's streamer, as EKS's user guide tunes it (ml-inference-fast-model-loading, 2026-11).

    Its own buffer of 40 GB for each rank would not fit small nodes.
    """
    ranks, weight_bytes = placement.tensor_parallel, placement.checkpoint.weight_bytes
    share = placement.instance.memory_gib / placement.instance.gpus / 2 * GIB
    settings: dict[str, int | bool] = {
        "concurrency": -(-weight_bytes // _STREAMED_AT_A_TIME),
        "memory_limit": int(min(weight_bytes, share)),
    }
    if ranks > 1:
        # Each rank fetches a part and hands it to the others.
        settings["distributed"] = True
    return "--load-format", "runai_streamer", "--model-loader-extra-config", json.dumps(settings)


def _mounted(placement: Placement) -> tuple[str, ...]:
    # Otherwise vLLM would map files page by page over the network, which is far slower.
    return () if fits_page_cache(placement) else ("--safetensors-load-strategy", "eager")


def _environment(timeline: Timeline, weights: Weights) -> dict[str, str]:
    streamer = {"RUNAI_STREAMER_CHUNK_BYTESIZE": str(_STREAMED_AT_A_TIME)}
    return {
        **(streamer if weights.streamed else {}),
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
