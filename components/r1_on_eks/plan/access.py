"""IAM documents, as mappings."""

from typing import Any

MANAGED = "arn:aws:iam::aws:policy"


def trusts(service: str) -> dict[str, Any]:
    """A trust policy for an AWS service, `ec2.amazonaws.com`."""
    return _trust(service, ["sts:AssumeRole"])


def trusts_pods() -> dict[str, Any]:
    """A trust policy for EKS Pod Identity, which also tags its sessions."""
    return _trust("pods.eks.amazonaws.com", ["sts:AssumeRole", "sts:TagSession"])


def reads_bucket(bucket: str) -> dict[str, Any]:
    """Lists and reads one bucket, nothing else."""
    return _allow(
        (["s3:ListBucket"], f"arn:aws:s3:::{bucket}"),
        (["s3:GetObject"], f"arn:aws:s3:::{bucket}/*"),
    )


def describes_file_systems() -> dict[str, Any]:
    """What the FSx driver needs where the volumes are made by Pulumi."""
    return _allow((["fsx:DescribeFileSystems"], "*"))


def _trust(service: str, actions: list[str]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": actions}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _allow(*grants: tuple[list[str], str]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": resource}
            for actions, resource in grants
        ],
    }
