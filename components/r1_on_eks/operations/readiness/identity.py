"""Whose credentials these are, and whether the account has the Region."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground

SUBJECT = "identity"
REGION = "region"


def identity_findings(owner: str, caller: Mapping[str, Any]) -> list[Finding]:
    """Whether the credentials are of the account that the stack's file names."""
    if caller["Account"] != owner:
        return [
            lacking(
                SUBJECT,
                f"{caller['Arn']} is of account {caller['Account']}; the stack stands in {owner}",
                f"sign in to {owner} (export AWS_PROFILE=…), or change account and admins in the"
                " stack's file",
            )
        ]
    if caller["Arn"].endswith(":root"):
        return [
            unknown(
                SUBJECT,
                "these are the root user's credentials",
                "use a role of the stack's admins: the cluster gives root no access",
            )
        ]
    return [ready(SUBJECT, caller["Arn"])]


def identity(ground: Ground) -> Iterable[Finding]:
    """Asks STS."""
    return identity_findings(ground.config.owner, ground.caller)


def region_is_known(region: str, known: Sequence[str]) -> list[Finding]:
    """Whether there is such a Region at all, as far as botocore knows.

    Args:
        region: The stack's.
        known: Regions with EKS.
    """
    if region in known:
        return []
    near = [one for one in known if one.rpartition("-")[0] == region.rpartition("-")[0]]
    return [
        lacking(
            REGION,
            f"EKS has no Region {region}, as far as this botocore knows",
            f"region: {' or '.join(near or ['us-west-2'])} in the stack's file; if it is a new"
            " Region: pip install --upgrade boto3",
        )
    ]


def region_known(ground: Ground) -> Iterable[Finding]:
    """Asks botocore's own list, and nobody else."""
    session = ground.account.session
    partitions = session.get_available_partitions()
    known = [one for each in partitions for one in session.get_available_regions("eks", each)]
    return region_is_known(ground.config.region, known)


def region_findings(region: str, regions: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Whether the account has opted in to the Region, as DescribeRegions answers."""
    for one in regions:
        if one["RegionName"] == region:
            status = one.get("OptInStatus", "opt-in-not-required")
            if status == "not-opted-in":
                return [
                    lacking(
                        REGION,
                        f"{region} is not enabled in this account",
                        f"aws account enable-region --region-name {region}  # takes minutes"
                        " to hours",
                    )
                ]
            return [ready(REGION, f"{region} is enabled")]
    return [lacking(REGION, f"this account sees no Region {region}", "correct region in the file")]


def region(ground: Ground) -> Iterable[Finding]:
    """Asks EC2."""
    answer = ground.account.client("ec2").describe_regions(
        RegionNames=[ground.config.region], AllRegions=True
    )
    return region_findings(ground.config.region, answer["Regions"])
