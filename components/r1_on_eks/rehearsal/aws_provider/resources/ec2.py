"""Network: VPC, subnets, gateways, routes, endpoints."""
# ruff: noqa: ARG001, ARG005 — every step and every look-up is called the same way.

import zlib
from typing import Any

from r1_on_eks.rehearsal.aws_provider import replacements, rules, tags
from r1_on_eks.rehearsal.aws_provider.cloud import CallFailed
from r1_on_eks.rehearsal.aws_provider.problems import Refused
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Row,
    Update,
    Values,
    Wait,
    cite,
)


def _first_of(operation: str, by: str, path: str) -> Find:
    return Find(operation, {by: ["{id}"]}, f"{path}[0]")


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


def _arn(kind: str) -> Any:
    return lambda cloud, answer, values: cloud.arn("ec2", f"{kind}/{values['id']}")


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
    find=_first_of("DescribeVpcs", "VpcIds", "Vpcs"),
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
        "arn": _arn("vpc"),
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
    find=_first_of("DescribeSubnets", "SubnetIds", "Subnets"),
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


def _attach(cloud: Any, old: Values, new: Values) -> None:
    if old.get("vpcId"):
        _detach(cloud, old, old)
    wanted = {"InternetGatewayId": new["id"], "VpcId": new["vpcId"]}
    cloud.call("ec2", "AttachInternetGateway", wanted)


def _detach(cloud: Any, old: Values, new: Values) -> None:
    if old.get("vpcId"):
        given = {"InternetGatewayId": old["id"], "VpcId": old["vpcId"]}
        try:
            cloud.call("ec2", "DetachInternetGateway", given)
        except CallFailed as error:
            # A creation that failed half-way leaves it so.
            if error.code != "Gateway.NotAttached":
                raise


INTERNET_GATEWAY = Row(
    token="aws:ec2/internetGateway:InternetGateway",
    forces_replacement=cite(
        "internal/service/ec2/vpc_internet_gateway.go@08923b68b5ad",
    ),
    service="ec2",
    create=Call("CreateInternetGateway"),
    id="InternetGateway.InternetGatewayId",
    find=_first_of("DescribeInternetGateways", "InternetGatewayIds", "InternetGateways"),
    delete=(
        _detach,
        Call("DeleteInternetGateway", given={"InternetGatewayId": "{id}"}),
    ),
    tagging=tags.ec2("internet-gateway"),
    updates=(Update(("vpcId",), _attach, after_create=True),),
    outputs={"arn": _arn("internet-gateway"), "vpcId": "Attachments[0].VpcId"},
)

EIP = Row(
    token="aws:ec2/eip:Eip",
    forces_replacement=cite(
        "internal/service/ec2/ec2_eip.go@01606926a0c0",
        "address",
        "domain",
        "ipamPoolId",
        "networkBorderGroup",
        "publicIpv4Pool",
    ),
    service="ec2",
    create=Call("AllocateAddress"),
    id="AllocationId",
    find=_first_of("DescribeAddresses", "AllocationIds", "Addresses"),
    delete=(Call("ReleaseAddress", given={"AllocationId": "{id}"}),),
    tagging=tags.ec2("elastic-ip"),
    outputs={"arn": _arn("elastic-ip"), "allocationId": "AllocationId"},
)

NAT_GATEWAY = Row(
    token="aws:ec2/natGateway:NatGateway",
    forces_replacement=cite(
        "internal/service/ec2/vpc_nat_gateway.go@04088eaa5494",
        "allocationId",
        "connectivityType",
        "privateIp",
        "secondaryPrivateIpAddressCount",
        "subnetId",
    ),
    service="ec2",
    create=Call("CreateNatGateway"),
    id="NatGateway.NatGatewayId",
    find=_first_of("DescribeNatGateways", "NatGatewayIds", "NatGateways"),
    delete=(Call("DeleteNatGateway", given={"NatGatewayId": "{id}"}),),
    tagging=tags.ec2("natgateway"),
    outputs={
        "allocationId": "NatGatewayAddresses[0].AllocationId",
        "networkInterfaceId": "NatGatewayAddresses[0].NetworkInterfaceId",
        "privateIp": "NatGatewayAddresses[0].PrivateIp",
        "publicIp": "NatGatewayAddresses[0].PublicIp",
    },
    wait=Wait("State", ("available",), ("failed",), "FailureMessage"),
    gone=("deleted",),
)

ROUTE_TABLE = Row(
    token="aws:ec2/routeTable:RouteTable",
    forces_replacement=cite(
        "internal/service/ec2/vpc_route_table.go@022092419b7c",
        "vpcId",
    ),
    service="ec2",
    create=Call("CreateRouteTable"),
    id="RouteTable.RouteTableId",
    find=_first_of("DescribeRouteTables", "RouteTableIds", "RouteTables"),
    delete=(Call("DeleteRouteTable", given={"RouteTableId": "{id}"}),),
    tagging=tags.ec2("route-table"),
    # Its routes are resources of their own here.
    outputs={
        "arn": _arn("route-table"),
        "routes": lambda cloud, answer, values: values.get("routes"),
    },
)

_DESTINATION = "destinationCidrBlock"


