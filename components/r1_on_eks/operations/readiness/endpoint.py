"""Whether the cluster's endpoint can be reached from here."""

import ipaddress
import os
import socket
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from r1_on_eks.operations.inventory.thing import tags_of
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.plan.names import STACK_TAG

CLUSTER = "cluster"
ENDPOINT = "endpoint"
RANGES = "endpoint ranges"
PERMISSIONS = ("eks:DescribeCluster",)
# AWS's own answer to the question which address one has.
_OWN_ADDRESS = "https://checkip.amazonaws.com"
_WAIT_S = 2.0


def range_finding(allowed: Sequence[str], own: str | None) -> Finding:
    """Whether the address that this machine has on the internet may reach the API server.

    Args:
        allowed: Ranges of the stack's file; none where the endpoint is private.
        own: The address; None where nobody said it.
    """
    if not allowed:
        return unknown(
            RANGES,
            "the API server is private: pulumi up has to run inside its network",
            "from a VPN, a bastion or a runner in the VPC; or endpoint: {public_from: [range]}",
        )
    told = ", ".join(allowed)
    if own is None:
        return unknown(
            RANGES, f"{told} may reach it; this machine's own address is not known",
            f"curl {_OWN_ADDRESS}  # and compare with endpoint.public_from",
        )  # fmt: skip
    if any(ipaddress.ip_address(own) in ipaddress.ip_network(one) for one in allowed):
        return ready(RANGES, f"{own} is in {told}")
    return lacking(
        RANGES,
        f"this machine comes from {own}, and {told} alone may reach the API server",
        f"endpoint: {{public_from: [{own}/32]}} in the stack's file, or run pulumi up from there",
    )


def cluster_findings(
    stack: str, cluster: Mapping[str, Any] | None, refusal: str | None
) -> list[Finding]:
    """Whether a cluster that stands is the stack's, well, and reachable.

    Args:
        stack: Its name.
        cluster: EKS's description; None where there is none.
        refusal: Why a connection to its endpoint failed; None where it was made or not tried.
    """
    if cluster is None:
        return [ready(CLUSTER, "none yet: its name is free")]
    if tags_of(cluster.get("tags")).get(STACK_TAG) != stack:
        return [
            lacking(
                CLUSTER,
                f"a cluster {cluster['name']} exists that is not this stack's",
                "rename the stack, or delete that cluster",
            )
        ]
    status = cluster["status"]
    if status not in ("ACTIVE", "UPDATING"):
        fix = "wait" if status == "CREATING" else f"r1 recover {stack}"
        return [unknown(CLUSTER, f"it is {status}", fix)]
    found = [ready(CLUSTER, f"{cluster['name']} is {status}")]
    if refusal is None:
        return [*found, ready(ENDPOINT, f"{cluster['endpoint']} is reached from here")]
    access = cluster.get("resourcesVpcConfig", {})
    public = ", ".join(access.get("publicAccessCidrs", ()))
    way = (
        f"from {public} alone: add this machine's range to endpoint.public_from"
        if access.get("endpointPublicAccess")
        else "it is private: use a VPN, a bastion or a runner in the VPC"
    )
    return [*found, lacking(ENDPOINT, f"{cluster['endpoint']} is not reached: {refusal}", way)]


def cluster(ground: Ground) -> Iterable[Finding]:
    """Asks EKS, then the endpoint itself."""
    seen = ground.cluster()
    refusal = connection_refused(seen["endpoint"]) if seen and seen.get("endpoint") else None
    return cluster_findings(ground.stack, seen, refusal)


def connection_refused(endpoint: str) -> str | None:
    """Why no connection is made to an address; None where one is."""
    where = urlsplit(endpoint)
    host, port = where.hostname or "", where.port or (80 if where.scheme == "http" else 443)
    try:
        socket.create_connection((host, port), timeout=_WAIT_S).close()
    except OSError as error:
        return "no answer" if isinstance(error, TimeoutError) else str(error)
    return None


def own_range(ground: Ground) -> Iterable[Finding]:
    """Asks which address this machine has on the internet; nobody, where AWS is a stand-in."""
    config = ground.config
    allowed = () if config.endpoint == "private" else config.endpoint.public_from
    return [range_finding(allowed, own_address() if allowed else None)]


def own_address() -> str | None:
    """The address, or None where nobody says it."""
    # Who directs AWS's services elsewhere, as a rehearsal does, wants nothing to go out.
    if "AWS_ENDPOINT_URL" in os.environ:
        return None
    try:
        with urllib.request.urlopen(_OWN_ADDRESS, timeout=_WAIT_S) as answer:
            told = answer.read(64).decode().strip()
        return str(ipaddress.ip_address(told))
    except (OSError, ValueError):
        return None
