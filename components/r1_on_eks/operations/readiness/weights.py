"""The bucket of the weights: whether it is there, near, and holds every file of every variant."""

from collections.abc import Iterable
from dataclasses import replace

from r1_on_eks.catalog.model_shapes import Checkpoint
from r1_on_eks.operations.account import FAILURES, Account, code_of
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.refusals import refused
from r1_on_eks.operations.weights.presence import Presence, weights_present

BUCKET = "bucket"
PERMISSIONS = ("s3:ListBucket", "s3:GetObject")


def weight_finding(bucket: str, stack: str, checkpoint: Checkpoint, found: Presence) -> Finding:
    """Whether a checkpoint is complete: by its manifest, or by names and sizes without one."""
    subject = f"weights {checkpoint.folder}"
    if found.lacks:
        source = f"https://huggingface.co/{checkpoint.repository}"
        return lacking(
            subject,
            f"s3://{bucket}: {'; '.join(found.lacks)}",
            f"r1 weights sync {stack}  # or copy {source} to s3://{bucket}/{checkpoint.folder}/",
        )
    return ready(subject, f"{found.size / 2**30:.1f} GiB, {found.told}")


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
        for checkpoint in {model.placement.checkpoint for model in plan.models}:
            found = weights_present(ground.account, plan.bucket, checkpoint)
            yield weight_finding(plan.bucket, ground.stack, checkpoint, found)
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
