"""What others made in a stack's network or for its cluster: it carries none of our tags.

It is shown and never deleted. Which of it stands in the way of a destroy is a table: `BLOCKS`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from r1_on_eks.operations.account import Account
from r1_on_eks.operations.inventory.thing import Thing, tags_of
from r1_on_eks.plan.names import STACK_TAG, cluster_name


@dataclass(frozen=True)
class Blocks:
    """What a stranger of one kind keeps from being deleted.

    Attributes:
        kind: Pulumi's type of the stranger.
        what: What AWS then refuses to delete; empty where nothing.
        source: Where AWS says so, or `assumed`.
        remove: How a person removes it; `{id}` stands for its id.
    """

    kind: str
    what: tuple[str, ...]
    source: str
    remove: str


INTERFACE = "aws:ec2/networkInterface:NetworkInterface"
INSTANCE = "aws:ec2/instance:Instance"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
VOLUME = "aws:ebs/volume:Volume"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
BLOCKS = {
    row.kind: row
    for row in (
        Blocks(
            INTERFACE, ("Subnet", "Vpc"),
            "EC2 API reference, DeleteSubnet and DeleteSecurityGroup: DependencyViolation",
            "aws ec2 delete-network-interface --network-interface-id {id}",
        ),
        Blocks(
            INSTANCE, ("Subnet", "Vpc"),
            "EC2 API reference, DeleteSubnet: instances must be terminated first",
            "aws ec2 terminate-instances --instance-ids {id}",
        ),
        Blocks(
            GROUP, ("Vpc",),
            "VPC user guide, delete-vpc: security groups other than the default one go first",
            "aws ec2 delete-security-group --group-id {id}",
        ),
        Blocks(
            BALANCER, ("Subnet", "Vpc"),
            "its interfaces are in the subnets (ELB user guide, delete load balancer: assumed)",
            "aws elbv2 delete-load-balancer --load-balancer-arn {id}",
        ),
        Blocks(
            VOLUME, (), "assumed: a volume is of a zone, not of a network",
            "aws ec2 delete-volume --volume-id {id}",
        ),
        Blocks(
            LOGS, (), "assumed: nothing refers to it",
            "aws logs delete-log-group --log-group-name {id}",
        ),
    )
}  # fmt: skip


def strangers(account: Account, stack: str) -> list[Thing]:
    """What stands in the stack's VPCs, or is named after its cluster, without our tag."""
    of_stack = [{"Name": f"tag:{STACK_TAG}", "Values": [stack]}]
    listed = account.listed("ec2", "describe_vpcs", "Vpcs", Filters=of_stack)
    vpcs = {one["VpcId"] for one in listed}
    found = [*_volumes(account, stack), *_log_groups(account, stack)]
    if vpcs:
        found += [*_in_network(account, sorted(vpcs)), *_balancers(account, vpcs)]
    return [one for one in found if one.tags.get(STACK_TAG) != stack]


def _in_network(account: Account, vpcs: list[str]) -> Iterator[Thing]:
    inside = [{"Name": "vpc-id", "Values": vpcs}]
    for one in account.listed(
        "ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=inside
    ):
        yield Thing(INTERFACE, one["NetworkInterfaceId"], tags_of(one.get("TagSet")), about=one)
    for group in account.listed("ec2", "describe_security_groups", "SecurityGroups",
                                Filters=inside):  # fmt: skip
        if group["GroupName"] != "default":
            yield Thing(GROUP, group["GroupId"], tags_of(group.get("Tags")), about=group)
    for row in account.listed("ec2", "describe_instances", "Reservations", Filters=inside):
        for one in row["Instances"]:
            if one["State"]["Name"] not in ("terminated", "shutting-down"):
                yield Thing(INSTANCE, one["InstanceId"], tags_of(one.get("Tags")), about=one)


def _balancers(account: Account, vpcs: set[str]) -> Iterator[Thing]:
    elb = account.client("elbv2")
    for one in account.listed("elbv2", "describe_load_balancers", "LoadBalancers"):
        if one.get("VpcId") in vpcs:
            arn = one["LoadBalancerArn"]
            (told,) = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
            yield Thing(BALANCER, arn, tags_of(told["Tags"]), about=one)


def _volumes(account: Account, stack: str) -> Iterable[Thing]:
    # The tags of the EBS driver, and of the controllers before it.
    name = cluster_name(stack)
    seen: dict[str, Any] = {}
    for key, value in (
        (f"kubernetes.io/cluster/{name}", "owned"), ("KubernetesCluster", name),
        ("ebs.csi.aws.com/cluster-name", name),
    ):  # fmt: skip
        given = [{"Name": f"tag:{key}", "Values": [value]}]
        for one in account.listed("ec2", "describe_volumes", "Volumes", Filters=given):
            seen[one["VolumeId"]] = one
    return [Thing(VOLUME, each, tags_of(one.get("Tags")), about=one) for each, one in seen.items()]


def _log_groups(account: Account, stack: str) -> Iterator[Thing]:
    logs = account.client("logs")
    prefix = f"/aws/eks/{cluster_name(stack)}/"
    for one in account.listed(
        "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix
    ):
        arn = one["arn"].removesuffix(":*")
        tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
        yield Thing(LOGS, one["logGroupName"], tags_of(tags), about=one)
