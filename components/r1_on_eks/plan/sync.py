"""Filling the bucket from inside the cluster, where a stack asks for it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from r1_on_eks.plan.placement import Placement
from r1_on_eks.stack_config import Weights
from r1_on_eks.stack_config.pinned import Pinned

PACKAGE = "r1_on_eks/operations/weights"
SYNC_PODS = {"app.kubernetes.io/name": "weights-sync"}
SYNC_ACCOUNT = "weights-sync"
# In Lambda's image, whose own bootstrap puts it on the path; a plain interpreter doesn't.
BOTO3_FOLDER = "/var/runtime"
# What the Job runs: modules that import each other and boto3 alone (an import contract).
_MODULES = (
    *("hashes", "manifest", "bucket", "over_http", "progress"),
    *("sources", "one_file", "transfer", "job"),
)
# Slower than this, it has failed: the least of what an m7i.large keeps up is three times that
# (0.78 Gbit/s, EC2 user guide, network baselines, remembered).
_LEAST_GBPS = 0.25
_BEGIN_SECONDS = 900


@dataclass(frozen=True, kw_only=True)
class Sync:
    """A Job that brings the weights of a stack into its bucket.

    Attributes:
        name: Of the Job: another one for other checkpoints, for a Job's pods never change.
        bucket: Where to.
        other_bucket: Where from, if that is a bucket.
        wanted: What it brings, as JSON.
        limit_seconds: When it has failed.
        wait: How long Pulumi waits for it, `45m`.
    """

    name: str
    bucket: str
    other_bucket: str | None
    wanted: str
    limit_seconds: int
    wait: str


def sync_of(
    weights: Weights, placements: Sequence[Placement], pinned: Pinned, region: str
) -> Sync | None:
    """Of all checkpoints of a stack; None where its file does not ask for it."""
    if weights.sync_from is None:
        return None
    checkpoints = {one.checkpoint.repository: one.checkpoint for one in placements}
    revisions = {name: pinned.revisions.get(name, "main") for name in checkpoints}
    given = "" if weights.sync_from == "hub" else weights.sync_from
    wanted = json.dumps(
        {
            "bucket": weights.bucket,
            "region": region,
            "from": given,
            "checkpoints": [
                {"repository": name, "revision": revision} for name, revision in revisions.items()
            ],
        }
    )
    size = sum(one.weight_bytes for one in checkpoints.values())
    limit = round(size * 8 / (_LEAST_GBPS * 1e9)) + _BEGIN_SECONDS
    other = given.removeprefix("s3://").partition("/")[0] if given.startswith("s3://") else None
    return Sync(
        name=f"weights-sync-{hashlib.sha256(wanted.encode()).hexdigest()[:10]}",
        bucket=weights.bucket,
        other_bucket=other,
        wanted=wanted,
        limit_seconds=limit,
        wait=f"{-(-limit // 60) + 5}m",
    )


@cache
def sync_code() -> dict[str, str]:
    """The modules that the Job runs, by file name."""
    return {f"{name}.py": _text(name) for name in _MODULES}


@cache
def arrival_code() -> str:
    """What a server's pod runs before it: `s3://bucket/folder/`, and where to fetch it, if so."""
    return _text("arrival")


def _text(module: str) -> str:
    folder = files("r1_on_eks").joinpath("operations", "weights")
    return folder.joinpath(f"{module}.py").read_text(encoding="utf-8")
