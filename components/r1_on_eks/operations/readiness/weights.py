"""The bucket of the weights: whether it is there, near, and holds every file of every variant."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from r1_on_eks.catalog.model_shapes import Checkpoint
from r1_on_eks.operations.account import FAILURES, Account, code_of
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.refusals import refused
from r1_on_eks.plan import Plan

BUCKET = "bucket"
PERMISSIONS = ("s3:ListBucket",)
# Headers of the files, and layers that the servers don't load (671b's MTP: 2 %).
_MOST_OVER = 1.05
# What a catalogue's figure that nobody counted may be off.
_TOLERANCE = {"counted": 0.0, "computed": 0.02, "approximate": 0.05}
_SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5,6})-of-(?P<count>\d{5,6})\.safetensors$")
_NEEDED = ("config.json", "tokenizer.json")


@dataclass(frozen=True)
class Presence:
    """What a bucket holds of one checkpoint.

    Attributes:
        checkpoint: It.
        wrong: What is missing or of a wrong size, a few words each; empty where all is there.
        files: Of safetensors.
        size: Of those, in bytes.
    """

    checkpoint: Checkpoint
    wrong: tuple[str, ...]
    files: int
    size: int


def presence_of(checkpoint: Checkpoint, objects: Mapping[str, int]) -> Presence:
    """What a listing says of a checkpoint.

    Shards are counted by their own names; their bytes are held against the catalogue's, which
    counts tensors: files have headers besides.

    Args:
        checkpoint: Wanted.
        objects: Name inside its folder to bytes.
    """
    tensors = {name: size for name, size in objects.items() if name.endswith(".safetensors")}
    total, wrong = sum(tensors.values()), []
    if not tensors:
        return Presence(checkpoint, (f"nothing below {checkpoint.folder}/",), 0, 0)
    if missing := _missing_shards(tensors):
        wrong.append(f"missing {_few(missing)}")
    if empty := sorted(name for name, size in tensors.items() if not size):
        wrong.append(f"empty {_few(empty)}")
    least = checkpoint.weight_bytes * (1 - _TOLERANCE[checkpoint.standing])
    if not missing and total < least:
        wrong.append(f"{checkpoint.weight_bytes - total:,} bytes too few: some file was cut short")
    most = checkpoint.weight_bytes * (_MOST_OVER + _TOLERANCE[checkpoint.standing])
    if total > most:
        wrong.append(f"{total - checkpoint.weight_bytes:,} bytes too many: another checkpoint?")
    if lost := [name for name in _NEEDED if name not in objects]:
        wrong.append(f"missing {', '.join(lost)}")
    return Presence(checkpoint, tuple(wrong), len(tensors), total)


def weights_present(plan: Plan, account: Account) -> list[Presence]:
    """What the bucket of a stack holds of each of its checkpoints, by name and size.

    Raises:
        ClientError: AWS refused, or there is no such bucket.
    """
    checkpoints = {
        model.placement.checkpoint.folder: model.placement.checkpoint for model in plan.models
    }
    return [
        presence_of(checkpoint, _listing(account, plan.bucket, folder))
        for folder, checkpoint in checkpoints.items()
    ]


def weight_finding(bucket: str, stack: str, found: Presence) -> Finding:
    """Whether a checkpoint is complete."""
    subject = f"weights {found.checkpoint.folder}"
    if found.wrong:
        source = f"https://huggingface.co/{found.checkpoint.repository}"
        return lacking(
            subject,
            f"s3://{bucket}: {'; '.join(found.wrong)}",
            f"r1 weights sync {stack}  # or copy {source} to"
            f" s3://{bucket}/{found.checkpoint.folder}/",
        )
    return ready(subject, f"{found.files} files, {found.size / 2**30:.1f} GiB")


def bucket_finding(bucket: str, wanted: str, region: str | None) -> Finding:
    """Whether the bucket is in the stack's own Region.

    Args:
        bucket: Its name.
        wanted: The stack's Region.
        region: The bucket's; None where there is no such bucket.
    """
    if region is None:
        return lacking(
            BUCKET,
            f"s3://{bucket} does not exist",
            f"aws s3 mb s3://{bucket} --region {wanted}  # or weights.bucket in the file",
        )
    if region != wanted:
        return lacking(
            BUCKET,
            f"s3://{bucket} is in {region}, the stack in {wanted}: the network's endpoint and FSx"
            " reach buckets of their own Region",
            f"aws s3 sync s3://{bucket} s3://NAME --source-region {region} --region {wanted}"
            "  # a copy, and weights.bucket in the file",
        )
    return ready(BUCKET, f"s3://{bucket}")


def bucket_and_weights(ground: Ground) -> Iterable[Finding]:
    """Asks S3."""
    plan, where = ground.plan, "unknown"
    try:
        where = _region_of(ground.account, plan.bucket)
        finding = bucket_finding(plan.bucket, plan.region, where)
    except FAILURES as error:
        finding = refused(BUCKET, error, PERMISSIONS)
        if code_of(error) == "403":
            # S3 says the same of a bucket of somebody else.
            told = f"s3://{plan.bucket}: no permission to ask, or it is another account's"
            finding = replace(finding, found=told)
    yield finding
    if where is None:
        return
    try:
        for found in weights_present(plan, ground.account):
            yield weight_finding(plan.bucket, ground.stack, found)
    except FAILURES as error:
        yield refused("weights", error, PERMISSIONS)


def _region_of(account: Account, bucket: str) -> str | None:
    """Where a bucket is; None where there is none."""
    try:
        answer = account.client("s3").head_bucket(Bucket=bucket)
    except FAILURES as error:
        if code_of(error) in ("404", "NoSuchBucket"):
            return None
        headers = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if code_of(error) in ("301", "PermanentRedirect") and "x-amz-bucket-region" in headers:
            return headers["x-amz-bucket-region"]
        raise
    headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
    return answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or account.region


def _listing(account: Account, bucket: str, folder: str) -> dict[str, int]:
    pages = account.client("s3").get_paginator("list_objects_v2")
    return {
        one["Key"].removeprefix(f"{folder}/"): one["Size"]
        for page in pages.paginate(Bucket=bucket, Prefix=f"{folder}/")
        for one in page.get("Contents", ())
    }


def _missing_shards(names: Iterable[str]) -> list[str]:
    """Files that the names of the others promise: model-00002-of-000004.safetensors."""
    missing, present = [], set(names)
    promised: dict[tuple[str, str], int] = {}
    for name in present:
        if shard := _SHARD.match(name):
            promised[shard["stem"], shard["count"]] = len(shard["number"])
    for (stem, count), digits in promised.items():
        every = (f"{stem}-{n:0{digits}}-of-{count}.safetensors" for n in range(1, int(count) + 1))
        missing += [name for name in every if name not in present]
    return missing


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more}"
