"""Filling the file system before the first server reads it."""

from dataclasses import dataclass

from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.server import MOUNT
from r1_on_eks.stack_config import Weights

# Files that are fetched at a time; a checkpoint has at most some hundred.
_AT_A_TIME = 16
# To be scheduled, and to pull an image of some hundred MB.
_BEGIN_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Preload:
    """A Job that has FSx fetch the weights of one variant from the bucket.

    Attributes:
        name: Of the Job: another one for another checkpoint, for a Job's pods never change.
        script: What its shell runs.
        limit_seconds: When it has failed.
        wait: How long Pulumi waits for it, `45m`.
    """

    name: str
    script: str
    limit_seconds: int
    wait: str


def preload_of(placement: Placement, weights: Weights) -> Preload | None:
    """Of the folder of a placed variant; None where weights are not on a file system."""
    if weights.streamed:
        return None
    # FSx fetches from S3 no faster than its disks write.
    limit = round(weights.load_minutes * 60 * 3) + _BEGIN_SECONDS
    folder = placement.checkpoint.folder
    return Preload(
        name=f"preload-{folder.lower().replace('.', '-')}",
        script=_script(weights.bucket, folder),
        limit_seconds=limit,
        wait=f"{-(-limit // 60) + 5}m",
    )


def _script(bucket: str, folder: str) -> str:
    """Reads one byte of each file, which has FSx fetch the whole of it.

    A file of a linked bucket is fetched when it is first read, whole, while the reader waits
    (Lustre's HSM restores no parts); it goes to FSx's disks, not through the node's network.
    A second run finds everything there.
    """
    return "\n".join(
        (
            "set -eu",
            f"cd {MOUNT}/{folder} 2> /dev/null &&"
            " [ -n \"$(find . -name '*.safetensors')\" ] || {",
            f'  echo "s3://{bucket}/{folder} holds no safetensors; fill the bucket first" >&2',
            "  exit 1",
            "}",
            f"find . -type f -print0 | xargs -0 -n 1 -P {_AT_A_TIME} head -c 1 > /dev/null",
        )
    )
