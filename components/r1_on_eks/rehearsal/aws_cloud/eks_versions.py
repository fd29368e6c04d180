"""DescribeClusterVersions, which moto lacks: the support calendar as rows.

Source: endoflife-date/endoflife.date products/amazon-eks.md of 2026-08-22 and the EKS user
guide, kubernetes-versions. Only versions listed here can be created.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from moto.core.responses import ActionResult

from r1_on_eks.rehearsal.aws_cloud.eks_state import EksRequest, Shape, page


@dataclass(frozen=True)
class SupportedVersion:
    """One Kubernetes version of EKS; dates as published (1.33's release day is not: its month)."""

    version: str
    released: date
    standard_until: date
    extended_until: date

    def status(self, today: date) -> str:
        """AWS's word for the version's support on that day."""
        if today <= self.standard_until:
            return "STANDARD_SUPPORT"
        return "EXTENDED_SUPPORT" if today <= self.extended_until else "UNSUPPORTED"


VERSIONS = {
    row.version: row
    for row in (
        SupportedVersion("1.36", date(2026, 6, 2), date(2027, 8, 2), date(2028, 8, 2)),
        SupportedVersion("1.35", date(2026, 1, 28), date(2027, 3, 27), date(2028, 3, 27)),
        SupportedVersion("1.34", date(2025, 10, 2), date(2026, 12, 2), date(2027, 12, 2)),
        SupportedVersion("1.33", date(2025, 5, 1), date(2026, 7, 29), date(2027, 7, 29)),
    )
}
DEFAULT_VERSION = "1.35"


class ClusterVersions(EksRequest):
    """The operation on versions."""

    def describe_cluster_versions(self) -> ActionResult:
        """Newest first; filters as AWS has them. Unsupported ones only with includeAll."""
        asked, today = self.request(), datetime.now(UTC).date()
        found = [
            row
            for row in (_shape(version, today) for version in VERSIONS.values())
            if _wanted(row, asked)
        ]
        versions, token = page(found, asked)
        return ActionResult({"clusterVersions": versions, "nextToken": token})


def _wanted(row: Shape, asked: Shape) -> bool:
    names = asked.get("clusterVersions")
    if names and row["clusterVersion"] not in names:
        return False
    if asked.get("defaultOnly") and not row["defaultVersion"]:
        return False
    status = asked.get("versionStatus")
    if status and row["versionStatus"] != status:
        return False
    explicit = names or status or asked.get("includeAll")
    return bool(explicit) or row["versionStatus"] != "UNSUPPORTED"


def _shape(row: SupportedVersion, today: date) -> Shape:
    def midnight(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    return {
        "clusterVersion": row.version,
        "clusterType": "eks",
        "defaultVersion": row.version == DEFAULT_VERSION,
        "releaseDate": midnight(row.released),
        "endOfStandardSupportDate": midnight(row.standard_until),
        "endOfExtendedSupportDate": midnight(row.extended_until),
        "status": row.status(today).lower().replace("_", "-"),
        "versionStatus": row.status(today),
    }
