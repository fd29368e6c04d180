"""The EKS cluster: control plane, who may use it, and what nodes need before they start."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.access import MANAGED, trusts, trusts_pods
from r1_on_eks.plan.names import cluster_log_group, role_name, tagged
from r1_on_eks.plan.versions import Versions
from r1_on_eks.stack_config.network import SERVICE_CIDR

_ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
_NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    # The way onto a node: no SSH key, no open port.
    "AmazonSSMManagedInstanceCore",
)


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """Inputs of `Cluster`.

    Attributes:
        stack: Name of the cluster, and part of its roles' names.
        region: For the kubeconfig.
        versions: Of Kubernetes and of the add-ons.
        key_arn: Encrypts Secrets and logs.
        log_days: How long the control plane's logs are kept.
        subnet_ids: Private subnets in at least two zones, all of which take a control plane.
        endpoint_from: IPv4 ranges that reach the API server from outside; none: only the VPC.
        admins: ARNs of the IAM roles that administer it.
        protected: Whether AWS refuses to delete it, and Pulumi too.
    """

    stack: str
    region: str
    versions: Versions
    key_arn: pulumi.Input[str]
    log_days: int
    subnet_ids: Mapping[str, pulumi.Input[str]]
    endpoint_from: Sequence[str]
    admins: Sequence[str]
    protected: bool


class Cluster(pulumi.ComponentResource):
    """An EKS control plane with its admins and the add-ons that nodes need to become ready."""

    resource: aws.eks.Cluster
    """The cluster itself, for `deleted_with` of what lives in it."""
    kubeconfig: pulumi.Output[str]
    """Asks the AWS CLI for a token at each use; holds no credential."""
    security_group_id: pulumi.Output[str]
    """EKS's own security group, on control plane and nodes."""
    node_role_arn: pulumi.Output[str]
    """Role of every node."""
    node_role_name: pulumi.Output[str]
    """Its name, for further permissions."""

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Cluster", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        self.resource = _control_plane(name, args, within)
        _admins(name, args, self.resource, within)
        _addons_before_nodes(name, args, self.resource, within)
        node_role = _role(
            f"{name}-node", role_name(args.stack, "node"), trusts("ec2.amazonaws.com"), within
        )
        for policy in _NODE_POLICIES:
            aws.iam.RolePolicyAttachment(
                f"{name}-node-{policy}",
                role=node_role.name,
                policy_arn=f"{MANAGED}/{policy}",
                opts=within,
            )
        self.kubeconfig = pulumi.Output.json_dumps(_kubeconfig(self.resource, args.region))
        self.security_group_id = self.resource.vpc_config.cluster_security_group_id
        self.node_role_arn = node_role.arn
        self.node_role_name = node_role.name
        self.register_outputs(
            {
                "kubeconfig": self.kubeconfig,
                "security_group_id": self.security_group_id,
                "node_role_arn": self.node_role_arn,
                "node_role_name": self.node_role_name,
            }
        )


def _control_plane(
    name: str, args: ClusterArgs, within: pulumi.ResourceOptions
) -> aws.eks.Cluster:
    role = _role(
        f"{name}-role", role_name(args.stack, "cluster"), trusts("eks.amazonaws.com"), within
    )
    policy = aws.iam.RolePolicyAttachment(
        f"{name}-role-policy",
        role=role.name,
        policy_arn=f"{MANAGED}/AmazonEKSClusterPolicy",
        opts=within,
    )
    # EKS would make it without an end and leave it behind.
    logs = aws.cloudwatch.LogGroup(
        f"{name}-logs",
        name=cluster_log_group(args.stack),
        retention_in_days=args.log_days,
        kms_key_id=args.key_arn,
        tags=tagged({}, f"{name}-logs"),
        opts=within,
    )
    return aws.eks.Cluster(
        name,
        name=args.stack,
        version=args.versions.kubernetes,
        role_arn=role.arn,
        access_config={
            "authentication_mode": "API",
            "bootstrap_cluster_creator_admin_permissions": False,
        },
        bootstrap_self_managed_addons=False,
        upgrade_policy={"support_type": "STANDARD"},
        deletion_protection=args.protected,
        enabled_cluster_log_types=_LOG_TYPES,
        encryption_config={"provider": {"key_arn": args.key_arn}, "resources": ["secrets"]},
        kubernetes_network_config={"service_ipv4_cidr": SERVICE_CIDR, "ip_family": "ipv4"},
        vpc_config=_inside(args),
        tags=tagged({}, name),
        opts=pulumi.ResourceOptions.merge(
            within, pulumi.ResourceOptions(depends_on=[policy, logs], protect=args.protected)
        ),
    )


