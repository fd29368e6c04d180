"""Everything that still exists and is not moto's own default: what `make down` must empty."""

from collections.abc import Callable, Iterable
from typing import Any

from r1_on_eks.rehearsal.aws_cloud.amp_state import amp_backends
from r1_on_eks.rehearsal.aws_cloud.background import client
from r1_on_eks.rehearsal.aws_cloud.cost_anomalies import (
    anomaly_monitors,
    anomaly_subscriptions,
)
from r1_on_eks.rehearsal.aws_cloud.ec2_placement_groups import placement_groups
from r1_on_eks.rehearsal.aws_cloud.ecr_pull_through import pull_through_rules
from r1_on_eks.rehearsal.aws_cloud.eks_state import eks_backends
from r1_on_eks.rehearsal.aws_cloud.fsx_state import fsx_backends
from r1_on_eks.rehearsal.aws_cloud.identity import ROLE
from r1_on_eks.rehearsal.aws_cloud.settings import settings

_Names = Iterable[str]


def remaining() -> dict[str, list[str]]:
    """Ids, names or ARNs by kind; kinds without any are left out.

    `kms-keys-pending-deletion` is expected after a teardown: KMS keeps keys for days.
    """
    found = {kind: sorted(names()) for kind, names in _KINDS.items()}
    return {kind: names for kind, names in found.items() if names}


def _listed(
    service: str,
    operation: str,
    key: str,
    name: str,
    ours: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> Callable[[], _Names]:
    def names() -> _Names:
        api = client(service)
        call = getattr(api, operation)
        pages = (
            api.get_paginator(operation).paginate() if api.can_paginate(operation) else [call()]
        )
        return [row[name] for one in pages for row in one[key] if ours(row)]

    return names


def _instances() -> _Names:
    for page in client("ec2").get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                if instance["State"]["Name"] != "terminated":
                    yield instance["InstanceId"]


def _route_tables() -> _Names:
    for table in client("ec2").describe_route_tables()["RouteTables"]:
        if not any(each.get("Main") for each in table["Associations"]):
            yield table["RouteTableId"]


def _eks() -> _Names:
    for cluster in eks_backends[settings().account][settings().region].clusters.values():
        for arn, _, _ in cluster.taggable():
            yield arn


def _fsx(kind: str) -> Callable[[], _Names]:
    def names() -> _Names:
        return list(getattr(fsx_backends[settings().account][settings().region], kind))

    return names


def _amp(kind: str) -> Callable[[], _Names]:
    def names() -> _Names:
        return list(getattr(amp_backends[settings().account][settings().region], kind))

    return names


def _kms(state: str) -> Callable[[], _Names]:
    def names() -> _Names:
        kms = client("kms")
        # Behind such an alias lies a key of AWS's own, for volumes for example.
        aws_owned = {
            alias.get("TargetKeyId")
            for alias in kms.list_aliases()["Aliases"]
            if alias["AliasName"].startswith("alias/aws/")
        }
        for row in kms.list_keys()["Keys"]:
            if row["KeyId"] in aws_owned:
                continue
            about = kms.describe_key(KeyId=row["KeyId"])["KeyMetadata"]
            pending = about["KeyState"] == "PendingDeletion"
            if about["KeyManager"] == "CUSTOMER" and pending == (state == "pending"):
                yield about["Arn"]

    return names


def _listeners() -> _Names:
    elbv2 = client("elbv2")
    for balancer in elbv2.describe_load_balancers()["LoadBalancers"]:
        for row in elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])[
            "Listeners"
        ]:
            yield row["ListenerArn"]


_KINDS: dict[str, Callable[[], _Names]] = {
    "vpcs": _listed("ec2", "describe_vpcs", "Vpcs", "VpcId", lambda row: not row["IsDefault"]),
    "subnets": _listed(
        "ec2", "describe_subnets", "Subnets", "SubnetId", lambda row: not row["DefaultForAz"]
    ),
    "internet-gateways": _listed(
        "ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
    ),
    "route-tables": _route_tables,
    "security-groups": _listed(
        "ec2",
        "describe_security_groups",
        "SecurityGroups",
        "GroupId",
        lambda row: row["GroupName"] != "default",
    ),
    "addresses": _listed("ec2", "describe_addresses", "Addresses", "AllocationId"),
    "nat-gateways": _listed(
        "ec2",
        "describe_nat_gateways",
        "NatGateways",
        "NatGatewayId",
        lambda row: row["State"] != "deleted",
    ),
    "network-interfaces": _listed(
        "ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"
    ),
    "vpc-endpoints": _listed(
        "ec2",
        "describe_vpc_endpoints",
        "VpcEndpoints",
        "VpcEndpointId",
        lambda row: row["State"] != "deleted",
    ),
    "volumes": _listed("ec2", "describe_volumes", "Volumes", "VolumeId"),
    "launch-templates": _listed(
        "ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"
    ),
    "placement-groups": lambda: placement_groups(settings().account, settings().region),
    "instances": _instances,
    "auto-scaling-groups": _listed(
        "autoscaling",
        "describe_auto_scaling_groups",
        "AutoScalingGroups",
        "AutoScalingGroupName",
    ),
    "eks": _eks,
    "fsx-file-systems": _fsx("file_systems"),
    "fsx-associations": _fsx("associations"),
    "prometheus-workspaces": _amp("workspaces"),
    "prometheus-scrapers": _amp("scrapers"),
    "load-balancers": _listed(
        "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"
    ),
    "listeners": _listeners,
    "target-groups": _listed("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    "iam-roles": _listed(
        "iam", "list_roles", "Roles", "RoleName", lambda row: row["RoleName"] != ROLE
    ),
    "iam-policies": lambda: [
        row["Arn"] for row in client("iam").list_policies(Scope="Local")["Policies"]
    ],
    "kms-keys": _kms("enabled"),
    "kms-keys-pending-deletion": _kms("pending"),
    "kms-aliases": _listed(
        "kms",
        "list_aliases",
        "Aliases",
        "AliasName",
        lambda row: not row["AliasName"].startswith("alias/aws/"),
    ),
    "log-groups": _listed("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "flow-logs": _listed("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    "repositories": _listed("ecr", "describe_repositories", "repositories", "repositoryName"),
    "pull-through-rules": lambda: pull_through_rules(settings().account, settings().region),
    "anomaly-monitors": lambda: anomaly_monitors(settings().account),
    "anomaly-subscriptions": lambda: anomaly_subscriptions(settings().account),
    "buckets": lambda: [row["Name"] for row in client("s3").list_buckets()["Buckets"]],
}
