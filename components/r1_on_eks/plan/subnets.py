"""The address plan of a stack: one table, the same in every stack and Region."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from r1_on_eks.stack_config import StackConfig
from r1_on_eks.stack_config.network import SERVICE_CIDR

VPC_CIDR = "10.64.0.0/16"
# Kubernetes gives the tenth address of the service range to the cluster's DNS on EKS.
CLUSTER_DNS = str(ipaddress.ip_network(SERVICE_CIDR)[10])
# Kubernetes gives its own API server the first address.
API_SERVICE = str(ipaddress.ip_network(SERVICE_CIDR)[1])

# Pods take addresses of private blocks (4091 each); public blocks hold NAT and load balancers.
_PRIVATE = ("10.64.0.0/20", "10.64.16.0/20", "10.64.32.0/20", "10.64.48.0/20")
_PUBLIC = ("10.64.64.0/24", "10.64.65.0/24", "10.64.66.0/24", "10.64.67.0/24")


@dataclass(frozen=True, kw_only=True)
class ZoneBlocks:
    """The address blocks of one availability zone."""

    zone: str
    private: str
    public: str


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """The network of a stack: one of its own, or one that exists.

    Attributes:
        cidr: IPv4 range of the VPC.
        blocks: Address blocks of each zone; none in a network that exists.
        nat: Whether private subnets have a way to the internet.
        internet: Whether public subnets have one, and the VPC a gateway to it.
        endpoint_services: AWS services with an interface inside.
        vpc_id: Of one that exists, else None.
        private_subnet_ids: Zone to subnet, of one that exists.
        public_subnet_ids: The same for public ones.
    """

    cidr: str = VPC_CIDR
    blocks: tuple[ZoneBlocks, ...] = ()
    nat: bool = True
    internet: bool = True
    endpoint_services: tuple[str, ...] = ()
    vpc_id: str | None = None
    private_subnet_ids: Mapping[str, str] = field(default_factory=dict)
    public_subnet_ids: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: StackConfig, zones: Sequence[str]) -> Self:
        """The network of a stack in these zones."""
        if config.network != "own":
            return cls(
                cidr=config.network.cidr,
                vpc_id=config.network.vpc,
                private_subnet_ids=config.network.private_subnets,
                public_subnet_ids=config.network.public_subnets,
            )
        nat = config.outbound == "nat"
        return cls(
            blocks=blocks_of(zones),
            nat=nat,
            internet=nat or config.gateway != "internal",
            endpoint_services=endpoint_services(config.private_endpoints),
        )


def cidr_of(config: StackConfig) -> str:
    """IPv4 range of a stack's network."""
    return VPC_CIDR if config.network == "own" else config.network.cidr


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
