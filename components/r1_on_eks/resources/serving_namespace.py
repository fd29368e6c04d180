"""The namespace of model services and gateway."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.api_keys import new_key
from r1_on_eks.plan.names import NAMESPACE, SERVER_KEY
from r1_on_eks.plan.nginx.process import HEADER_FILE, key_header
from r1_on_eks.plan.traffic import Peer, Policy


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
                spec=_spec(policy),
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


def _spec(policy: Policy) -> Any:
    return {
        "pod_selector": {"match_labels": policy.pods},
        "policy_types": ["Ingress", "Egress"],
        "ingress": [{"from": _peers(peer), **_ports(peer)} for peer in policy.accepts],
        "egress": [{"to": _peers(peer), **_ports(peer)} for peer in policy.opens],
    }


def _peers(peer: Peer) -> list[Any]:
    if peer.pods is None:
        return [{"ip_block": {"cidr": block}} for block in peer.blocks]
    elsewhere = (
        {"namespace_selector": {"match_labels": {_NAMESPACE_NAME: peer.namespace}}}
        if peer.namespace
        else {}
    )
    return [{"pod_selector": {"match_labels": peer.pods}, **elsewhere}]


# The API server puts it on every namespace.
_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def _ports(peer: Peer) -> Any:
    ports = [{"protocol": protocol, "port": number} for protocol, number in peer.ports]
    return {"ports": ports} if ports else {}
