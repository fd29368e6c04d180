"""Where monitoring runs: one restricted namespace, and one for what reads the nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.names import EXPORTERS_NAMESPACE, MONITORING_NAMESPACE
from r1_on_eks.plan.network_policies import network_policy_spec
from r1_on_eks.plan.traffic import Policy

# Metrics of a node lie in its /proc and /sys, and those of a GPU behind SYS_ADMIN: no level below
# admits such pods.
_LEVELS = {MONITORING_NAMESPACE: "restricted", EXPORTERS_NAMESPACE: "privileged"}


@dataclass(frozen=True, kw_only=True)
class MonitoringNamespacesArgs:
    """Inputs of `MonitoringNamespaces`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        policies: Who may talk to whom, by namespace.
    """

    cluster: pulumi.Resource
    policies: Mapping[str, Sequence[Policy]]


class MonitoringNamespaces(pulumi.ComponentResource):
    """Two namespaces, and traffic by name only in both."""

    monitoring: pulumi.Output[str]
    """Name of the restricted one, known once it exists."""
    exporters: pulumi.Output[str]
    """Name of that of the pods which read their node."""

    def __init__(
        self, name: str, args: MonitoringNamespacesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:MonitoringNamespaces", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        made = {
            called: kubernetes.core.v1.Namespace(
                f"{name}-{called}",
                metadata={
                    "name": called,
                    "labels": {"pod-security.kubernetes.io/enforce": level},
                },
                opts=within,
            )
            for called, level in _LEVELS.items()
        }
        for called, policies in args.policies.items():
            for policy in policies:
                kubernetes.networking.v1.NetworkPolicy(
                    f"{name}-{called}-{policy.name}",
                    metadata={"name": policy.name, "namespace": made[called].metadata.name},
                    spec=network_policy_spec(policy),
                    opts=within,
                )
        self.monitoring = made[MONITORING_NAMESPACE].metadata.name
        self.exporters = made[EXPORTERS_NAMESPACE].metadata.name
        self.register_outputs({"monitoring": self.monitoring, "exporters": self.exporters})
