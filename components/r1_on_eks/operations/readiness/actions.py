"""Which IAM actions `pulumi up` and `pulumi destroy` need, by resource type.

The operations are those that the official AWS provider calls to make, read, tag and delete a type
(terraform-provider-aws, internal/service/<service>; the same that the rehearsal's stand-in sends,
which a test compares). What AWS asks for besides has its source beside it. Names of actions: AWS
Service Authorization Reference, 2026-11.
"""

from collections.abc import Mapping

from r1_on_eks.plan import Plan
from r1_on_eks.plan.purchase import CAPACITY_BLOCK

# EKS user guide, security-iam-id-based-policies and launch-templates: who makes a node group is
# asked for what its launch template does; service roles are passed.
_NODES = (
    "iam:PassRole", "iam:GetRole", "iam:CreateServiceLinkedRole", "ec2:RunInstances",
    "ec2:CreateTags", "ec2:DescribeLaunchTemplateVersions", "ec2:DescribeSubnets",
    "ec2:DescribeInstanceTypes", "ec2:DescribeImages",
)  # fmt: skip
# EKS user guide, enable-kms: the caller grants the cluster its key.
_CLUSTER = (
    "iam:PassRole", "iam:GetRole", "iam:CreateServiceLinkedRole", "kms:CreateGrant",
    "kms:DescribeKey",
)  # fmt: skip
# FSx for Lustre guide, setting-up: FSx makes a service role for each linked bucket.
_LINK = (
    "iam:CreateServiceLinkedRole", "iam:AttachRolePolicy", "iam:PutRolePolicy", "s3:ListBucket",
    "s3:GetObject",
)  # fmt: skip
# The provider asks, before it deletes one, for interfaces that Lambda and others left in it, and
# gives up where it may not (internal/service/ec2: deleteLingeringENIs).
_LEFT = ("ec2:DescribeNetworkInterfaces",)
# AWS managed policy AmazonPrometheusFullAccess, 2026-11: who makes a scraper is asked for what it
# looks at, and for its role.
_SCRAPER = (
    "eks:DescribeCluster", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups",
    "iam:CreateServiceLinkedRole",
)  # fmt: skip
_EC2_TAGS = "CreateTags DeleteTags"
_TAGS = "TagResource UntagResource"
_ELB_TAGS = "AddTags RemoveTags DescribeTags"

