"""The few nodes without GPUs: gateway, cluster DNS, drivers' controllers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from r1_on_eks.catalog.eks_parts import SYSTEM_AMI
from r1_on_eks.plan.access import describes_file_systems, trusts_pods
from r1_on_eks.plan.names import GPU_TAINT, role_name, tagged
from r1_on_eks.plan.pools import Pool
from r1_on_eks.plan.versions import Versions

# Else what reads the GPUs' health does not run on GPU nodes, and nothing repairs them
# (aws/eks-node-monitoring-agent charts/eks-node-monitoring-agent/values.yaml, v1.7.0).
_HEALTH = {"dcgmAgent": {"tolerations": [{"key": GPU_TAINT, "operator": "Exists"}]}}


@dataclass(frozen=True, kw_only=True)
class SystemPoolArgs:
    """Inputs of `SystemPool`.

    Attributes:
        stack: Part of its role's name.
        cluster_name: The cluster it joins.
        node_role_arn: Role of its nodes.
        subnet_ids: Private subnets, one per zone.
        pool: Type, number and tags of its instances.
        versions: Of Kubernetes, machine image and add-ons.
        lustre: Whether the driver for FSx for Lustre runs here.
        after: What its nodes need to become ready: a way out, the cluster's network add-ons.
    """

    stack: str
    cluster_name: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    pool: Pool
    versions: Versions
    lustre: bool
    after: Sequence[pulumi.Resource]


class SystemPool(pulumi.ComponentResource):
    """A small managed node group over all zones, and the add-ons that need it."""

    autoscaling_group_name: pulumi.Output[str]
    """Auto Scaling group of its nodes, for load balancers to attach to."""

    def __init__(
        self, name: str, args: SystemPoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:SystemPool", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        nodes = _node_group(name, args, within)
        after_nodes = pulumi.ResourceOptions.merge(
            within, pulumi.ResourceOptions(depends_on=[nodes])
        )
        aws.eks.Addon(
            f"{name}-coredns",
            cluster_name=args.cluster_name,
            addon_name="coredns",
            addon_version=args.versions.addon("coredns"),
            preserve=False,
            tags=tagged({}, f"{name}-coredns"),
            opts=after_nodes,
        )
        aws.eks.Addon(
            f"{name}-node-monitoring",
            cluster_name=args.cluster_name,
            addon_name="eks-node-monitoring-agent",
            addon_version=args.versions.addon("eks-node-monitoring-agent"),
            configuration_values=json.dumps(_HEALTH),
            preserve=False,
            tags=tagged({}, f"{name}-node-monitoring"),
            opts=after_nodes,
        )
        if args.lustre:
            _lustre_driver(name, args, within, after_nodes)
        self.autoscaling_group_name = nodes.resources[0].autoscaling_groups[0].name
        self.register_outputs({"autoscaling_group_name": self.autoscaling_group_name})


def _node_group(
    name: str, args: SystemPoolArgs, within: pulumi.ResourceOptions
) -> aws.eks.NodeGroup:
    template = aws.ec2.LaunchTemplate(
        f"{name}-template",
        update_default_version=True,
        metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1},
        block_device_mappings=[
            {
                "device_name": "/dev/xvda",
                "ebs": {
                    "volume_size": args.pool.root_gib,
                    "volume_type": "gp3",
                    "encrypted": "true",
                },
            }
        ],
        # Node groups do not hand their tags on.
        tag_specifications=[
            {"resource_type": kind, "tags": tagged(args.pool.tags, name)}
            for kind in ("instance", "volume")
        ],
        tags=tagged({}, f"{name}-template"),
        opts=within,
    )
    return aws.eks.NodeGroup(
        name,
        node_group_name=args.pool.node_group,
        cluster_name=args.cluster_name,
        node_role_arn=args.node_role_arn,
        subnet_ids=list(args.subnet_ids.values()),
        ami_type=SYSTEM_AMI,
        version=args.versions.kubernetes,
        release_version=args.versions.release(SYSTEM_AMI),
        instance_types=[args.pool.instance_type],
        capacity_type="ON_DEMAND",
        launch_template={
            "id": template.id,
            "version": pulumi.Output.format("{0}", template.latest_version),
        },
        scaling_config={
            "min_size": args.pool.nodes,
            "desired_size": args.pool.nodes,
            "max_size": args.pool.most,
        },
        update_config={"max_unavailable": 1},
        node_repair_config={"enabled": True},
        tags=tagged({}, name),
        # What scales the group owns the number; edits here change its limits.
        opts=pulumi.ResourceOptions.merge(
            within,
            pulumi.ResourceOptions(
                depends_on=list(args.after),
                ignore_changes=["scalingConfig.desiredSize"],
                protect=args.pool.kept,
            ),
        ),
    )


def _lustre_driver(
    name: str,
    args: SystemPoolArgs,
    within: pulumi.ResourceOptions,
    after_nodes: pulumi.ResourceOptions,
) -> None:
    role = aws.iam.Role(
        f"{name}-fsx-csi",
        name=role_name(args.stack, "fsx-csi"),
        assume_role_policy=pulumi.Output.json_dumps(trusts_pods()),
        tags=tagged({}, f"{name}-fsx-csi"),
        opts=within,
    )
    aws.iam.RolePolicy(
        f"{name}-fsx-csi",
        role=role.name,
        policy=pulumi.Output.json_dumps(describes_file_systems()),
        opts=within,
    )
    aws.eks.Addon(
        f"{name}-fsx-csi",
        cluster_name=args.cluster_name,
        addon_name="aws-fsx-csi-driver",
        addon_version=args.versions.addon("aws-fsx-csi-driver"),
        pod_identity_associations=[
            {"service_account": "fsx-csi-controller-sa", "role_arn": role.arn}
        ],
        preserve=False,
        tags=tagged({}, f"{name}-fsx-csi"),
        opts=after_nodes,
    )
