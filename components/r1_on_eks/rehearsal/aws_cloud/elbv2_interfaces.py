"""The network interfaces of load balancers, which moto does not make.

With them a subnet or security group that a load balancer uses is in use for EC2, too.
Source: Elastic Load Balancing user guide ("ELB net/NAME/ID" interfaces).
"""

from collections.abc import Callable
from typing import Any

from moto.ec2.models import ec2_backends

_Method = Callable[..., Any]


def create_load_balancer(original: _Method) -> _Method:
    """One interface per subnet, with the load balancer's security groups."""

    def with_interfaces(self: Any, *args: Any, **kwargs: Any) -> Any:
        balancer = original(self, *args, **kwargs)
        _make(self, balancer)
        return balancer

    return with_interfaces


def delete_load_balancer(original: _Method) -> _Method:
    """Removes the interfaces with the load balancer."""

    def with_interfaces(self: Any, arn: str) -> Any:
        if arn in self.load_balancers:
            _drop(self, arn)
        return original(self, arn)

    return with_interfaces


def renew_interfaces(original: _Method) -> _Method:
    """After its groups or subnets changed: other interfaces."""

    def with_interfaces(self: Any, arn: str, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, arn, *args, **kwargs)
        _drop(self, arn)
        _make(self, self.load_balancers[arn])
        return answer

    return with_interfaces


def _description(arn: str) -> str:
    return f"ELB {arn.partition(':loadbalancer/')[2]}"


def _make(elbv2: Any, balancer: Any) -> None:
    ec2: Any = ec2_backends[elbv2.account_id][elbv2.region_name]
    for subnet in balancer.subnets:
        ec2.create_network_interface(
            subnet,
            None,
            group_ids=list(balancer.security_groups or []),
            description=_description(balancer.arn),
        )


def _drop(elbv2: Any, arn: str) -> None:
    ec2 = ec2_backends[elbv2.account_id][elbv2.region_name]
    for eni in list(ec2.enis.values()):
        if eni.description == _description(arn):
            ec2.enis.pop(eni.id)
