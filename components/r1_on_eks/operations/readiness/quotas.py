"""vCPU quotas against what the plan needs, beside what runs already."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.quotas import INSTANCE_QUOTAS, Quota, quota_of
from r1_on_eks.operations.account import FAILURES, Account, code_of
from r1_on_eks.operations.readiness.finding import Finding, Standing, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.refusals import refused
from r1_on_eks.plan import Plan
from r1_on_eks.plan.purchase import ON_DEMAND, SPOT

PERMISSIONS = (
    "servicequotas:GetServiceQuota",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:ListRequestedServiceQuotaChangeHistoryByQuota",
    "ec2:DescribeInstances",
)
# Of a request that AWS has not decided.
_OPEN = ("PENDING", "CASE_OPENED")


@dataclass(frozen=True)
class Need:
    """What a plan needs of one quota, in vCPU.

    Attributes:
        least: With every group scaled in as far as it goes.
        wanted: As the stack stands up.
        most: With every group scaled out.
    """

    least: int = 0
    wanted: int = 0
    most: int = 0


def needs_of(plan: Plan) -> dict[str | None, Need]:
    """By quota code; under None what no known quota counts.

    Capacity blocks and reservations that exist count against no quota here: a reservation was
    counted when it was made (EC2 user guide, ec2-on-demand-instances and capacity blocks).
    """
    found: dict[str | None, Need] = {}
    for pool in (plan.system_pool, *plan.gpu_pools):
        if pool.purchase.way not in (ON_DEMAND, SPOT):
            continue
        row = INSTANCE_TYPES[pool.instance_type]
        code = row.quota_code_spot if pool.purchase.way == SPOT else row.quota_code
        # Groups of GPU nodes may shrink to none; the gateway's nodes stay.
        least = pool.nodes if pool == plan.system_pool else 0
        before = found.get(code, Need())
        found[code] = Need(
            before.least + least * row.vcpus,
            before.wanted + pool.nodes * row.vcpus,
            before.most + pool.most * row.vcpus,
        )
    return found


def running_of(instances: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """What runs, in vCPU by quota code.

    Args:
        instances: As DescribeInstances shows them.
    """
    found: dict[str, int] = {}
    for one in instances:
        lifecycle = one.get("InstanceLifecycle")
        if lifecycle == "capacity-block":
            continue
        if quota := quota_of(one["InstanceType"], spot=lifecycle == "spot"):
            cpu = one.get("CpuOptions", {})
            vcpus = cpu.get("CoreCount", 1) * cpu.get("ThreadsPerCore", 1)
            found[quota.code] = found.get(quota.code, 0) + vcpus
    return found


def quota_finding(quota: Quota, need: Need, allowed: float, running: int, region: str) -> Finding:
    """Whether a quota holds what the plan needs."""
    subject, left = f"quota {quota.code}", allowed - running
    besides = f", of which others run {running}" if running else ""
    told = (
        f"{quota.name}: {allowed:g} vCPU allowed{besides}; needs {need.wanted}"
        f" ({need.least} scaled in, {need.most} at most)"
    )
    if need.most <= left:
        return ready(subject, told)
    if need.wanted <= left:
        told = f"{told}: enough to stand up, not to scale out or update"
    return lacking(subject, told, increase(quota, running + need.most, region))


def increase(quota: Quota, wanted: float, region: str) -> str:
    """How a quota is asked for."""
    slow = "" if "Standard" in quota.name or not quota.families else "hours to days; "
    return (
        f"aws service-quotas request-service-quota-increase --service-code {quota.service}"
        f" --quota-code {quota.code} --desired-value {wanted:g} --region {region}"
        f"  # {slow}console: Service Quotas → {quota.service.upper()} → {quota.name}"
    )


def with_request(found: Finding, requests: Sequence[Mapping[str, Any]]) -> Finding:
    """The same, where somebody has asked AWS for more already.

    Args:
        found: That a quota is too small.
        requests: As ListRequestedServiceQuotaChangeHistoryByQuota shows them.
    """
    for one in requests:
        if one["Status"] in _OPEN:
            day = f" on {one['Created']:%Y-%m-%d}" if one.get("Created") else ""
            told = f"{found.found}; {one['DesiredValue']:g} were asked for{day}: {one['Status']}"
            return replace(found, found=told)
    return found


def _requests(account: Account, quota: Quota) -> Sequence[Mapping[str, Any]]:
    """What was asked for; nothing where AWS doesn't tell, for the finding stands without it."""
    try:
        return account.client(
            "service-quotas"
        ).list_requested_service_quota_change_history_by_quota(
            ServiceCode=quota.service, QuotaCode=quota.code
        )["RequestedQuotas"]
    except FAILURES:
        return []


def allowed(account: Account, quota: Quota) -> float:
    """What Service Quotas says: the account's own value, else AWS's default."""
    quotas = account.client("service-quotas")
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        return quotas.get_service_quota(**asked)["Quota"]["Value"]
    except FAILURES as error:
        if code_of(error) != "NoSuchResourceException":
            raise
        return quotas.get_aws_default_service_quota(**asked)["Quota"]["Value"]


def vcpu_quotas(ground: Ground) -> Iterable[Finding]:
    """Asks Service Quotas for each code, and EC2 once for what runs."""
    needs = needs_of(ground.plan)
    running = running_of(_others(ground))
    for code, need in needs.items():
        if code is None:
            yield unknown(
                "quota of spot", f"no quota code is known for {need.most} vCPU of spot instances",
                "console: Service Quotas → EC2 → All … Spot Instance Requests",
            )  # fmt: skip
            continue
        quota = INSTANCE_QUOTAS[code]
        try:
            value = allowed(ground.account, quota)
        except FAILURES as error:
            yield refused(f"quota {code}", error, PERMISSIONS)
            continue
        found = quota_finding(quota, need, value, running.get(code, 0), ground.config.region)
        if found.standing is Standing.LACKING:
            found = with_request(found, _requests(ground.account, quota))
        yield found


def _others(ground: Ground) -> Sequence[Mapping[str, Any]]:
    """What runs and isn't the stack's own, which its plan counts already."""
    states = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    reservations = ground.account.listed(
        "ec2", "describe_instances", "Reservations", Filters=states
    )
    instances = [one for group in reservations for one in group["Instances"]]
    return [one for one in instances if not ground.is_own(one)]
