"""Kubernetes: whether EKS still supports the version, and has images for its nodes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from r1_on_eks.catalog.eks_parts import AMI_PARAMETERS
from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.operations.account import FAILURES, is_gone
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.refusals import refused
from r1_on_eks.plan.upgrades import is_due, upgrade_told

SUPPORT = "Kubernetes support"
OFFERED = "Kubernetes offered"
PERMISSIONS = ("eks:DescribeClusterVersions", "ssm:GetParameter", "ec2:DescribeImages")
# EKS user guide, retrieve-ami-id.
_PARAMETER = "/aws/service/eks/optimized-ami/{version}/{path}"
# Names of the images begin so; behind it are Kubernetes version and release (awslabs/
# amazon-eks-ami, releases, 2026-11).
_IMAGE_NAMES = {
    "AL2023_x86_64_STANDARD": "amazon-eks-node-al2023-x86_64-standard-",
    "AL2023_x86_64_NVIDIA": "amazon-eks-node-al2023-x86_64-nvidia-",
}


def support_finding(version: str, today: date) -> Finding:
    """Whether a version is in standard support, by the catalogue's calendar."""
    ends = KUBERNETES_VERSIONS[version].standard_support_ends
    told = upgrade_told(version, today)
    later = [one for one in KUBERNETES_VERSIONS if one > version]
    fix = f'kubernetes: "{later[0]}" in the stack\'s file' if later else "a newer r1-on-eks"
    if today > ends:
        return lacking(SUPPORT, told, fix)
    if is_due(version, today):
        return unknown(SUPPORT, told, f"{fix}, before {ends}")
    return ready(SUPPORT, f"{version} is in standard support until {ends}")


def support(ground: Ground) -> Iterable[Finding]:
    """Asks nobody."""
    return [support_finding(ground.config.kubernetes, ground.now.date())]


def offered_findings(version: str, found: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Whether EKS itself offers a version in standard support.

    Args:
        version: Of the stack.
        found: As DescribeClusterVersions shows it; empty where EKS has none.
    """
    if not found:
        return [lacking(OFFERED, f"EKS offers no {version}", "another kubernetes in the file")]
    one = found[0]
    status = one.get("versionStatus") or one.get("status", "").upper().replace("-", "_")
    ends = one.get("endOfStandardSupportDate")
    told = f"EKS calls {version} {status.lower().replace('_', ' ')}"
    if ends:
        told = f"{told}; standard support until {ends:%Y-%m-%d}"
    if status == "STANDARD_SUPPORT":
        return [ready(OFFERED, told)]
    return [
        lacking(
            OFFERED,
            f"{told}; the stack asks for standard support, so EKS would upgrade it by itself",
            "a later kubernetes in the stack's file (extended support costs $0.60 an hour)",
        )
    ]


def offered(ground: Ground) -> Iterable[Finding]:
    """Asks EKS."""
    version = ground.config.kubernetes
    try:
        answer = ground.account.client("eks").describe_cluster_versions(clusterVersions=[version])
    except FAILURES as error:
        if not is_gone(error):
            raise
        return offered_findings(version, [])
    return offered_findings(version, answer["clusterVersions"])


def image_finding(
    ami: str, pinned: str | None, newest: str | None, *, exists: bool = True
) -> Finding:
    """Whether a machine image is there.

    Args:
        ami: EKS's AMI type.
        pinned: Its release in the pins, None where it is unpinned.
        newest: The release that EKS recommends, None where it recommends none.
        exists: Whether EC2 has the pinned one.
    """
    subject = f"image {ami}"
    if newest is None:
        return lacking(subject, "EKS recommends none for this version", "another kubernetes")
    if pinned is None:
        return ready(subject, f"{newest} is the newest and would be taken: unpinned")
    if not exists:
        # The pattern of its name was seen in public repositories, and not tried.
        return unknown(
            subject,
            f"{pinned} is pinned, and EC2 shows no image of that name; the newest is {newest}",
            "r1 pins refresh",
        )
    newer = "" if pinned == newest else f"; the newest is {newest}"
    return ready(subject, f"{pinned} is pinned{newer}")


def images(ground: Ground) -> Iterable[Finding]:
    """Asks Systems Manager for the newest, and EC2 whether a pinned one is there."""
    versions = ground.plan.versions
    for ami, path in AMI_PARAMETERS.items():
        try:
            newest = _newest(ground, versions.kubernetes, path)
            pinned = versions.release(ami)
            exists = pinned in (None, newest) or _exists(ground, ami, str(pinned))
        except FAILURES as error:
            yield refused(f"image {ami}", error, PERMISSIONS)
            continue
        yield image_finding(ami, pinned, newest, exists=exists)


def _newest(ground: Ground, version: str, path: str) -> str | None:
    name = _PARAMETER.format(version=version, path=path)
    try:
        return ground.account.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    except FAILURES as error:
        if is_gone(error):
            return None
        raise


def _exists(ground: Ground, ami: str, release: str) -> bool:
    # 1.35.0-20260917: the image is called …-1.35-v20260917.
    version, _, day = release.rpartition("-")
    name = f"{_IMAGE_NAMES[ami]}{version.rpartition('.')[0]}-v{day}"
    answer = ground.account.client("ec2").describe_images(
        Owners=["amazon"], Filters=[{"Name": "name", "Values": [name]}], IncludeDeprecated=True
    )
    return bool(answer["Images"])
