"""How the replicas of each variant follow its requests, as KEDA is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes


@dataclass(frozen=True, kw_only=True)
class ReplicaScalingArgs:
    """Inputs of `ReplicaScaling`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Of the models.
        specs: `spec` of the ScaledObject of each Deployment that is scaled, by its name.
        after: KEDA, and what it scales.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    specs: Mapping[str, Mapping[str, Any]]
    after: Sequence[pulumi.Resource]


class ReplicaScaling(pulumi.ComponentResource):
    """One ScaledObject for each variant whose replicas follow the requests."""

    def __init__(
        self, name: str, args: ReplicaScalingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ReplicaScaling", name, None, opts)
        within = pulumi.ResourceOptions(
            parent=self, deleted_with=args.cluster, depends_on=list(args.after)
        )
        for called, spec in args.specs.items():
            kubernetes.apiextensions.CustomResource(
                f"{name}-{called}",
                api_version="keda.sh/v1alpha1",
                kind="ScaledObject",
                metadata={"name": called, "namespace": args.namespace},
                # Pulumi has no type for it.
                spec=dict(spec),
                opts=within,
            )
        self.register_outputs({})
