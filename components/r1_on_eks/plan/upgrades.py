"""The day on which AWS upgrades a cluster by itself."""

from datetime import date

from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS

# Time to rehearse an upgrade, and to have it reviewed.
_NOTICE_DAYS = 90


def upgrade_told(version: str, today: date) -> str:
    """When EKS leaves a version's standard support, and what it does then."""
    ends = KUBERNETES_VERSIONS[version].standard_support_ends
    if today > ends:
        return (
            f"Kubernetes {version} left standard support on {ends}: EKS upgrades the control plane"
            f" by itself; {_next_step(version)}"
        )
    days = (ends - today).days
    return (
        f"Kubernetes {version} is in standard support until {ends} ({days} days);"
        f" EKS then upgrades the control plane by itself; {_next_step(version)}"
    )


def is_due(version: str, today: date) -> bool:
    """Whether that day is so near that somebody should be told without asking."""
    return (KUBERNETES_VERSIONS[version].standard_support_ends - today).days <= _NOTICE_DAYS


def _next_step(version: str) -> str:
    versions = [*KUBERNETES_VERSIONS]
    later = versions[versions.index(version) + 1 :]
    if later:
        return f'write kubernetes: "{later[0]}" before, one version at a time'
    return "no later version is in the catalogue yet"
