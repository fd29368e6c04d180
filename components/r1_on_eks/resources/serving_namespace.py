"""The namespace of model services and gateway."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.api_keys import new_key
from r1_on_eks.plan.names import NAMESPACE, SERVER_KEY
from r1_on_eks.plan.network_policies import network_policy_spec
from r1_on_eks.plan.nginx.process import HEADER_FILE, key_header
from r1_on_eks.plan.traffic import Policy


@dataclass(frozen=True, kw_only=True)
class ServingNamespaceArgs:
    """Inputs of `ServingNamespace`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        policies: Who may talk to whom in it.
    """

    cluster: pulumi.Resource
    policies: Sequence[Policy]


class ServingNamespace(pulumi.ComponentResource):
    """The one namespace in which models are served: restricted pods, and traffic by name only."""

    namespace: pulumi.Output[str]
    """Its name, known once it exists."""
    server_key_secret: pulumi.Output[str]
    """Name of the Secret with the key that model servers ask for."""

    def __init__(
        self, name: str, args: ServingNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ServingNamespace", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
            opts=within,
        )
        for policy in args.policies:
            kubernetes.networking.v1.NetworkPolicy(
                f"{name}-{policy.name}",
                metadata={"name": policy.name, "namespace": namespace.metadata.name},
                spec=network_policy_spec(policy),
                opts=within,
            )
        self.namespace = namespace.metadata.name
        self.server_key_secret = _server_key(name, self.namespace, within).metadata.name
        self.register_outputs(
            {"namespace": self.namespace, "server_key_secret": self.server_key_secret}
        )


def _server_key(
    name: str, namespace: pulumi.Output[str], within: pulumi.ResourceOptions
) -> kubernetes.core.v1.Secret:
    key = new_key()
    content = {SERVER_KEY: key, HEADER_FILE: key_header(key)}
    encoded = {file: b64encode(text.encode()).decode() for file, text in content.items()}
    return kubernetes.core.v1.Secret(
        f"{name}-server-key",
        metadata={"name": "server-key", "namespace": namespace},
        data=pulumi.Output.secret(encoded),
        # Made once: every later run draws another, which is not looked at.
        opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(ignore_changes=["data"])),
    )