# Pulumi's type: IAM's prefix, operations, and what is asked for besides.
_ROWS: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("aws:ec2/vpc:Vpc", "ec2", f"CreateVpc DeleteVpc DescribeVpcs DescribeVpcAttribute"
     f" ModifyVpcAttribute {_EC2_TAGS}", ()),
    ("aws:ec2/subnet:Subnet", "ec2",
     f"CreateSubnet DeleteSubnet DescribeSubnets ModifySubnetAttribute {_EC2_TAGS}", _LEFT),
    ("aws:ec2/internetGateway:InternetGateway", "ec2",
     "CreateInternetGateway AttachInternetGateway DetachInternetGateway DeleteInternetGateway"
     f" DescribeInternetGateways {_EC2_TAGS}", ()),
    ("aws:ec2/eip:Eip", "ec2",
     # It reads the address's name in DNS with each address, and fails where it may not.
     "AllocateAddress ReleaseAddress DescribeAddresses DescribeAddressesAttribute"
     f" DisassociateAddress {_EC2_TAGS}", ()),
    ("aws:ec2/natGateway:NatGateway", "ec2",
     f"CreateNatGateway DeleteNatGateway DescribeNatGateways {_EC2_TAGS}", ()),
    ("aws:ec2/routeTable:RouteTable", "ec2",
     f"CreateRouteTable DeleteRouteTable DescribeRouteTables {_EC2_TAGS}", ()),
    ("aws:ec2/route:Route", "ec2",
     "CreateRoute ReplaceRoute DeleteRoute DescribeRouteTables", ()),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", "ec2",
     "AssociateRouteTable DisassociateRouteTable DescribeRouteTables", ()),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "ec2",
     "CreateVpcEndpoint ModifyVpcEndpoint DeleteVpcEndpoints DescribeVpcEndpoints"
     f" DescribePrefixLists {_EC2_TAGS}", ()),
    ("aws:ec2/flowLog:FlowLog", "ec2",
     f"CreateFlowLogs DeleteFlowLogs DescribeFlowLogs {_EC2_TAGS}",
     # VPC user guide, flow-logs-iam-role.
     ("iam:PassRole", "logs:CreateLogDelivery", "logs:DeleteLogDelivery")),
    ("aws:ec2/launchTemplate:LaunchTemplate", "ec2",
     "CreateLaunchTemplate CreateLaunchTemplateVersion ModifyLaunchTemplate DeleteLaunchTemplate"
     f" DescribeLaunchTemplates DescribeLaunchTemplateVersions {_EC2_TAGS}", ()),
    ("aws:ec2/placementGroup:PlacementGroup", "ec2",
     f"CreatePlacementGroup DeletePlacementGroup DescribePlacementGroups {_EC2_TAGS}", ()),
    ("aws:ec2/securityGroup:SecurityGroup", "ec2",
     "CreateSecurityGroup DeleteSecurityGroup DescribeSecurityGroups RevokeSecurityGroupEgress"
     f" {_EC2_TAGS}", _LEFT),
    ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "ec2",
     "DescribeSecurityGroups RevokeSecurityGroupIngress RevokeSecurityGroupEgress"
     f" {_EC2_TAGS}", ()),
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "ec2",
     "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress DescribeSecurityGroupRules"
     f" ModifySecurityGroupRules {_EC2_TAGS}", ()),
    ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "ec2",
     "AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress DescribeSecurityGroupRules"
     f" ModifySecurityGroupRules {_EC2_TAGS}", ()),
    ("aws:iam/role:Role", "iam",
     "CreateRole GetRole UpdateRole UpdateAssumeRolePolicy DeleteRole TagRole UntagRole"
     " ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole", ()),
    ("aws:iam/rolePolicy:RolePolicy", "iam",
     "PutRolePolicy GetRolePolicy DeleteRolePolicy", ()),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "iam",
     "AttachRolePolicy DetachRolePolicy ListAttachedRolePolicies", ()),
    ("aws:kms/key:Key", "kms",
     "CreateKey DescribeKey GetKeyPolicy PutKeyPolicy EnableKeyRotation GetKeyRotationStatus"
     " UpdateKeyDescription ListResourceTags TagResource UntagResource ScheduleKeyDeletion", ()),
    ("aws:cloudwatch/logGroup:LogGroup", "logs",
     "CreateLogGroup DeleteLogGroup DescribeLogGroups PutRetentionPolicy AssociateKmsKey"
     " ListTagsForResource TagResource UntagResource", ()),
    ("aws:eks/cluster:Cluster", "eks",
     "CreateCluster DescribeCluster UpdateClusterConfig UpdateClusterVersion DescribeUpdate"
     f" DeleteCluster {_TAGS}", _CLUSTER),
    ("aws:eks/nodeGroup:NodeGroup", "eks",
     "CreateNodegroup DescribeNodegroup UpdateNodegroupConfig UpdateNodegroupVersion"
     f" DescribeUpdate DeleteNodegroup {_TAGS}", _NODES),
    ("aws:eks/addon:Addon", "eks",
     "CreateAddon DescribeAddon DescribeAddonVersions UpdateAddon DeleteAddon DescribeUpdate"
     # EKS user guide, add-ons-iam: roles of add-ons are passed by pod identity.
     f" {_TAGS}", ("iam:PassRole", "iam:GetRole", "eks:CreatePodIdentityAssociation")),
    ("aws:eks/accessEntry:AccessEntry", "eks",
     "CreateAccessEntry DescribeAccessEntry UpdateAccessEntry DeleteAccessEntry"
     f" {_TAGS}", ()),
    ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "eks",
     "AssociateAccessPolicy ListAssociatedAccessPolicies DisassociateAccessPolicy", ()),
    ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "eks",
     "CreatePodIdentityAssociation DescribePodIdentityAssociation ListPodIdentityAssociations"
     f" UpdatePodIdentityAssociation DeletePodIdentityAssociation {_TAGS}",
     ("iam:PassRole", "iam:GetRole")),
    ("aws:fsx/lustreFileSystem:LustreFileSystem", "fsx",
     "CreateFileSystem DescribeFileSystems UpdateFileSystem DeleteFileSystem ListTagsForResource"
     f" {_TAGS}", ("iam:CreateServiceLinkedRole",)),
    ("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation", "fsx",
     "CreateDataRepositoryAssociation DescribeDataRepositoryAssociations"
     f" UpdateDataRepositoryAssociation DeleteDataRepositoryAssociation {_TAGS}", _LINK),
    ("aws:lb/loadBalancer:LoadBalancer", "elasticloadbalancing",
     "CreateLoadBalancer DescribeLoadBalancers DescribeLoadBalancerAttributes"
     f" ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets DeleteLoadBalancer {_ELB_TAGS}",
     ("iam:CreateServiceLinkedRole",)),
    ("aws:lb/targetGroup:TargetGroup", "elasticloadbalancing",
     "CreateTargetGroup DescribeTargetGroups DescribeTargetGroupAttributes ModifyTargetGroup"
     f" ModifyTargetGroupAttributes DeleteTargetGroup {_ELB_TAGS}", ()),
    ("aws:lb/listener:Listener", "elasticloadbalancing",
     "CreateListener DescribeListeners DescribeListenerAttributes ModifyListener"
     f" ModifyListenerAttributes DeleteListener {_ELB_TAGS}", ()),
    ("aws:autoscaling/attachment:Attachment", "autoscaling",
     "AttachLoadBalancerTargetGroups DetachLoadBalancerTargetGroups DescribeAutoScalingGroups",
     ()),
    ("aws:autoscaling/tag:Tag", "autoscaling",
     "CreateOrUpdateTags DescribeTags DeleteTags", ()),
    ("aws:ecr/repository:Repository", "ecr",
     "CreateRepository DescribeRepositories PutImageScanningConfiguration PutImageTagMutability"
     " ListTagsForResource DeleteRepository TagResource UntagResource", ()),
    ("aws:costexplorer/anomalyMonitor:AnomalyMonitor", "ce",
     "CreateAnomalyMonitor GetAnomalyMonitors UpdateAnomalyMonitor DeleteAnomalyMonitor"
     f" ListTagsForResource {_TAGS}", ()),
    ("aws:costexplorer/anomalySubscription:AnomalySubscription", "ce",
     "CreateAnomalySubscription GetAnomalySubscriptions UpdateAnomalySubscription"
     f" DeleteAnomalySubscription ListTagsForResource {_TAGS}", ()),
    ("aws:amp/workspace:Workspace", "aps",
     # It reads with each workspace whether it writes logs, and its tags.
     "CreateWorkspace DescribeWorkspace DescribeLoggingConfiguration ListTagsForResource"
     f" UpdateWorkspaceAlias DeleteWorkspace {_TAGS}", ()),
    ("aws:amp/workspaceConfiguration:WorkspaceConfiguration", "aps",
     "UpdateWorkspaceConfiguration DescribeWorkspaceConfiguration", ()),
    ("aws:amp/ruleGroupNamespace:RuleGroupNamespace", "aps",
     "CreateRuleGroupsNamespace DescribeRuleGroupsNamespace ListTagsForResource"
     f" PutRuleGroupsNamespace DeleteRuleGroupsNamespace {_TAGS}", ()),
    ("aws:amp/alertManagerDefinition:AlertManagerDefinition", "aps",
     "CreateAlertManagerDefinition DescribeAlertManagerDefinition PutAlertManagerDefinition"
     " DeleteAlertManagerDefinition", ()),
    ("aws:amp/scraper:Scraper", "aps",
     f"CreateScraper DescribeScraper UpdateScraper DeleteScraper {_TAGS}", _SCRAPER),
    ("aws:ecr/pullThroughCacheRule:PullThroughCacheRule", "ecr",
     "CreatePullThroughCacheRule DescribePullThroughCacheRules UpdatePullThroughCacheRule"
     # ECR user guide, pull-through-cache-private.
     " DeletePullThroughCacheRule", ("iam:CreateServiceLinkedRole",)),
)  # fmt: skip

