"""A policy as a NetworkPolicy says it, in Pulumi's spelling."""

from typing import Any

from r1_on_eks.plan.traffic import Peer, Policy

# The API server puts it on every namespace.
_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def network_policy_spec(policy: Policy) -> Any:
    """The `spec`: what is not listed is denied, both ways."""
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


def _ports(peer: Peer) -> Any:
    ports = [{"protocol": protocol, "port": number} for protocol, number in peer.ports]
    return {"ports": ports} if ports else {}
