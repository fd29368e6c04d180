"""What lets the nodes of one replica talk over Elastic Fabric Adapter."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import EFA_PLUGIN
from r1_on_eks.plan.names import EFA_LABEL, GPU_TAINT, tagged


@dataclass(frozen=True, kw_only=True)
class InterconnectArgs:
    """Inputs of `Interconnect`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        vpc_id: Network of the nodes.
        tags: What its security group carries.
    """

    cluster: pulumi.Resource
    vpc_id: pulumi.Input[str]
    tags: Mapping[str, str]


class Interconnect(pulumi.ComponentResource):
    """A security group open to itself, and the plugin that shows adapters to the scheduler."""

    security_group_id: pulumi.Output[str]
    """Of every interface of such a node, beside the cluster's."""

    def __init__(
        self, name: str, args: InterconnectArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Interconnect", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            f"{name}-nodes",
            description="EFA between the nodes of one replica",
            vpc_id=args.vpc_id,
            tags=tagged(args.tags, f"{name}-nodes"),
            opts=within,
        )
        # EFA asks for both, and a rule for all addresses is no substitute (EC2 user guide,
        # efa-start-security).
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-in",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            tags=tagged(args.tags, f"{name}-in"),
            opts=within,
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-out",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            tags=tagged(args.tags, f"{name}-out"),
            opts=within,
        )
        labels = {"app.kubernetes.io/name": "efa-device-plugin"}
        kubernetes.apps.v1.DaemonSet(
            f"{name}-device-plugin",
            metadata={"name": "efa-device-plugin", "namespace": "kube-system"},
            spec={
                "selector": {"match_labels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _pod()},
            },
            opts=pulumi.ResourceOptions(parent=self, deleted_with=args.cluster),
        )
        self.security_group_id = group.id
        self.register_outputs({"security_group_id": self.security_group_id})


def _pod() -> kubernetes.core.v1.PodSpecArgsDict:
    """As upstream's chart (aws/eks-charts), but for its list of types and its Neuron folder."""
    folders = {
        "device-plugins": "/var/lib/kubelet/device-plugins",
        "infiniband": "/dev/infiniband",
    }
    return {
        "priority_class_name": "system-node-critical",
        "automount_service_account_token": False,
        "node_selector": {EFA_LABEL: "true"},
        # Upstream's chart tolerates no GPU node.
        "tolerations": [{"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}],
        "host_network": True,
        "security_context": {"seccomp_profile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "device-plugin",
                "image": EFA_PLUGIN,
                "security_context": {
                    "allow_privilege_escalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {"cpu": "10m", "memory": "20Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "volume_mounts": [
                    {"name": name, "mount_path": path} for name, path in folders.items()
                ],
            }
        ],
        "volumes": [{"name": name, "host_path": {"path": path}} for name, path in folders.items()],
    }
