"""A network that exists already, for a stack to live in."""

import ipaddress
from typing import Annotated, Self

from pydantic import Field, model_validator

from r1_on_eks.stack_config.section import Network, Section, pattern

# Of the cluster's Services; EKS refuses one that overlaps the network.
SERVICE_CIDR = "172.20.0.0/16"
_SubnetId = Annotated[str, pattern(r"^subnet-[0-9a-f]{8,17}$")]


class GivenNetwork(Section):
    """A VPC that somebody else owns: the stack makes nothing of the network, and tags none of it.

    Its private subnets need a way to what nodes pull (NAT, or the endpoints of a private cluster)
    and an S3 gateway endpoint in their route tables.
    """

    vpc: Annotated[str, pattern(r"^vpc-[0-9a-f]{8,17}$")]
    """Id of the VPC; its DNS hostnames and DNS resolution are on."""
    cidr: Network
    """IPv4 range of the VPC: who is inside."""
    private_subnets: Annotated[dict[str, _SubnetId], Field(min_length=2, max_length=4)]
    """Zone to subnet, for nodes, pods and file system: {us-west-2a: subnet-0123456789abcdef0}."""
    public_subnets: dict[str, _SubnetId] = Field(default_factory=dict)
    """Zone to subnet, for a gateway that is reached from the internet."""

    @model_validator(mode="after")
    def _apart_from_services(self) -> Self:
        if ipaddress.ip_network(self.cidr).overlaps(ipaddress.ip_network(SERVICE_CIDR)):
            raise ValueError(f"cidr {self.cidr} overlaps {SERVICE_CIDR} of the cluster's Services")
        return self
