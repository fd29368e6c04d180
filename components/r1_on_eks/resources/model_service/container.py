"""The containers: vLLM, and what fetches its weights before it."""

from collections.abc import Mapping, Sequence
from typing import Any

from r1_on_eks.catalog.images import PYTHON_WITH_BOTO3
from r1_on_eks.plan import restricted
from r1_on_eks.plan.names import PORT, SERVER_KEY
from r1_on_eks.plan.server import CACHE, MOUNT, ModelServer
from r1_on_eks.plan.sync import BOTO3_FOLDER, arrival_code
from r1_on_eks.plan.timeline import PROBE_PERIOD_SECONDS
from r1_on_eks.resources.model_service.arguments import ModelServiceArgs


def server_container(
    args: ModelServiceArgs, arguments: Sequence[str], devices: Mapping[str, str] | None = None
) -> Any:
    """A server with its command line, on GPUs and the other devices that it is given."""
    server = args.server
    mounts = [
        {"name": "shared-memory", "mount_path": "/dev/shm"},
        {"name": "cache", "mount_path": CACHE},
        {"name": "temporary", "mount_path": "/tmp"},
    ]
    if args.claim_name is not None or server.fetched_from:
        mounts.append(_weights_mount(server))
    gpus = {"nvidia.com/gpu": str(server.gpus)} if server.gpus else {}
    devices = {**gpus, **(devices or {})}
    return {
        "name": "vllm",
        "image": server.image,
        "args": list(arguments),
        "env": [{"name": key, "value": value} for key, value in server.environment.items()],
        "ports": [{"name": "http", "container_port": PORT}],
        "resources": {
            "requests": {
                "cpu": server.cpu, "memory": server.memory, **_on_disk(server), **devices
            },
            "limits": devices,
        },
        **_probes(server),
        "lifecycle": {"pre_stop": {"sleep": {"seconds": server.timeline.pre_stop_seconds}}},
        "security_context": restricted.CONTAINER,
        "volume_mounts": mounts,
    }  # fmt: skip


def before(server: ModelServer) -> list[Any]:
    """What runs before a server whose weights come from the bucket; nothing before others."""
    fetching = [_fetching(server)] if server.fetched_from else []
    return [*fetching, *([_asking(server)] if server.streamed_from else [])]


def _asking(server: ModelServer) -> Any:
    """In the server's image, which the node fetches anyway, and which streams with boto3 too."""
    return {
        "name": "weights-complete",
        "image": server.image,
        "command": ["python3", "-c", arrival_code(), server.streamed_from],
        "env": [{"name": "HOME", "value": "/tmp"}],
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "512Mi"},
        },
        "volume_mounts": [_TEMPORARY],
        **_TOLD_AND_RESTRICTED,
    }


def _fetching(server: ModelServer) -> Any:
    """Copies the weights beside the server, which then reads them as if they were mounted."""
    into = f"{MOUNT}/{server.weights_folder}"
    return {
        "name": "fetch-weights",
        "image": PYTHON_WITH_BOTO3,
        "command": ["python3", "-c", arrival_code(), server.fetched_from, into],
        "env": [{"name": "HOME", "value": "/tmp"}, {"name": "PYTHONPATH", "value": BOTO3_FOLDER}],
        "resources": {
            "requests": {"cpu": "1", "memory": "512Mi", **_on_disk(server)},
            # Pages of the files that it writes count, and are given back.
            "limits": {"memory": "2Gi"},
        },
        "volume_mounts": [{"name": "weights", "mount_path": MOUNT}, _TEMPORARY],
        **_TOLD_AND_RESTRICTED,
    }


_TEMPORARY = {"name": "temporary", "mount_path": "/tmp"}
# One that finds the weights incomplete ends with a line, and is tried again until they are there:
# `kubectl describe pod` and `r1 status` show the line.
_TOLD_AND_RESTRICTED = {
    "termination_message_policy": "FallbackToLogsOnError",
    "security_context": restricted.CONTAINER,
}


def _on_disk(server: ModelServer) -> dict[str, str]:
    """A pod of which nothing is asked of the disk is the first to go from one that fills up."""
    return {"ephemeral-storage": server.disk} if server.fetched_from else {}


def asking_for_key(container: Any, args: ModelServiceArgs) -> Any:
    """On /v1 alone: probes and Prometheus need none. vLLM takes it from no file."""
    key = {"secret_key_ref": {"name": args.server_key_secret, "key": SERVER_KEY}}
    asked = {"name": "VLLM_API_KEY", "value_from": key}
    return container | {"env": [*container["env"], asked]}


def _weights_mount(server: ModelServer) -> Any:
    return {
        "name": "weights",
        "mount_path": f"{MOUNT}/{server.weights_folder}",
        "sub_path": server.weights_folder,
        "read_only": True,
    }


def _probes(server: ModelServer) -> Any:
    health = {"http_get": {"path": "/health", "port": PORT}}
    return {
        "startup_probe": {
            **health,
            "period_seconds": PROBE_PERIOD_SECONDS,
            "failure_threshold": server.timeline.probe_failures,
        },
        "readiness_probe": {**health, "period_seconds": 5, "failure_threshold": 2},
        "liveness_probe": {
            **health,
            "period_seconds": 10,
            "timeout_seconds": 5,
            "failure_threshold": 6,
        },
    }