def _inside(args: ClusterArgs) -> Any:
    # No key where there are no ranges: EKS answers an empty list, which would be a change.
    ranges = {"public_access_cidrs": list(args.endpoint_from)} if args.endpoint_from else {}
    return {
        "subnet_ids": list(args.subnet_ids.values()),
        # Nodes need it, and so does a collector of Amazon's Prometheus (its user guide,
        # AMP-collector-how-to, 2026-11): r1 check has nothing to ask there.
        "endpoint_private_access": True,
        "endpoint_public_access": bool(args.endpoint_from),
        **ranges,
    }


def _admins(
    name: str, args: ClusterArgs, cluster: aws.eks.Cluster, within: pulumi.ResourceOptions
) -> None:
    for number, admin in enumerate(args.admins, start=1):
        entry = aws.eks.AccessEntry(
            f"{name}-admin-{number}",
            cluster_name=cluster.name,
            principal_arn=admin,
            type="STANDARD",
            tags=tagged({}, f"{name}-admin-{number}"),
            opts=within,
        )
        aws.eks.AccessPolicyAssociation(
            f"{name}-admin-{number}",
            cluster_name=cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=_ADMIN_POLICY,
            access_scope={"type": "cluster"},
            opts=within,
        )


def _addons_before_nodes(
    name: str, args: ClusterArgs, cluster: aws.eks.Cluster, within: pulumi.ResourceOptions
) -> None:
    network_role = _role(
        f"{name}-vpc-cni", role_name(args.stack, "vpc-cni"), trusts_pods(), within
    )
    policy = aws.iam.RolePolicyAttachment(
        f"{name}-vpc-cni-policy",
        role=network_role.name,
        policy_arn=f"{MANAGED}/AmazonEKS_CNI_Policy",
        opts=within,
    )
    agent = _addon(name, "eks-pod-identity-agent", args.versions, cluster, within)
    _addon(name, "kube-proxy", args.versions, cluster, within)
    aws.eks.Addon(
        f"{name}-vpc-cni",
        cluster_name=cluster.name,
        addon_name="vpc-cni",
        addon_version=args.versions.addon("vpc-cni"),
        # Without it the CNI enforces no NetworkPolicy (EKS user guide, cni-network-policy).
        configuration_values=json.dumps({"enableNetworkPolicy": "true"}),
        pod_identity_associations=[{"service_account": "aws-node", "role_arn": network_role.arn}],
        preserve=False,
        tags=tagged({}, f"{name}-vpc-cni"),
        opts=pulumi.ResourceOptions.merge(
            within, pulumi.ResourceOptions(depends_on=[agent, policy])
        ),
    )


def _addon(
    name: str,
    addon: str,
    versions: Versions,
    cluster: aws.eks.Cluster,
    within: pulumi.ResourceOptions,
) -> aws.eks.Addon:
    return aws.eks.Addon(
        f"{name}-{addon}",
        cluster_name=cluster.name,
        addon_name=addon,
        addon_version=versions.addon(addon),
        preserve=False,
        tags=tagged({}, f"{name}-{addon}"),
        opts=within,
    )


def _role(
    logical: str, physical: str, trust: dict[str, Any], within: pulumi.ResourceOptions
) -> aws.iam.Role:
    return aws.iam.Role(
        logical,
        name=physical,
        assume_role_policy=pulumi.Output.json_dumps(trust),
        tags=tagged({}, logical),
        opts=within,
    )


def _kubeconfig(cluster: aws.eks.Cluster, region: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "eks",
        "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "aws"}}],
        "clusters": [
            {
                "name": "eks",
                "cluster": {
                    "server": cluster.endpoint,
                    "certificate-authority-data": cluster.certificate_authority.data,
                },
            }
        ],
        "users": [{"name": "aws", "user": {"exec": _token_command(cluster, region)}}],
    }


def _token_command(cluster: aws.eks.Cluster, region: str) -> dict[str, Any]:
    return {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "interactiveMode": "Never",
        "args": [
            *["eks", "get-token", "--cluster-name", cluster.name],
            *["--region", region, "--output", "json"],
        ],
    }
