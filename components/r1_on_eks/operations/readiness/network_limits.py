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

_WAY_PERMISSIONS = ("ec2:DescribeVpcEndpoints", "ec2:DescribeRouteTables")
PERMISSIONS = (
    "servicequotas:GetServiceQuota",
    "servicequotas:GetAWSDefaultServiceQuota",
    "ec2:DescribeVpcs",
    "ec2:DescribeAddresses",
    "ec2:DescribeNatGateways",
    "ec2:DescribeSubnets",
    *_WAY_PERMISSIONS,
)
S3_WAY = "way to S3"
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


def s3_way_finding(
    plan: Plan, endpoints: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]]
) -> Finding:
    """Whether nodes of a network that exists read S3 by its gateway endpoint, which costs nothing.

    Args:
        plan: With a given network.
        endpoints: Its gateway endpoints of S3, as DescribeVpcEndpoints shows them.
        tables: Its route tables, as DescribeRouteTables shows them.
    """
    with_it = {table for one in endpoints for table in one.get("RouteTableIds", ())}
    by_subnet: dict[str | None, str] = {}
    for table in tables:
        for one in table.get("Associations", ()):
            # The main table is that of all subnets that are associated with none.
            by_subnet[None if one.get("Main") else one.get("SubnetId")] = table["RouteTableId"]
    wanted = {
        subnet: by_subnet.get(subnet, by_subnet.get(None, "none"))
        for subnet in plan.network.private_subnet_ids.values()
    }
    without = {subnet: table for subnet, table in wanted.items() if table not in with_it}
    if not without:
        return ready(S3_WAY, "a gateway endpoint in the route tables of all private subnets")
    told = (
        f"no gateway endpoint of S3 in the route tables of {', '.join(without)}: weights would"
        " pass NAT and be paid for by the GB, or not pass at all"
    )
    return lacking(S3_WAY, told, _endpoint_command(plan, endpoints, set(without.values())))


def _endpoint_command(
    plan: Plan, endpoints: Sequence[Mapping[str, Any]], tables: Iterable[str]
) -> str:
    ids = " ".join(sorted(tables))
    if endpoints:
        return (
            f"aws ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoints[0]['VpcEndpointId']}"
            f" --add-route-table-ids {ids} --region {plan.region}"
        )
    return (
        f"aws ec2 create-vpc-endpoint --vpc-id {plan.network.vpc_id}"
        f" --service-name com.amazonaws.{plan.region}.s3 --route-table-ids {ids}"
        f" --region {plan.region}"
    )


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
    try:
        yield s3_way_finding(ground.plan, *_ways_to_s3(ground, vpc))
    except FAILURES as error:
        yield refused(S3_WAY, error, _WAY_PERMISSIONS)


def _ways_to_s3(
    ground: Ground, vpc: str
) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
    of_it = {"Name": "vpc-id", "Values": [vpc]}
    service = f"com.amazonaws.{ground.plan.region}.s3"
    endpoints = ground.account.listed(
        "ec2", "describe_vpc_endpoints", "VpcEndpoints",
        Filters=[
            of_it,
            {"Name": "service-name", "Values": [service]},
            {"Name": "vpc-endpoint-type", "Values": ["Gateway"]},
            {"Name": "vpc-endpoint-state", "Values": ["available"]},
        ],
    )  # fmt: skip
    tables = ground.account.listed("ec2", "describe_route_tables", "RouteTables", Filters=[of_it])
    return list(endpoints), list(tables)
