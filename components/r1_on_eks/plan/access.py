"""IAM documents, as mappings."""

from collections.abc import Sequence
from typing import Any

MANAGED = "arn:aws:iam::aws:policy"


def trusts(service: str, account: str | None = None) -> dict[str, Any]:
    """A trust policy for an AWS service, `ec2.amazonaws.com`.

    Args:
        service: Whom it trusts.
        account: The only one that the service may act for, where it says for whom it acts.
    """
    return _trust(service, ["sts:AssumeRole"], account)


def trusts_pods() -> dict[str, Any]:
    """A trust policy for EKS Pod Identity, which also tags its sessions."""
    return _trust("pods.eks.amazonaws.com", ["sts:AssumeRole", "sts:TagSession"])


def reads_bucket(bucket: str) -> dict[str, Any]:
    """Lists and reads one bucket, nothing else."""
    return _allow(
        (["s3:ListBucket"], f"arn:aws:s3:::{bucket}"),
        (["s3:GetObject"], f"arn:aws:s3:::{bucket}/*"),
    )


def fills_bucket(bucket: str, other: str | None = None) -> dict[str, Any]:
    """Writes one bucket, takes up what was begun in it, and reads another one if there is one."""
    objects = [
        *("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
        *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
    ]
    return _allow(
        (["s3:ListBucket", "s3:ListBucketMultipartUploads"], f"arn:aws:s3:::{bucket}"),
        (objects, f"arn:aws:s3:::{bucket}/*"),
        *(
            [(["s3:ListBucket"], f"arn:aws:s3:::{other}"),
             (["s3:GetObject"], f"arn:aws:s3:::{other}/*")]
            if other else ()
        ),
    )  # fmt: skip


def describes_file_systems() -> dict[str, Any]:
    """What the FSx driver needs where the volumes are made by Pulumi."""
    return _allow((["fsx:DescribeFileSystems"], "*"))


def writes_to_log_group(account: str, region: str, name: str) -> dict[str, Any]:
    """Writes into one log group, and makes none: what was deleted does not come back."""
    group = f"arn:aws:logs:{region}:{account}:log-group:{name}"
    writing = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    return _allow((writing, f"{group}:*"), (["logs:DescribeLogGroups"], "*"))


def imports_images(account: str, region: str, folder: str) -> dict[str, Any]:
    """Fetches images through ECR's cache, into repositories below one folder.

    Args:
        account: Whose registry it is.
        region: The registry's Region.
        folder: First part of the repositories' names.
    """
    repositories = f"arn:aws:ecr:{region}:{account}:repository/{folder}/*"
    return _allow((["ecr:BatchImportUpstreamImage"], repositories))


def tells(topic: str) -> dict[str, Any]:
    """Publishes to one SNS topic."""
    return _allow((["sns:Publish"], topic))


def reads_metrics() -> dict[str, Any]:
    """Reads figures of CloudWatch, which knows no narrower resource for them."""
    return _allow((["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics"], "*"))


def queries(workspace: Any) -> dict[str, Any]:
    """Reads one workspace of Amazon Managed Service for Prometheus, by its ARN.

    Source: its user guide, AMP-onboard-query-standalone-grafana, 2026-11.
    """
    reading = ["aps:QueryMetrics", "aps:GetSeries", "aps:GetLabels", "aps:GetMetricMetadata"]
    return _allow((reading, workspace))


def key_policy(account: str, region: str, log_groups: Sequence[str]) -> dict[str, Any]:
    """A key that IAM policies of the account govern, and with which some logs are encrypted.

    Source: CloudWatch Logs user guide, encrypt-log-data-kms.
    """
    groups = [f"arn:aws:logs:{region}:{account}:log-group:{name}" for name in log_groups]
    governed = {
        "Sid": "Account",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    logs = {
        "Sid": "Logs",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": [
            *("kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*"),
            *("kms:GenerateDataKey*", "kms:Describe*"),
        ],
        "Resource": "*",
        "Condition": {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": groups}},
    }
    return {"Version": "2012-10-17", "Statement": [governed, logs]}


def _trust(service: str, actions: list[str], account: str | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": actions,
    }
    if account:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _allow(*grants: tuple[list[str], str]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": resource}
            for actions, resource in grants
        ],
    }
