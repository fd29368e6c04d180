"""Instances for one variant, or for several that share them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.names import tagged
from r1_on_eks.plan.pools import Pool
from r1_on_eks.plan.purchase import CAPACITY_BLOCK
from r1_on_eks.plan.versions import Versions

# What ends the nodes of a group in place: each is replaced by another one.
_ENDS_NODES = ["version", "releaseVersion", "launchTemplate"]
# What a cluster autoscaler decides.
_SIZE = ["scalingConfig.desiredSize"]


@dataclass(frozen=True, kw_only=True)
class GpuNodePoolArgs:
    """Inputs of `GpuNodePool`.

    Attributes:
        cluster_name: The cluster it joins.
        node_role_arn: Role of its nodes.
        subnet_id: The private subnet of one zone, the file system's.
        pool: Type, number, labels and tags of its instances.
        versions: Of Kubernetes and machine image.
        node_template: What a cluster autoscaler reads of an empty group; none: nothing scales it.
        security_group_ids: Groups of its interfaces, where the pool says how they are laid out.
        after: What must stand before its instances are paid for.
    """

    cluster_name: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    pool: Pool
    versions: Versions
    node_template: Mapping[str, str]
    security_group_ids: Sequence[pulumi.Input[str]] = ()
    after: Sequence[pulumi.Resource]


class GpuNodePool(pulumi.ComponentResource):
    """A managed node group of equal GPU instances in one zone, kept free of other pods."""

    node_group_name: pulumi.Output[str]
    """Known once its nodes are ready."""

    def __init__(
        self, name: str, args: GpuNodePoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:GpuNodePool", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        template = _launch_template(name, args, within)
        in_block = args.pool.purchase.way == CAPACITY_BLOCK
        nodes = aws.eks.NodeGroup(
            name,
            node_group_name=args.pool.node_group,
            cluster_name=args.cluster_name,
            node_role_arn=args.node_role_arn,
            subnet_ids=[args.subnet_id],
            ami_type=args.pool.ami_type,
            version=args.versions.kubernetes,
            release_version=args.versions.release(args.pool.ami_type),
            # Of a capacity block the launch template says it.
            instance_types=None if in_block else [args.pool.instance_type],
            capacity_type=args.pool.purchase.group_type,
            launch_template={
                "id": template.id,
                "version": pulumi.Output.format("{0}", template.latest_version),
            },
            scaling_config={
                "min_size": 0,
                "desired_size": args.pool.nodes,
                "max_size": args.pool.most,
            },
            labels=dict(args.pool.labels),
            taints=[
                {"key": key, "value": "true", "effect": "NO_SCHEDULE"} for key in args.pool.taints
            ],
            # The default starts new instances first, and waits for GPUs that nobody has.
            update_config={"max_unavailable": 1, "update_strategy": "MINIMAL"},
            node_repair_config={"enabled": True},
            warm_pool_config=_warm(args.pool),
            tags=tagged(args.pool.tags, name),
            opts=pulumi.ResourceOptions.merge(within, _kept(args)),
        )
        group = nodes.resources[0].autoscaling_groups[0].name
        for number, (key, value) in enumerate(args.node_template.items(), start=1):
            aws.autoscaling.Tag(
                f"{name}-template-{number}",
                autoscaling_group_name=group,
                tag={"key": key, "value": value, "propagate_at_launch": False},
                opts=within,
            )
        self.node_group_name = nodes.node_group_name
        self.register_outputs({"node_group_name": self.node_group_name})


def _kept(args: GpuNodePoolArgs) -> pulumi.ResourceOptions:
    """Protection is from replacement; an update that ends the nodes must not even begin."""
    ends_nodes = _ENDS_NODES if args.pool.kept else []
    scaled = _SIZE if args.node_template else []
    return pulumi.ResourceOptions(
        depends_on=list(args.after),
        protect=args.pool.kept,
        ignore_changes=[*ends_nodes, *scaled] or None,
    )


def _warm(pool: Pool) -> aws.eks.NodeGroupWarmPoolConfigArgs | None:
    """Instances that have started once and are stopped: their volumes are paid, they are not."""
    if pool.warm == 0:
        return None
    return aws.eks.NodeGroupWarmPoolConfigArgs(
        pool_state="STOPPED",
        min_size=pool.warm,
        max_group_prepared_capacity=pool.most + pool.warm,
        reuse_on_scale_in=True,
    )


def _bought(pool: Pool) -> dict[str, Any]:
    """Where reserved instances come from (EKS user guide, capacity-blocks-mng)."""
    purchase = pool.purchase
    if purchase.reservation_id is None:
        return {}
    target = {"capacity_reservation_target": {"capacity_reservation_id": purchase.reservation_id}}
    if purchase.way != CAPACITY_BLOCK:
        return {"capacity_reservation_specification": target}
    return {
        "instance_type": pool.instance_type,
        "instance_market_options": {"market_type": "capacity-block"},
        "capacity_reservation_specification": target,
    }


def _interfaces(args: GpuNodePoolArgs) -> list[Any] | None:
    """EKS adds neither its security group nor a subnet to interfaces that a template lays out."""
    return [
        {
            "network_card_index": one.card,
            "device_index": one.device,
            "interface_type": one.kind,
            "security_groups": list(args.security_group_ids),
            # Else they outlive their instance, and keep the security group from being deleted.
            "delete_on_termination": "true",
        }
        for one in args.pool.interfaces
    ] or None


def _placement(name: str, pool: Pool, within: pulumi.ResourceOptions) -> Any:
    if pool.placement_group is None:
        return None
    group = aws.ec2.PlacementGroup(
        f"{name}-placement",
        name=pool.placement_group,
        strategy="cluster",
        tags=tagged(pool.tags, f"{name}-placement"),
        opts=within,
    )
    return {"group_name": group.name}


def _launch_template(
    name: str, args: GpuNodePoolArgs, within: pulumi.ResourceOptions
) -> aws.ec2.LaunchTemplate:
    return aws.ec2.LaunchTemplate(
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
        user_data=args.pool.user_data,
        network_interfaces=_interfaces(args),
        placement=_placement(name, args.pool, within),
        **_bought(args.pool),
        # Node groups do not hand their tags on.
        tag_specifications=[
            {"resource_type": kind, "tags": tagged(args.pool.tags, name)}
            for kind in ("instance", "volume", "network-interface")
        ],
        tags=tagged(args.pool.tags, f"{name}-template"),
        opts=within,
    )
