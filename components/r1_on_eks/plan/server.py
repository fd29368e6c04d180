"""The command line and the size of one model server."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.catalog.images import VLLM, VLLM_ON_CPU
from r1_on_eks.plan import on_cpu
from r1_on_eks.plan.loading import fits_page_cache
from r1_on_eks.plan.names import PORT, service_name
from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.pools import taint_of
from r1_on_eks.plan.timeline import Timeline, timeline_of
from r1_on_eks.stack_config import Weights

MOUNT = "/weights"
CACHE = "/cache"
GIB = 2**30
# Tokenizer and configuration are some MB. A pod that outgrows its volume is evicted.
_BESIDE_WEIGHTS = 1.1
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
        image: Container image, without a GPU another one.
        taint: Of its nodes; its pods tolerate it.
        fetched_from: Where an init container fetches the weights from, `s3://bucket/folder/`;
            None where the server streams them or finds them mounted.
        disk: Of the volume that they are fetched into.
        streamed_from: Where the server streams them from, once an init container found them
            complete; else None.
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
    image: str
    taint: str
    fetched_from: str | None
    disk: str
    streamed_from: str | None


def server_of(
    placement: Placement, weights: Weights, also_called: Sequence[str] = ()
) -> ModelServer:
    """The server of a placed variant.

    Args:
        placement: What it runs on.
        weights: Where they lie.
        also_called: Names beside its variant's that requests may use; answers say the variant.
    """
    instance, folder = placement.instance, placement.checkpoint.folder
    timeline = timeline_of(placement, weights)
    # Half of its share of the node is sure; the rest serves the page cache and the kubelet.
    share = placement.node_share / 2
    return ModelServer(
        variant=placement.variant.name,
        name=service_name(placement.variant.name),
        arguments=_arguments(placement, weights, timeline, also_called),
        environment=_environment(placement, weights, timeline),
        replicas=0 if placement.reserved else placement.replicas,
        spare=_spare(placement),
        stages=placement.stages,
        gpus=0 if placement.on_cpu else placement.tensor_parallel,
        cpu=f"{int(instance.vcpus * share * 1000)}m",
        memory=f"{int(instance.memory_gib * share)}Gi",
        shared_memory=f"{2 + 2 * placement.tensor_parallel}Gi",
        weights_folder=folder,
        timeline=timeline,
        image=VLLM_ON_CPU if placement.on_cpu else VLLM,
        taint=taint_of(placement),
        fetched_from=_in_bucket(placement, weights) if _fetches(placement, weights) else None,
        disk=f"{math.ceil(placement.checkpoint.weight_bytes * _BESIDE_WEIGHTS / GIB)}Gi",
        streamed_from=_in_bucket(placement, weights) if _streams(placement, weights) else None,
    )


def _fetches(placement: Placement, weights: Weights) -> bool:
    # The engine's image for processors has no streamer.
    return weights.streamed and placement.on_cpu


def _streams(placement: Placement, weights: Weights) -> bool:
    return weights.streamed and not placement.on_cpu


def _in_bucket(placement: Placement, weights: Weights) -> str:
    return f"s3://{weights.bucket}/{placement.checkpoint.folder}/"


def _spare(placement: Placement) -> bool:
    """Room for one replica more in a pool of its own; of a shared one others may want it."""
    if placement.stages > 1 or placement.pool is not None:
        return False
    held = placement.nodes * int(1 / placement.node_share)
    return held > placement.replicas


def _arguments(
    placement: Placement, weights: Weights, timeline: Timeline, also_called: Sequence[str]
) -> tuple[str, ...]:
    streams = _streams(placement, weights)
    mounted = f"{MOUNT}/{placement.checkpoint.folder}"
    source = _in_bucket(placement, weights) if streams else mounted
    load = _streamed(placement) if streams else _mounted(placement)
    stages = ("--pipeline-parallel-size", str(placement.stages)) if placement.stages > 1 else ()
    # Ranks that are done loading wait for the slowest; NCCL's own limit is 600 s. Over several
    # nodes the group says it.
    ranks = placement.tensor_parallel if placement.stages == 1 else 1
    together = ("--distributed-timeout-seconds", str(timeline.start_seconds)) if ranks > 1 else ()
    share = ("--gpu-memory-utilization", str(placement.utilization))
    # The share of the memory, not --kv-cache-memory-bytes: with that, vLLM takes our estimate of
    # what else it needs for granted, and one that is too low ends in the middle of a start.
    # No --quantization: a checkpoint says it itself, and vLLM then picks its fastest kernels.
    return (
        source,
        *load,
        "--served-model-name", placement.variant.name, *also_called,
        "--tensor-parallel-size", str(placement.tensor_parallel),
        *stages,
        *together,
        "--max-model-len", str(placement.context),
        "--max-num-seqs", str(placement.concurrency),
        "--max-num-batched-tokens", str(placement.batched_tokens),
        *(() if placement.on_cpu else share),
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


def _environment(placement: Placement, weights: Weights, timeline: Timeline) -> dict[str, str]:
    streamer = {"RUNAI_STREAMER_CHUNK_BYTESIZE": str(_STREAMED_AT_A_TIME)}
    processor = {
        "VLLM_CPU_KVCACHE_SPACE": str(on_cpu.cache_gib(placement.memory)),
        # To bind threads and memory itself, vLLM would need SYS_NICE, which no restricted pod has.
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": str(on_cpu.threads_of(placement.instance)),
    }
    own = processor if placement.on_cpu else streamer if weights.streamed else {}
    return {
        **own,
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
