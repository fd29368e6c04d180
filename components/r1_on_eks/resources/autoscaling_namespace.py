"""Where what scales runs: one restricted namespace, and traffic by name only."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.names import AUTOSCALING_NAMESPACE
from r1_on_eks.plan.network_policies import network_policy_spec
from r1_on_eks.plan.traffic import Policy


@dataclass(frozen=True, kw_only=True)
class AutoscalingNamespaceArgs:
    """Inputs of `AutoscalingNamespace`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        policies: Who may talk to whom in it.
    """

    cluster: pulumi.Resource
    policies: Sequence[Policy]


class AutoscalingNamespace(pulumi.ComponentResource):
    """The namespace of the cluster autoscaler and of KEDA."""

    namespace: pulumi.Output[str]
    """Its name, known once it exists."""

    def __init__(
        self, name: str, args: AutoscalingNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:AutoscalingNamespace", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        made = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": AUTOSCALING_NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
            opts=within,
        )
        for policy in args.policies:
            kubernetes.networking.v1.NetworkPolicy(
                f"{name}-{policy.name}",
                metadata={"name": policy.name, "namespace": made.metadata.name},
                spec=network_policy_spec(policy),
                opts=within,
            )
        self.namespace = made.metadata.name
        self.register_outputs({"namespace": self.namespace})
