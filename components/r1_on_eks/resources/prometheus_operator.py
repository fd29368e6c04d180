"""The operator that turns Prometheus objects into pods and configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import PROMETHEUS_OPERATOR
from r1_on_eks.catalog.upstream import prometheus_objects
from r1_on_eks.plan.monitoring.objects import KUBELET_SERVICE, KUBELETS_NAMESPACE
from r1_on_eks.plan.monitoring.pods import NOBODY, probe
from r1_on_eks.plan.monitoring.policies import OPERATOR_PODS
from r1_on_eks.plan.monitoring.rights import (
    OPERATOR_CLUSTER_RULES,
    OPERATOR_KUBELET_RULES,
    OPERATOR_RULES,
)
from r1_on_eks.plan.restricted import CONTAINER, run_as

_NAME = OPERATOR_PODS["app.kubernetes.io/name"]
_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class PrometheusOperatorArgs:
    """Inputs of `PrometheusOperator`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: The one namespace that it works in.
        reloader: Image that it puts beside each Prometheus, as nodes pull it.
        after: Nodes for it.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    reloader: str
    after: Sequence[pulumi.Resource]


class PrometheusOperator(pulumi.ComponentResource):
    """Upstream's definitions, and their controller with rights in its own namespace."""

    def __init__(
        self, name: str, args: PrometheusOperatorArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:PrometheusOperator", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        kinds = [
            kubernetes.apiextensions.v1.CustomResourceDefinition(
                f"{name}-{one['spec']['names']['plural']}",
                metadata=one["metadata"],
                spec=one["spec"],
                opts=within,
            )
            for one in prometheus_objects()
        ]
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata={"name": _NAME, "namespace": args.namespace},
            automount_service_account_token=False,
            opts=within,
        )
        rights = _rights(name, args, account.metadata.name, within)
        kubernetes.apps.v1.Deployment(
            f"{name}-controller",
            metadata={"name": _NAME, "namespace": args.namespace},
            spec={
                "replicas": 1,
                "selector": {"match_labels": OPERATOR_PODS},
                "template": {
                    "metadata": {"labels": OPERATOR_PODS},
                    "spec": _pod(args, account.metadata.name),
                },
            },
            # It looks once at which kinds there are and what it may do.
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(depends_on=[*kinds, *rights, *args.after])
            ),
        )
        self.register_outputs({})


def _rights(
    name: str,
    args: PrometheusOperatorArgs,
    account: pulumi.Input[str],
    within: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    subjects: Any = [{"kind": "ServiceAccount", "name": account, "namespace": args.namespace}]
    whole = kubernetes.rbac.v1.ClusterRole(
        f"{name}-cluster", metadata={"name": _NAME}, rules=OPERATOR_CLUSTER_RULES, opts=within
    )
    bound: list[pulumi.Resource] = [
        kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-cluster",
            metadata={"name": _NAME},
            role_ref={"api_group": _GROUP, "kind": "ClusterRole", "name": whole.metadata.name},
            subjects=subjects,
            opts=within,
        )
    ]
    for part, namespace, rules in (
        ("own", args.namespace, OPERATOR_RULES),
        ("kubelets", KUBELETS_NAMESPACE, OPERATOR_KUBELET_RULES),
    ):
        role = kubernetes.rbac.v1.Role(
            f"{name}-{part}",
            metadata={"name": _NAME, "namespace": namespace},
            rules=rules,
            opts=within,
        )
        bound.append(
            kubernetes.rbac.v1.RoleBinding(
                f"{name}-{part}",
                metadata={"name": _NAME, "namespace": namespace},
                role_ref={"api_group": _GROUP, "kind": "Role", "name": role.metadata.name},
                subjects=subjects,
                opts=within,
            )
        )
    return bound


def _pod(args: PrometheusOperatorArgs, account: pulumi.Input[str]) -> Any:
    port = 8080
    return {
        "service_account_name": account,
        "automount_service_account_token": True,
        "security_context": run_as(NOBODY),
        "containers": [
            {
                "name": "operator",
                "image": PROMETHEUS_OPERATOR,
                "args": [
                    pulumi.Output.concat("--namespaces=", args.namespace),
                    f"--kubelet-service={KUBELET_SERVICE}",
                    # Kubernetes 1.33 and newer call Endpoints deprecated.
                    "--kubelet-endpoints=false",
                    "--kubelet-endpointslice=true",
                    f"--prometheus-config-reloader={args.reloader}",
                ],
                "ports": [{"name": "http", "container_port": port}],
                "liveness_probe": probe("/healthz", port, failures=6),
                "readiness_probe": probe("/healthz", port),
                "resources": {
                    "requests": {"cpu": "50m", "memory": "100Mi"},
                    "limits": {"memory": "300Mi"},
                },
                "security_context": CONTAINER,
            }
        ],
    }
