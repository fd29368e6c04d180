"""What a role has to be allowed, by what it is for: no more than that asks of AWS."""

from collections.abc import Callable, Mapping

from r1_on_eks.operations.readiness.actions import READING, actions_of, types_of
from r1_on_eks.operations.readiness.checks import CHECKS
from r1_on_eks.plan import Plan

# What the inventory asks of AWS, and how it deletes; a test reads it off the inventory's source.
_INVENTORY: Mapping[str, str] = {
    "aps": (
        "DeleteScraper DeleteWorkspace DescribeAlertManagerDefinition"
        " DescribeRuleGroupsNamespace DescribeWorkspaceConfiguration ListScrapers ListWorkspaces"
    ),
    "autoscaling": (
        "DescribeAutoScalingGroups"
    ),
    "ce": (
        "DeleteAnomalyMonitor DeleteAnomalySubscription GetAnomalyMonitors"
        " GetAnomalySubscriptions ListTagsForResource"
    ),
    "ec2": (
        "DeleteFlowLogs DeleteInternetGateway DeleteLaunchTemplate DeleteNatGateway"
        " DeleteNetworkInterface DeletePlacementGroup DeleteRouteTable DeleteSecurityGroup"
        " DeleteSubnet DeleteVolume DeleteVpc DeleteVpcEndpoints DescribeAddresses"
        " DescribeFlowLogs DescribeInstances DescribeInternetGateways DescribeLaunchTemplates"
        " DescribeNatGateways DescribeNetworkInterfaces DescribePlacementGroups"
        " DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups"
        " DescribeSubnets DescribeVolumes DescribeVpcEndpoints DescribeVpcs"
        " DetachInternetGateway DisassociateRouteTable ReleaseAddress"
        " RevokeSecurityGroupEgress RevokeSecurityGroupIngress TerminateInstances"
    ),
    "eks": (
        "DeleteAccessEntry DeleteAddon DeleteCluster DeleteNodegroup"
        " DeletePodIdentityAssociation DescribeAccessEntry DescribeAddon DescribeCluster"
        " DescribeNodegroup DescribePodIdentityAssociation ListAccessEntries ListAddons"
        " ListAssociatedAccessPolicies ListNodegroups ListPodIdentityAssociations"
    ),
    "elasticloadbalancing": (
        "DeleteListener DeleteLoadBalancer DeleteTargetGroup DescribeListeners"
        " DescribeLoadBalancers DescribeTags DescribeTargetGroups"
    ),
    "fsx": (
        "DeleteDataRepositoryAssociation DeleteFileSystem DescribeDataRepositoryAssociations"
        " DescribeFileSystems"
    ),
    "iam": (
        "DeleteRole DeleteRolePolicy DetachRolePolicy GetRolePolicy ListAttachedRolePolicies"
        " ListRolePolicies ListRoleTags ListRoles"
    ),
    "kms": (
        "DescribeKey ListAliases ListKeys ListResourceTags ScheduleKeyDeletion"
    ),
    "logs": (
        "DeleteLogGroup DescribeLogGroups ListTagsForResource"
    ),
}  # fmt: skip


def previewing(plan: Plan) -> list[str]:
    """IAM actions of `pulumi preview`, with `--refresh` or without, sorted."""
    return sorted({action for token in types_of(plan) for action in READING[token]})


def checking(_: Plan) -> list[str]:
    """IAM actions of `r1 check`, sorted."""
    return sorted({action for one in CHECKS for action in one.permissions})


def sweeping(_: Plan) -> list[str]:
    """IAM actions of `r1 recover` and `r1 sweep --delete`, sorted."""
    return sorted(
        f"{prefix}:{operation}"
        for prefix, operations in _INVENTORY.items()
        for operation in operations.split()
    )


PURPOSES: Mapping[str, Callable[[Plan], list[str]]] = {
    "up": actions_of,
    "preview": previewing,
    "check": checking,
    "sweep": sweeping,
}
"""What somebody may want to do, and the actions of it."""


def policy_of(plan: Plan, purpose: str) -> dict[str, object]:
    """An IAM policy for `aws iam put-role-policy`.

    Args:
        plan: Of the stack.
        purpose: One of `PURPOSES`.
    """
    statement = {"Effect": "Allow", "Action": PURPOSES[purpose](plan), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
