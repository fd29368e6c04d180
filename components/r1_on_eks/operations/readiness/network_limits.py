"""VPCs, addresses and NAT gateways that the account may still make; or the VPC that is given."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from r1_on_eks.catalog.quotas import ADDRESSES, NAT_GATEWAYS, VPCS, Quota
from r1_on_eks.operations.account import FAILURES, is_gone
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.quotas import allowed, increase
from r1_on_eks.operations.readiness.refusals import refused
from r1_on_eks.plan import Plan

PERMISSIONS = (
    "servicequotas:GetServiceQuota",
    "servicequotas:GetAWSDefaultServiceQuota",
    "ec2:DescribeVpcs",
    "ec2:DescribeAddresses",
    "ec2:DescribeNatGateways",
    "ec2:DescribeSubnets",
)
_STANDING = ("pending", "available")


def room_finding(
    quota: Quota, needed: int, taken: int, most: float, region: str, remark: str = ""
) -> Finding:
    """Whether an account may make so many more."""
    subject = f"quota {quota.code}"
    told = f"{quota.name}: {most:g} allowed, others have {taken}{remark}; needs {needed}"
    if taken + needed <= most:
        return ready(subject, told)
    return lacking(subject, told, increase(quota, taken + needed, region))


def subnet_findings(plan: Plan, subnets: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Whether the subnets of a network that exists are where the stack's file says.

    Args:
        plan: With a given network.
        subnets: As DescribeSubnets shows those of its VPC.
    """
    network, found = plan.network, []
    seen = {one["SubnetId"]: one for one in subnets}
    for zone, subnet in [*network.private_subnet_ids.items(), *network.public_subnet_ids.items()]:
        one = seen.get(subnet)
        subject = f"subnet {subnet}"
        if one is None:
            found.append(
                lacking(subject, f"{network.vpc_id} has no such subnet", "correct network")
            )
        elif one["AvailabilityZone"] != zone:
            found.append(
                lacking(subject, f"it is in {one['AvailabilityZone']}, not {zone}",
                        "correct network in the stack's file")
            )  # fmt: skip
        elif not ipaddress.ip_network(one["CidrBlock"]).subnet_of(_block(network.cidr)):
            found.append(
                lacking(subject, f"its {one['CidrBlock']} is not in {network.cidr}",
                        "correct network.cidr in the stack's file")
            )  # fmt: skip
    if found:
        return found
    told = ", ".join(
        f"{one['SubnetId']} {one['AvailableIpAddressCount']} addresses free" for one in subnets
    )
    return [ready(f"network {network.vpc_id}", told)]


def _block(cidr: str) -> Any:
    return ipaddress.ip_network(cidr)


def network_limits(ground: Ground) -> Iterable[Finding]:
    """Asks Service Quotas and EC2; each quota by itself."""
    network = ground.plan.network
    if network.vpc_id is not None:
        yield from _given(ground, network.vpc_id)
        return
    counted = [(VPCS, _vpcs)]
    if network.nat:
        counted += [(ADDRESSES, _addresses), (NAT_GATEWAYS, _nat_gateways)]
    for quota, count in counted:
        try:
            needed, taken, remark = count(ground)
            most = allowed(ground.account, quota)
        except FAILURES as error:
            yield refused(f"quota {quota.code}", error, PERMISSIONS)
            continue
        yield room_finding(quota, needed, taken, most, ground.config.region, remark)


def _vpcs(ground: Ground) -> tuple[int, int, str]:
    found = list(ground.account.listed("ec2", "describe_vpcs", "Vpcs"))
    return _one_more(ground, found)


def _addresses(ground: Ground) -> tuple[int, int, str]:
    found = list(ground.account.listed("ec2", "describe_addresses", "Addresses"))
    return _one_more(ground, found)


def _one_more(ground: Ground, found: Sequence[Mapping[str, Any]]) -> tuple[int, int, str]:
    """The stack needs one; what it has already is its own."""
    return 1, sum(not ground.is_own(one) for one in found), ""


def _nat_gateways(ground: Ground) -> tuple[int, int, str]:
    """By zone: the stack's is in the first of its network."""
    zone = ground.plan.network.blocks[0].zone
    gateways = [
        one
        for one in ground.account.listed("ec2", "describe_nat_gateways", "NatGateways")
        if one["State"] in _STANDING and not ground.is_own(one)
    ]
    if not gateways:
        return 1, 0, f" in {zone}"
    subnets = ground.account.listed(
        "ec2",
        "describe_subnets",
        "Subnets",
        Filters=[{"Name": "availability-zone", "Values": [zone]}],
    )
    inside = {one["SubnetId"] for one in subnets}
    return 1, sum(one["SubnetId"] in inside for one in gateways), f" in {zone}"


def _given(ground: Ground, vpc: str) -> Iterable[Finding]:
    subject = f"network {vpc}"
    try:
        ground.account.client("ec2").describe_vpcs(VpcIds=[vpc])
        subnets = list(
            ground.account.listed(
                "ec2", "describe_subnets", "Subnets",
                Filters=[{"Name": "vpc-id", "Values": [vpc]}],
            )
        )  # fmt: skip
    except FAILURES as error:
        if is_gone(error):
            yield lacking(
                subject, "this account and Region has no such VPC", "correct network.vpc"
            )
        else:
            yield refused(subject, error, PERMISSIONS)
        return
    yield from subnet_findings(ground.plan, subnets)
