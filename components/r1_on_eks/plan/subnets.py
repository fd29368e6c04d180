"""The address plan of a stack: one table, the same in every stack and Region."""

from collections.abc import Sequence
from dataclasses import dataclass

VPC_CIDR = "10.64.0.0/16"
# Outside the VPC: EKS refuses a service range that overlaps it.
SERVICE_CIDR = "172.20.0.0/16"
# Kubernetes gives the tenth address of the service range to the cluster's DNS on EKS.
CLUSTER_DNS = "172.20.0.10"

# Pods take addresses of private blocks (4091 each); public blocks hold NAT and load balancers.
_PRIVATE = ("10.64.0.0/20", "10.64.16.0/20", "10.64.32.0/20", "10.64.48.0/20")
_PUBLIC = ("10.64.64.0/24", "10.64.65.0/24", "10.64.66.0/24", "10.64.67.0/24")


@dataclass(frozen=True, kw_only=True)
class ZoneBlocks:
    """The address blocks of one availability zone."""

    zone: str
    private: str
    public: str


# What a word of `private_endpoints` stands for: the last part of the endpoint services' names
# (AWS PrivateLink guide, aws-services-privatelink-support, 2026-11, as remembered).
ENDPOINT_SERVICES = {
    "ec2": ("ec2",),
    "ecr": ("ecr.api", "ecr.dkr"),
    "eks-auth": ("eks-auth",),
    "logs": ("logs",),
    "sts": ("sts",),
}


def blocks_of(zones: Sequence[str]) -> tuple[ZoneBlocks, ...]:
    """One private and one public block per zone, in the order of `zones` (at most four)."""
    return tuple(
        ZoneBlocks(zone=zone, private=private, public=public)
        for zone, private, public in zip(zones, _PRIVATE, _PUBLIC, strict=False)
    )


def endpoint_services(words: Sequence[str]) -> tuple[str, ...]:
    """Services that get an interface in the network: `ecr.api` and `ecr.dkr` of `ecr`."""
    return tuple(service for word in words for service in ENDPOINT_SERVICES[word])
