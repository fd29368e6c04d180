"""What tells of the state of Kubernetes' objects."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import KUBE_STATE_METRICS
from r1_on_eks.plan.monitoring.pods import NOBODY, probe
from r1_on_eks.plan.monitoring.policies import KUBE_STATE_PODS, KUBE_STATE_PORT
from r1_on_eks.plan.monitoring.rights import KUBE_STATE_RULES
from r1_on_eks.plan.restricted import CONTAINER, run_as


def states(
    name: str,
    namespace: pulumi.Input[str],
    within: pulumi.ResourceOptions,
    on_nodes: pulumi.ResourceOptions,
) -> None:
    """Declares it, with the right to list what it tells of.

    Args:
        name: Of the component.
        namespace: Restricted namespace.
        within: Options of its objects.
        on_nodes: Options of its pod.
    """
    called = KUBE_STATE_PODS["app.kubernetes.io/name"]
    account = kubernetes.core.v1.ServiceAccount(
        f"{name}-state",
        metadata={"name": called, "namespace": namespace},
        automount_service_account_token=False,
        opts=within,
    )
    role = kubernetes.rbac.v1.ClusterRole(
        f"{name}-state", metadata={"name": called}, rules=KUBE_STATE_RULES, opts=within
    )
    bound = kubernetes.rbac.v1.ClusterRoleBinding(
        f"{name}-state",
        metadata={"name": called},
        role_ref={
            "api_group": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role.metadata.name,
        },
        subjects=[
            {
                "kind": "ServiceAccount",
                "name": account.metadata.name,
                "namespace": namespace,
            }
        ],
        opts=within,
    )
    kubernetes.apps.v1.Deployment(
        f"{name}-state",
        metadata={"name": called, "namespace": namespace},
        spec={
            "replicas": 1,
            "selector": {"match_labels": KUBE_STATE_PODS},
            "template": {
                "metadata": {"labels": KUBE_STATE_PODS},
                "spec": _state_pod(account.metadata.name),
            },
        },
        opts=pulumi.ResourceOptions.merge(on_nodes, pulumi.ResourceOptions(depends_on=[bound])),
    )


def _state_pod(account: pulumi.Input[str]) -> Any:
    resources = [resource for rule in KUBE_STATE_RULES for resource in rule["resources"]]
    return {
        "service_account_name": account,
        "automount_service_account_token": True,
        "security_context": run_as(NOBODY, run_as_group=NOBODY),
        "containers": [
            {
                "name": "exporter",
                "image": KUBE_STATE_METRICS,
                "args": [f"--port={KUBE_STATE_PORT}", f"--resources={','.join(resources)}",
                         "--metric-labels-allowlist=nodes=[r1-on-eks/variant-pool]"],
                "ports": [{"name": "metrics", "container_port": KUBE_STATE_PORT}],
                "liveness_probe": probe("/livez", KUBE_STATE_PORT, failures=6),
                "readiness_probe": probe("/healthz", KUBE_STATE_PORT),
                "resources": {
                    "requests": {"cpu": "20m", "memory": "128Mi"},
                    "limits": {"memory": "256Mi"},
                },
                "security_context": CONTAINER,
            }
        ],
    }  # fmt: skip