def _find_route(cloud: Any, values: Values) -> Any:
    table, destination = values.get("routeTableId"), values.get(_DESTINATION)
    if "_" in values["id"]:
        table, _, destination = values["id"].partition("_")
    if not table or not destination:
        raise Refused(f"'{values['id']}' is no id of a route to import: TABLE_DESTINATION is")
    given = {"RouteTableIds": [table]}
    path = f"RouteTables[0].Routes[?DestinationCidrBlock=='{destination}']|[0]"
    found = cloud.find("ec2", Find("DescribeRouteTables", given, path), values)
    return {"RouteTableId": table, **found} if found else None


def _route_id(values: Values) -> str:
    return f"r-{values['routeTableId']}{zlib.crc32(values[_DESTINATION].encode())}"


_TARGETS = ("gatewayId", "natGatewayId", "networkInterfaceId", "transitGatewayId")
_ROUTE_KEY = {
    "RouteTableId": "{routeTableId}",
    "DestinationCidrBlock": "{destinationCidrBlock}",
}
ROUTE = Row(
    token="aws:ec2/route:Route",
    forces_replacement=cite(
        "internal/service/ec2/vpc_route.go@0128541e0711",
        "destinationCidrBlock",
        "destinationIpv6CidrBlock",
        "destinationPrefixListId",
        "routeTableId",
    ),
    service="ec2",
    create=Call("CreateRoute"),
    id=_route_id,
    find=_find_route,
    delete=(Call("DeleteRoute", given=_ROUTE_KEY),),
    updates=(Update(_TARGETS, Call("ReplaceRoute", given=_ROUTE_KEY)),),
    outputs={},
    wait=Wait("State", ("active", "blackhole")),
)


def _find_table_association(cloud: Any, values: Values) -> Any:
    by = [{"Name": "association.route-table-association-id", "Values": ["{id}"]}]
    path = "RouteTables[].Associations[]"
    found = cloud.find("ec2", Find("DescribeRouteTables", {"Filters": by}, path), values) or []
    wanted = values["id"]
    return next((one for one in found if one["RouteTableAssociationId"] == wanted), None)


ROUTE_TABLE_ASSOCIATION = Row(
    token="aws:ec2/routeTableAssociation:RouteTableAssociation",
    forces_replacement=cite(
        "internal/service/ec2/vpc_route_table_association.go@0be71beb458a",
        "gatewayId",
        "subnetId",
    ),
    service="ec2",
    create=Call("AssociateRouteTable"),
    id="AssociationId",
    find=_find_table_association,
    delete=(Call("DisassociateRouteTable", given={"AssociationId": "{id}"}),),
)


def _change_tables(cloud: Any, old: Values, new: Values) -> None:
    before, after = (
        set(old.get("routeTableIds") or []),
        set(new.get("routeTableIds") or []),
    )
    changes = {
        "AddRouteTableIds": sorted(after - before),
        "RemoveRouteTableIds": sorted(before - after),
    }
    given = {key: value for key, value in changes.items() if value}
    cloud.call("ec2", "ModifyVpcEndpoint", {"VpcEndpointId": new["id"], **given})


VPC_ENDPOINT = Row(
    token="aws:ec2/vpcEndpoint:VpcEndpoint",
    forces_replacement=cite(
        "internal/service/ec2/vpc_endpoint.go@008db85aad5e",
        "resourceConfigurationArn",
        "serviceName",
        "serviceNetworkArn",
        "serviceRegion",
        "vpcEndpointType",
        "vpcId",
    ),
    replaces_when=(replacements.private_dns,),
    service="ec2",
    create=Call("CreateVpcEndpoint", {"policy": "PolicyDocument"}),
    id="VpcEndpoint.VpcEndpointId",
    find=_first_of("DescribeVpcEndpoints", "VpcEndpointIds", "VpcEndpoints"),
    delete=(Call("DeleteVpcEndpoints", given={"VpcEndpointIds": ["{id}"]}),),
    tagging=tags.ec2("vpc-endpoint"),
    updates=(
        Update(("routeTableIds",), _change_tables),
        Update(
            ("policy", "privateDnsEnabled"),
            Call(
                "ModifyVpcEndpoint",
                {"policy": "PolicyDocument"},
                {"VpcEndpointId": "{id}"},
            ),
        ),
    ),
    outputs={"arn": _arn("vpc-endpoint"), "policy": "PolicyDocument"},
    wait=Wait("State", ("available", "pendingAcceptance"), ("failed", "rejected")),
    gone=("deleted",),
    unordered=("routeTableIds", "subnetIds", "securityGroupIds"),
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
    find=_first_of("DescribeFlowLogs", "FlowLogIds", "FlowLogs"),
    delete=(Call("DeleteFlowLogs", given={"FlowLogIds": ["{id}"]}),),
    tagging=tags.ec2("vpc-flow-log"),
    outputs={
        "arn": _arn("vpc-flow-log"),
        "vpcId": "ResourceId",
        "iamRoleArn": "DeliverLogsPermissionArn",
    },
)

ROWS = (
    VPC, SUBNET, INTERNET_GATEWAY, EIP, NAT_GATEWAY, ROUTE_TABLE, ROUTE,
    ROUTE_TABLE_ASSOCIATION, VPC_ENDPOINT, FLOW_LOG,
)  # fmt: skip
