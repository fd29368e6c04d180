"""The namespace of model services and gateway."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.names import NAMESPACE


@dataclass(frozen=True, kw_only=True)
class ServingNamespaceArgs:
    """Inputs of `ServingNamespace`.

    Attributes:
        cluster: The cluster that its object vanishes with.
    """

    cluster: pulumi.Resource


class ServingNamespace(pulumi.ComponentResource):
    """The one namespace in which models are served; admits restricted pods only."""

    namespace: pulumi.Output[str]
    """Its name, known once it exists."""

    def __init__(
        self, name: str, args: ServingNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ServingNamespace", name, None, opts)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
            opts=pulumi.ResourceOptions(parent=self, deleted_with=args.cluster),
        )
        self.namespace = namespace.metadata.name
        self.register_outputs({"namespace": self.namespace})