ACTIONS: Mapping[str, tuple[str, ...]] = {
    token: (*(f"{prefix}:{operation}" for operation in operations.split()), *besides)
    for token, prefix, operations, besides in _ROWS
}
"""Pulumi's type to IAM actions."""

# How the operations begin that change nothing.
_READING = ("Describe", "Get", "List")
READING: Mapping[str, tuple[str, ...]] = {
    token: tuple(
        f"{prefix}:{operation}"
        for operation in operations.split()
        if operation.startswith(_READING)
    )
    for token, prefix, operations, _ in _ROWS
}
"""Pulumi's type to the IAM actions of looking at what stands."""

_NETWORK: tuple[str, ...] = (
    "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation", "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ec2/flowLog:FlowLog", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
)  # fmt: skip
_ALWAYS: tuple[str, ...] = (
    "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:kms/key:Key",
    "aws:cloudwatch/logGroup:LogGroup", "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup",
    "aws:eks/addon:Addon", "aws:eks/accessEntry:AccessEntry",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/securityGroup:SecurityGroup",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup",
    "aws:lb/listener:Listener", "aws:autoscaling/attachment:Attachment",
)  # fmt: skip


def types_of(plan: Plan) -> set[str]:
    """Pulumi's types of what a plan declares; a test holds it against every stack."""
    found: set[str] = set(_ALWAYS)
    network = plan.network
    if network.vpc_id is None:
        found |= set(_NETWORK)
        if network.internet:
            found |= {"aws:ec2/internetGateway:InternetGateway", "aws:ec2/route:Route"}
        if network.nat:
            found |= {"aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway"}
    if plan.storage is None or plan.monitoring is not None:
        found.add("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    if plan.monitoring is not None and plan.monitoring.anomaly_usd is not None:
        found |= {
            "aws:costexplorer/anomalyMonitor:AnomalyMonitor",
            "aws:costexplorer/anomalySubscription:AnomalySubscription",
        }
    if plan.monitoring is not None and plan.monitoring.managed:
        found |= {
            "aws:amp/workspace:Workspace",
            "aws:amp/workspaceConfiguration:WorkspaceConfiguration",
            "aws:amp/ruleGroupNamespace:RuleGroupNamespace",
            "aws:amp/scraper:Scraper",
        }
        if plan.monitoring.topic is not None:
            found.add("aws:amp/alertManagerDefinition:AlertManagerDefinition")
    if plan.storage is not None:
        found |= {
            "aws:fsx/lustreFileSystem:LustreFileSystem",
            "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        }
    if any(pool.placement_group for pool in plan.gpu_pools):
        found.add("aws:ec2/placementGroup:PlacementGroup")
    if plan.autoscaled:
        found.add("aws:autoscaling/tag:Tag")
    if plan.images.mirror is not None:
        found |= {
            "aws:ecr/repository:Repository",
            "aws:ecr/pullThroughCacheRule:PullThroughCacheRule",
        }
    return found


def actions_of(plan: Plan) -> list[str]:
    """IAM actions that a plan needs, sorted."""
    found = {action for token in types_of(plan) for action in ACTIONS[token]}
    if any(pool.purchase.way == CAPACITY_BLOCK for pool in plan.gpu_pools):
        found.add("ec2:DescribeCapacityReservations")
    return sorted(found)
