"""What sizes the GPU pools: a node for each pod that waits for one, none for nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.autoscaling import (
    AUTOSCALER,
    AUTOSCALER_CLUSTER_RULES,
    AUTOSCALER_PODS,
    AUTOSCALER_PORT,
    AUTOSCALER_RULES,
    sizes_groups,
)
from r1_on_eks.plan.restricted import CONTAINER, run_as
from r1_on_eks.pod_rights import PodAccount, pod_rights

_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class ClusterAutoscalerArgs:
    """Inputs of `ClusterAutoscaler`.

    Attributes:
        stack: Part of its role's name.
        account: AWS account.
        region: AWS Region.
        cluster: The cluster that its objects vanish with.
        cluster_name: Whose pods may size groups, and whose groups.
        namespace: Restricted namespace.
        tag: Value of the tag by which it knows the groups.
        image: Of the cluster's own version.
        arguments: Its command line.
        after: Nodes for it.
    """

    stack: str
    account: str
    region: str
    cluster: pulumi.Resource
    cluster_name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    tag: str
    image: str
    arguments: Sequence[str]
    after: Sequence[pulumi.Resource]


class ClusterAutoscaler(pulumi.ComponentResource):
    """The autoscaler's Deployment, with the right to size the groups of its own cluster alone."""

    def __init__(
        self, name: str, args: ClusterAutoscalerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ClusterAutoscaler", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        allowed = _role(name, args, pulumi.ResourceOptions(parent=self))
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata={"name": AUTOSCALER, "namespace": args.namespace},
            automount_service_account_token=False,
            opts=inside,
        )
        rights = _rights(name, args, account.metadata.name, inside)
        kubernetes.apps.v1.Deployment(
            f"{name}-controller",
            metadata={"name": AUTOSCALER, "namespace": args.namespace},
            spec={
                "replicas": 1,
                "selector": {"match_labels": AUTOSCALER_PODS},
                "template": {
                    "metadata": {"labels": AUTOSCALER_PODS},
                    "spec": _pod(args, account.metadata.name),
                },
            },
            opts=pulumi.ResourceOptions.merge(
                inside, pulumi.ResourceOptions(depends_on=[*allowed, *rights, *args.after])
            ),
        )
        self.register_outputs({})


def _role(
    name: str, args: ClusterAutoscalerArgs, within: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    account = PodAccount(
        stack=args.stack,
        cluster_name=args.cluster_name,
        namespace=args.namespace,
        name=AUTOSCALER,
    )
    policy = sizes_groups(args.account, args.region, args.tag)
    return pod_rights(name, account, "groups", policy, within).both


def _rights(
    name: str,
    args: ClusterAutoscalerArgs,
    account: pulumi.Input[str],
    within: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    subjects: Any = [{"kind": "ServiceAccount", "name": account, "namespace": args.namespace}]
    whole = kubernetes.rbac.v1.ClusterRole(
        f"{name}-cluster",
        metadata={"name": AUTOSCALER},
        rules=AUTOSCALER_CLUSTER_RULES,
        opts=within,
    )
    own = kubernetes.rbac.v1.Role(
        f"{name}-own",
        metadata={"name": AUTOSCALER, "namespace": args.namespace},
        rules=AUTOSCALER_RULES,
        opts=within,
    )
    return [
        kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-cluster",
            metadata={"name": AUTOSCALER},
            role_ref={"api_group": _GROUP, "kind": "ClusterRole", "name": whole.metadata.name},
            subjects=subjects,
            opts=within,
        ),
        kubernetes.rbac.v1.RoleBinding(
            f"{name}-own",
            metadata={"name": AUTOSCALER, "namespace": args.namespace},
            role_ref={"api_group": _GROUP, "kind": "Role", "name": own.metadata.name},
            subjects=subjects,
            opts=within,
        ),
    ]


def _pod(args: ClusterAutoscalerArgs, account: pulumi.Input[str]) -> Any:
    return {
        "service_account_name": account,
        "automount_service_account_token": True,
        "priority_class_name": "system-cluster-critical",
        "security_context": run_as(65534),
        "containers": [
            {
                "name": "autoscaler",
                "image": args.image,
                "command": ["./cluster-autoscaler"],
                "args": list(args.arguments),
                "env": [{"name": "AWS_REGION", "value": args.region}],
                "ports": [{"name": "http", "container_port": AUTOSCALER_PORT}],
                "liveness_probe": {
                    "http_get": {"path": "/health-check", "port": AUTOSCALER_PORT},
                    "initial_delay_seconds": 30,
                    "period_seconds": 10,
                    "failure_threshold": 6,
                },
                "readiness_probe": {
                    "http_get": {"path": "/health-check", "port": AUTOSCALER_PORT},
                    "period_seconds": 10,
                },
                # Of upstream's example, for clusters of any size.
                "resources": {
                    "requests": {"cpu": "50m", "memory": "300Mi"},
                    "limits": {"memory": "600Mi"},
                },
                "security_context": CONTAINER,
            }
        ],
    }
