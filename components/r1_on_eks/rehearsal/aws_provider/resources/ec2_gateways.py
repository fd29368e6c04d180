"""Ways out of a VPC: internet and NAT gateways with their addresses, endpoints."""
# ruff: noqa: ARG001 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import replacements, tags
from r1_on_eks.rehearsal.aws_provider.cloud import CallFailed
from r1_on_eks.rehearsal.aws_provider.resources.ec2_finds import arn_of, first_of
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Row,
    Update,
    Values,
    Wait,
    cite,
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
    find=first_of("DescribeInternetGateways", "InternetGatewayIds", "InternetGateways"),
    delete=(
        _detach,
        Call("DeleteInternetGateway", given={"InternetGatewayId": "{id}"}),
    ),
    tagging=tags.ec2("internet-gateway"),
    updates=(Update(("vpcId",), _attach, after_create=True),),
    outputs={"arn": arn_of("internet-gateway"), "vpcId": "Attachments[0].VpcId"},
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
    find=first_of("DescribeAddresses", "AllocationIds", "Addresses"),
    delete=(Call("ReleaseAddress", given={"AllocationId": "{id}"}),),
    tagging=tags.ec2("elastic-ip"),
    outputs={"arn": arn_of("elastic-ip"), "allocationId": "AllocationId"},
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
    find=first_of("DescribeNatGateways", "NatGatewayIds", "NatGateways"),
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
    find=first_of("DescribeVpcEndpoints", "VpcEndpointIds", "VpcEndpoints"),
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
    outputs={"arn": arn_of("vpc-endpoint"), "policy": "PolicyDocument"},
    wait=Wait("State", ("available", "pendingAcceptance"), ("failed", "rejected")),
    gone=("deleted",),
    unordered=("routeTableIds", "subnetIds", "securityGroupIds"),
)

ROWS = (INTERNET_GATEWAY, EIP, NAT_GATEWAY, VPC_ENDPOINT)
