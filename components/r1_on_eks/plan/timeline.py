"""How long a model server may take to start before something is wrong."""

from dataclasses import dataclass

from r1_on_eks.catalog.model_shapes import Checkpoint
from r1_on_eks.stack_config import FileSystem

PROBE_PERIOD_SECONDS = 10
# CUDA graphs, compilation and warm-up took 23 to 142 s in public logs.
_WARM_UP_SECONDS = 300
# The first read of a linked file comes through S3, slower than the file system's own disks.
_FIRST_READ = 2.0
# The least of the instance types' base bandwidths here (2.5 Gbit/s), in MB/s.
_STREAM_MBPS = 312
# FSx user guide, performance of SSD storage: SCRATCH_2 has 200 MB/s per TiB.
_SCRATCH_MBPS_PER_TIB = 200
# vLLM's image has about 10 GB to be pulled and unpacked.
_IMAGE_PULL_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Limits on a model server's start.

    Attributes:
        start_seconds: From the container's start to its first healthy answer.
        probe_failures: Start-up probes that may fail, one each `PROBE_PERIOD_SECONDS`.
        progress_deadline_seconds: When Kubernetes calls the rollout failed.
        wait: How long Pulumi waits for the Deployment, `90m`.
    """

    start_seconds: int
    probe_failures: int
    progress_deadline_seconds: int
    wait: str


def start_of(checkpoint: Checkpoint, file_system: FileSystem | None) -> Timeline:
    """Limits for its weights, read from `file_system` or, without one, streamed from S3."""
    throughput = _throughput_mbps(file_system)
    reading = checkpoint.weight_bytes / 1e6 / throughput * _FIRST_READ
    start = round(reading) + _WARM_UP_SECONDS
    deadline = start + _IMAGE_PULL_SECONDS
    return Timeline(
        start_seconds=start,
        probe_failures=-(-start // PROBE_PERIOD_SECONDS),
        progress_deadline_seconds=deadline,
        wait=f"{-(-deadline // 60) + 5}m",
    )


def _throughput_mbps(file_system: FileSystem | None) -> float:
    if file_system is None:
        return _STREAM_MBPS
    per_tib = file_system.mbps_per_tib or _SCRATCH_MBPS_PER_TIB
    return file_system.capacity_gib / 1024 * per_tib
