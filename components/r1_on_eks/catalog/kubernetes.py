"""Which Kubernetes versions EKS supports, and until when."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class KubernetesVersion:
    """One row of the EKS release calendar.

    Attributes:
        version: `1.35`.
        standard_support_ends: Last day at $0.10 per cluster hour; $0.60 after it.
        lustre_client: True where the AL2023 AMI's kernel is known to carry the Lustre client.
        source: Where the row was read, and when.
    """

    version: str
    standard_support_ends: date
    lustre_client: bool
    source: str = "EKS user guide, kubernetes-versions; endoflife.date amazon-eks, 2026-08-22"


# 1.36 runs kernel 6.18, on which nobody has reported a Lustre mount yet (seen until 2026-11).
_ROWS = (
    KubernetesVersion(version="1.34", standard_support_ends=date(2026, 12, 2), lustre_client=True),
    KubernetesVersion(version="1.35", standard_support_ends=date(2027, 3, 27), lustre_client=True),
    KubernetesVersion(version="1.36", standard_support_ends=date(2027, 8, 2), lustre_client=False),
)

KUBERNETES_VERSIONS: dict[str, KubernetesVersion] = {row.version: row for row in _ROWS}
