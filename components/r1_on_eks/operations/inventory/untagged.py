"""Parts of other things, found by what they were asked to join: few carry tags."""

import zlib
from collections.abc import Mapping
from typing import Any

from r1_on_eks.operations.account import FAILURES, Account, is_gone

Inputs = Mapping[str, Any]


def found(account: Account, kind: str, inputs: Inputs) -> str | None:
    """Pulumi's id of what inputs describe, None where AWS has no such thing.

    Args:
        account: Where.
        kind: Pulumi's type; one of `PARTS`.
        inputs: As Pulumi wrote them down.
    """
    try:
        return PARTS[kind](account, inputs)
    except FAILURES as error:
        if is_gone(error):
            return None
        raise


def _route(account: Account, inputs: Inputs) -> str | None:
    table, block = inputs["routeTableId"], inputs["destinationCidrBlock"]
    for one in account.listed(
        "ec2", "describe_route_tables", "RouteTables", RouteTableIds=[table]
    ):
        for route in one["Routes"]:
            if route.get("DestinationCidrBlock") == block:
                # terraform-provider-aws, routeCreateID.
                return f"r-{table}{zlib.crc32(block.encode())}"
    return None


def _table_association(account: Account, inputs: Inputs) -> str | None:
    for one in account.listed(
        "ec2", "describe_route_tables", "RouteTables", RouteTableIds=[inputs["routeTableId"]]
    ):
        for association in one["Associations"]:
            if association.get("SubnetId") == inputs["subnetId"]:
                return association["RouteTableAssociationId"]
    return None


def _role_policy_attachment(account: Account, inputs: Inputs) -> str | None:
    role, policy = inputs["role"], inputs["policyArn"]
    attached = account.listed(
        "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role
    )
    return f"{role}/{policy}" if any(one["PolicyArn"] == policy for one in attached) else None


def _role_policy(account: Account, inputs: Inputs) -> str | None:
    role, name = inputs["role"], inputs["name"]
    account.client("iam").get_role_policy(RoleName=role, PolicyName=name)
    return f"{role}:{name}"


def _access_policy(account: Account, inputs: Inputs) -> str | None:
    cluster, principal = inputs["clusterName"], inputs["principalArn"]
    associated = account.listed(
        "eks", "list_associated_access_policies", "associatedAccessPolicies",
        clusterName=cluster, principalArn=principal,
    )  # fmt: skip
    if any(one["policyArn"] == inputs["policyArn"] for one in associated):
        return f"{cluster}#{principal}#{inputs['policyArn']}"
    return None


def _attachment(account: Account, inputs: Inputs) -> str | None:
    group, target = inputs["autoscalingGroupName"], inputs["lbTargetGroupArn"]
    for one in account.listed(
        "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups",
        AutoScalingGroupNames=[group],
    ):  # fmt: skip
        if target in one.get("TargetGroupARNs", []):
            return f"{group}:{target}"
    return None


def _group_tag(account: Account, inputs: Inputs) -> str | None:
    group, key = inputs["autoscalingGroupName"], inputs["tag"]["key"]
    wanted = [{"Name": "auto-scaling-group", "Values": [group]}]
    tags = account.listed("autoscaling", "describe_tags", "Tags", Filters=wanted)
    # terraform-provider-aws, tftags.SetResourceID.
    return f"{group},{key}" if any(one["Key"] == key for one in tags) else None


def _alias(account: Account, inputs: Inputs) -> str | None:
    aliases = account.listed("kms", "list_aliases", "Aliases")
    names = [one["AliasName"] for one in aliases]
    return inputs["name"] if inputs["name"] in names else None


def _default_group(account: Account, inputs: Inputs) -> str | None:
    wanted = [
        {"Name": "vpc-id", "Values": [inputs["vpcId"]]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    groups = account.listed("ec2", "describe_security_groups", "SecurityGroups", Filters=wanted)
    return next((one["GroupId"] for one in groups), None)


def _rules(account: Account, inputs: Inputs) -> str | None:
    amp = account.client("amp")
    given = {"workspaceId": inputs["workspaceId"], "name": inputs["name"]}
    return amp.describe_rule_groups_namespace(**given)["ruleGroupsNamespace"]["arn"]


def _alert_manager(account: Account, inputs: Inputs) -> str | None:
    workspace = inputs["workspaceId"]
    account.client("amp").describe_alert_manager_definition(workspaceId=workspace)
    return workspace


def _workspace_configuration(account: Account, inputs: Inputs) -> str | None:
    # A workspace has one from the beginning; what it says is read again.
    workspace = inputs["workspaceId"]
    account.client("amp").describe_workspace_configuration(workspaceId=workspace)
    return workspace


PARTS = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _default_group,
    "aws:ec2/route:Route": _route,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _table_association,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _role_policy_attachment,
    "aws:iam/rolePolicy:RolePolicy": _role_policy,
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _access_policy,
    "aws:autoscaling/attachment:Attachment": _attachment,
    "aws:autoscaling/tag:Tag": _group_tag,
    "aws:kms/alias:Alias": _alias,
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace": _rules,
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": _alert_manager,
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": _workspace_configuration,
}
