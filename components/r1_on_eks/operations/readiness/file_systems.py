"""FSx for Lustre: whether it answers, and how much more of it the account may have."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from r1_on_eks.catalog.quotas import FILE_SYSTEM_QUOTAS
from r1_on_eks.operations.account import FAILURES
from r1_on_eks.operations.readiness.finding import Finding, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.network_limits import room_finding
from r1_on_eks.operations.readiness.quotas import allowed
from r1_on_eks.operations.readiness.refusals import refused

SUBJECT = "FSx for Lustre"
PERMISSIONS = (
    "fsx:DescribeFileSystems",
    "servicequotas:GetServiceQuota",
    "servicequotas:GetAWSDefaultServiceQuota",
)


def file_systems(ground: Ground) -> Iterable[Finding]:
    """Asks FSx what stands, and Service Quotas for each of its quotas."""
    plan = ground.plan
    if plan.storage is None:
        return
    try:
        standing = list(ground.account.listed("fsx", "describe_file_systems", "FileSystems"))
    except FAILURES as error:
        yield refused(SUBJECT, error, PERMISSIONS)
        return
    wanted = plan.storage.file_system
    yield unknown(
        SUBJECT,
        f"it answers in {plan.region}; whether {plan.gpu_zone} has {wanted.deployment}, no API"
        " tells before one is made",
    )
    counted, capacity = FILE_SYSTEM_QUOTAS[wanted.deployment]
    others = _others(ground, standing, wanted.deployment)
    taken = sum(one.get("StorageCapacity", 0) for one in others)
    for quota, needs, has, unit in (
        (counted, 1, len(others), ""),
        (capacity, wanted.capacity_gib, taken, " GiB"),
    ):
        try:
            most = allowed(ground.account, quota)
        except FAILURES as error:
            yield refused(f"quota {quota.code}", error, PERMISSIONS)
            continue
        yield room_finding(quota, needs, has, most, plan.region, unit)


def _others(
    ground: Ground, standing: Sequence[Mapping[str, Any]], deployment: str
) -> Sequence[Mapping[str, Any]]:
    """What counts against the same quotas and isn't the stack's own."""
    quotas = FILE_SYSTEM_QUOTAS[deployment]
    return [
        one
        for one in standing
        if FILE_SYSTEM_QUOTAS.get(one.get("LustreConfiguration", {}).get("DeploymentType"))
        is quotas
        and not ground.is_own(one)
    ]
