"""What a stack has in EC2 and VPC."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from r1_on_eks.operations.account import FAILURES, Account
from r1_on_eks.operations.inventory.thing import Kind, Thing, tags_of
from r1_on_eks.plan.names import STACK_TAG

_GONE = ("deleted", "deleting", "terminated", "shutting-down")


def _described(token: str, operation: str, key: str, id_key: str) -> Any:
    """Those that EC2 describes with their tags; it filters by them itself."""

    def things(account: Account, stack: str) -> Iterable[Thing]:
        # DescribeNatGateways alone calls it so.
        named = "Filter" if operation == "describe_nat_gateways" else "Filters"
        given = {named: [{"Name": f"tag:{STACK_TAG}", "Values": [stack]}]}
        for one in account.listed("ec2", operation, key, **given):
            status = one.get("State", "")
            tags = tags_of(one.get("Tags"))
            # A network's default security group goes with it, and can't be deleted.
            its_own = one.get("GroupName") == "default"
            if status not in _GONE and tags.get(STACK_TAG) == stack and not its_own:
                created = one.get("CreateTime") or one.get("CreationTimestamp")
                yield Thing(token, one[id_key], tags, status, created, one)

    return things


def _by_id(operation: str, parameter: str) -> Callable[[Account, Thing], Any]:
    def delete(account: Account, thing: Thing) -> None:
        getattr(account.client("ec2"), operation)(**{parameter: thing.id})

    return delete


def _kind(token: str, operation: str, key: str, id_key: str, delete: Any, **states: Any) -> Kind:
    if isinstance(delete, str):
        delete = _by_id(delete, id_key)
    return Kind(token, _described(token, operation, key, id_key), delete, **states)


def _endpoint(account: Account, thing: Thing) -> None:
    account.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[thing.id])


def _gateway(account: Account, thing: Thing) -> None:
    ec2 = account.client("ec2")
    for attachment in thing.about.get("Attachments", []):
        ec2.detach_internet_gateway(InternetGatewayId=thing.id, VpcId=attachment["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=thing.id)


def _table(account: Account, thing: Thing) -> None:
    ec2 = account.client("ec2")
    for association in thing.about.get("Associations", []):
        with suppress(*FAILURES):
            ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    ec2.delete_route_table(RouteTableId=thing.id)


def _group(account: Account, thing: Thing) -> None:
    ec2 = account.client("ec2")
    # Groups may name each other: rules go first.
    for rule in account.listed(
        "ec2", "describe_security_group_rules", "SecurityGroupRules",
        Filters=[{"Name": "group-id", "Values": [thing.id]}],
    ):  # fmt: skip
        _rule(account, Thing("", rule["SecurityGroupRuleId"], about=rule))
    ec2.delete_security_group(GroupId=thing.id)


def _rule(account: Account, thing: Thing) -> None:
    ec2, about = account.client("ec2"), thing.about
    revoke = (
        ec2.revoke_security_group_egress
        if about["IsEgress"]
        else ec2.revoke_security_group_ingress
    )
    revoke(GroupId=about["GroupId"], SecurityGroupRuleIds=[thing.id])


def _rules(token: str, *, egress: bool) -> Kind:
    listed = _described(token, "describe_security_group_rules", "SecurityGroupRules",
                        "SecurityGroupRuleId")  # fmt: skip

    def things(account: Account, stack: str) -> Iterable[Thing]:
        return (one for one in listed(account, stack) if one.about["IsEgress"] == egress)

    return Kind(token, things, _rule)


def _instances(account: Account, stack: str) -> Iterable[Thing]:
    tagged = [{"Name": f"tag:{STACK_TAG}", "Values": [stack]}]
    for group in account.listed("ec2", "describe_instances", "Reservations", Filters=tagged):
        for one in group["Instances"]:
            status = one["State"]["Name"]
            if status not in _GONE:
                yield Thing(
                    "aws:ec2/instance:Instance", one["InstanceId"], tags_of(one.get("Tags")),
                    status, one["LaunchTime"], one,
                )  # fmt: skip


def _terminate(account: Account, thing: Thing) -> None:
    account.client("ec2").terminate_instances(InstanceIds=[thing.id])


# In the order in which they can be deleted.
KINDS = (
    Kind("aws:ec2/instance:Instance", _instances, _terminate),
    _kind(
        "aws:ec2/natGateway:NatGateway", "describe_nat_gateways", "NatGateways", "NatGatewayId",
        "delete_nat_gateway", working=("pending",), broken=("failed",),
    ),
    _kind(
        "aws:ec2/vpcEndpoint:VpcEndpoint", "describe_vpc_endpoints", "VpcEndpoints",
        "VpcEndpointId", _endpoint, working=("pending",), broken=("failed", "rejected"),
    ),
    _kind(
        "aws:ec2/networkInterface:NetworkInterface", "describe_network_interfaces",
        "NetworkInterfaces", "NetworkInterfaceId", "delete_network_interface",
    ),
    _kind("aws:ebs/volume:Volume", "describe_volumes", "Volumes", "VolumeId", "delete_volume"),
    _kind("aws:ec2/eip:Eip", "describe_addresses", "Addresses", "AllocationId", "release_address"),
    _rules("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", egress=False),
    _rules("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", egress=True),
    _kind(
        "aws:ec2/securityGroup:SecurityGroup", "describe_security_groups", "SecurityGroups",
        "GroupId", _group,
    ),
    _kind(
        "aws:ec2/routeTable:RouteTable", "describe_route_tables", "RouteTables", "RouteTableId",
        _table,
    ),
    _kind("aws:ec2/subnet:Subnet", "describe_subnets", "Subnets", "SubnetId", "delete_subnet"),
    _kind(
        "aws:ec2/internetGateway:InternetGateway", "describe_internet_gateways",
        "InternetGateways", "InternetGatewayId", _gateway,
    ),
    _kind(
        "aws:ec2/flowLog:FlowLog", "describe_flow_logs", "FlowLogs", "FlowLogId",
        lambda account, thing: account.client("ec2").delete_flow_logs(FlowLogIds=[thing.id]),
    ),
    _kind("aws:ec2/vpc:Vpc", "describe_vpcs", "Vpcs", "VpcId", "delete_vpc"),
    _kind(
        "aws:ec2/launchTemplate:LaunchTemplate", "describe_launch_templates", "LaunchTemplates",
        "LaunchTemplateId", "delete_launch_template",
    ),
    _kind(
        "aws:ec2/placementGroup:PlacementGroup", "describe_placement_groups", "PlacementGroups",
        "GroupName", "delete_placement_group",
    ),
)  # fmt: skip
