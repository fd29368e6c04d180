"""VPC, subnets, flow logs."""
# ruff: noqa: ARG001 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import replacements, rules, tags
from r1_on_eks.rehearsal.aws_provider.resources.ec2_finds import arn_of, first_of
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Row,
    Update,
    Values,
    Wait,
    cite,
)


def _of_vpc(operation: str, path: str, **filters: str) -> Any:
    """An output that another look-up knows."""

    def look(cloud: Any, answer: Any, values: Values) -> Any:
        given = {
            "vpc-id": values["id"],
            **{k.replace("_", "-"): v for k, v in filters.items()},
        }
        conditions = [{"Name": name, "Values": [value]} for name, value in given.items()]
        return cloud.find("ec2", Find(operation, {"Filters": conditions}, path), values)

    return look


def _vpc_flag(member: str) -> Any:
    def look(cloud: Any, answer: Any, values: Values) -> Any:
        attribute = member[0].lower() + member[1:]
        find = Find("DescribeVpcAttribute", {"VpcId": "{id}", "Attribute": attribute})
        found = cloud.find("ec2", find, values)
        return found[member]["Value"]

    return look


_MAIN = "RouteTables[?Associations[?Main]]|[0].RouteTableId"
VPC = Row(
    token="aws:ec2/vpc:Vpc",
    forces_replacement=cite(
        "internal/service/ec2/vpc_.go@00081ce41cc6",
        "cidrBlock",
        "ipv4IpamPoolId",
        "ipv4NetmaskLength",
    ),
    replaces_when=(replacements.tenancy,),
    service="ec2",
    create=Call("CreateVpc", {"assignGeneratedIpv6CidrBlock": "AmazonProvidedIpv6CidrBlock"}),
    id="Vpc.VpcId",
    find=first_of("DescribeVpcs", "VpcIds", "Vpcs"),
    delete=(Call("DeleteVpc", given={"VpcId": "{id}"}),),
    tagging=tags.ec2("vpc"),
    updates=tuple(
        Update(
            (key,),
            Call("ModifyVpcAttribute", {key: f"{member}.Value"}, {"VpcId": "{id}"}),
            after_create=True,
        )
        for key, member in (
            ("enableDnsSupport", "EnableDnsSupport"),
            ("enableDnsHostnames", "EnableDnsHostnames"),
        )
    ),
    outputs={
        "arn": arn_of("vpc"),
        "enableDnsSupport": _vpc_flag("EnableDnsSupport"),
        "enableDnsHostnames": _vpc_flag("EnableDnsHostnames"),
        "mainRouteTableId": _of_vpc("DescribeRouteTables", _MAIN),
        "defaultRouteTableId": _of_vpc("DescribeRouteTables", _MAIN),
        "defaultSecurityGroupId": _of_vpc(
            "DescribeSecurityGroups", "SecurityGroups[0].GroupId", group_name="default"
        ),
        "defaultNetworkAclId": _of_vpc(
            "DescribeNetworkAcls", "NetworkAcls[?IsDefault]|[0].NetworkAclId"
        ),
    },
    wait=Wait("State", ("available",)),
    rules=(rules.cidr_size,),
)

SUBNET = Row(
    token="aws:ec2/subnet:Subnet",
    forces_replacement=cite(
        "internal/service/ec2/vpc_subnet.go@00cda125a19d",
        "availabilityZone",
        "availabilityZoneId",
        "cidrBlock",
        "ipv4IpamPoolId",
        "ipv4NetmaskLength",
        "ipv6IpamPoolId",
        "ipv6Native",
        "ipv6NetmaskLength",
        "outpostArn",
        "vpcId",
    ),
    service="ec2",
    create=Call("CreateSubnet"),
    id="Subnet.SubnetId",
    find=first_of("DescribeSubnets", "SubnetIds", "Subnets"),
    delete=(Call("DeleteSubnet", given={"SubnetId": "{id}"}),),
    tagging=tags.ec2("subnet"),
    updates=(
        Update(
            ("mapPublicIpOnLaunch",),
            Call(
                "ModifySubnetAttribute",
                {"mapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
                {"SubnetId": "{id}"},
            ),
            after_create=True,
        ),
    ),
    outputs={"arn": "SubnetArn"},
    wait=Wait("State", ("available",)),
    rules=(rules.cidr_size,),
    rules_online=(rules.subnet_inside_vpc,),
)

FLOW_LOG = Row(
    token="aws:ec2/flowLog:FlowLog",
    forces_replacement=cite(
        "internal/service/ec2/vpc_flow_log.go@00a35305dc1b",
        "iamRoleArn",
        "logDestination",
        "logDestinationType",
        "logFormat",
        "maxAggregationInterval",
        "trafficType",
        "vpcId",
    ),
    service="ec2",
    create=Call(
        "CreateFlowLogs",
        {"iamRoleArn": "DeliverLogsPermissionArn", "vpcId": "ResourceIds"},
        {"ResourceType": "VPC"},
    ),
    id="FlowLogIds[0]",
    find=first_of("DescribeFlowLogs", "FlowLogIds", "FlowLogs"),
    delete=(Call("DeleteFlowLogs", given={"FlowLogIds": ["{id}"]}),),
    tagging=tags.ec2("vpc-flow-log"),
    outputs={
        "arn": arn_of("vpc-flow-log"),
        "vpcId": "ResourceId",
        "iamRoleArn": "DeliverLogsPermissionArn",
    },
)

ROWS = (VPC, SUBNET, FLOW_LOG)
