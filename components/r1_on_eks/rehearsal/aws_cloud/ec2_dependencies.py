"""What EC2 refuses to delete while something still uses it.

moto lets subnets, security groups, gateways and addresses go that are in use, and leaves a NAT
gateway's interface and address behind. Each function here wraps one of moto's.
Source: EC2 API reference, error codes DependencyViolation and InvalidIPAddress.InUse.
"""

from collections.abc import Callable, Iterator
from typing import Any

from moto.ec2.exceptions import DependencyViolationError

from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError

_Method = Callable[..., Any]


def interfaces_in_subnet(ec2: Any, subnet_id: str) -> list[str]:
    """The ids of the network interfaces in one subnet."""
    return [eni.id for eni in list(ec2.enis.values()) if eni.subnet.id == subnet_id]


def delete_subnet(original: _Method) -> _Method:
    """Refuses while interfaces are in the subnet; then frees its route table."""

    def refusing(self: Any, subnet_id: str) -> Any:
        if interfaces_in_subnet(self, subnet_id) or _instances_in(self, subnet_id):
            raise DependencyViolationError(
                f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
            )
        deleted = original(self, subnet_id)
        for table in self.route_tables.values():
            for association, subnet in list(table._associations.items()):
                if subnet == subnet_id:
                    del table._associations[association]
        return deleted

    return refusing


def delete_security_group(original: _Method) -> _Method:
    """Refuses while an interface has the group or another group's rule names it."""

    def refusing(self: Any, name: str | None = None, group_id: str | None = None) -> Any:
        group = self.get_security_group_by_name_or_id(group_id or name)
        if group is not None:
            by = [*_interfaces_with(self, group.id), *_groups_naming(self, group.id)]
            if by:
                raise DependencyViolationError(
                    f"resource {group.id} has a dependent object ({', '.join(by)})"
                )
        return original(self, name, group_id)

    return refusing


def delete_vpc(original: _Method) -> _Method:
    """Refuses while gateways, groups, interfaces or endpoints are left in the VPC."""

    def refusing(self: Any, vpc_id: str) -> Any:
        left = [
            *(gw.id for gw in self.internet_gateways.values() if gw.vpc and gw.vpc.id == vpc_id),
            *(
                group.id
                for group in self.groups.get(vpc_id, {}).values()
                if group.name != "default"
            ),
            *(eni.id for eni in self.enis.values() if eni.subnet.vpc_id == vpc_id),
            *(
                endpoint.id
                for endpoint in self.vpc_end_points.values()
                if endpoint.vpc_id == vpc_id and endpoint.state != "deleted"
            ),
        ]
        if left:
            raise DependencyViolationError(
                f"The vpc '{vpc_id}' has dependencies and cannot be deleted: {', '.join(left)}"
            )
        return original(self, vpc_id)

    return refusing


def detach_internet_gateway(original: _Method) -> _Method:
    """Refuses while public addresses are mapped in the VPC."""

    def refusing(self: Any, internet_gateway_id: str, vpc_id: str) -> Any:
        mapped = [
            address.public_ip
            for address in self.addresses
            if address.eni is not None and address.eni.subnet.vpc_id == vpc_id
        ]
        if mapped:
            raise DependencyViolationError(
                f"Network {vpc_id} has some mapped public address(es) ({', '.join(mapped)}). "
                "Please unmap those public address(es) before detaching the gateway."
            )
        return original(self, internet_gateway_id, vpc_id)

    return refusing


def release_address(original: _Method) -> _Method:
    """Refuses while the address is associated; moto silently takes it away."""

    def refusing(self: Any, address: str | None = None, allocation_id: str | None = None) -> Any:
        for known in self.addresses:
            wanted = known.allocation_id == allocation_id or known.public_ip == address
            if wanted and (known.eni is not None or known.instance is not None):
                raise AwsError("InvalidIPAddress.InUse", f"Address {known.public_ip} is in use.")
        return original(self, address, allocation_id)

    return refusing


def delete_nat_gateway(original: _Method) -> _Method:
    """Gives back the gateway's address and interface."""

    def thorough(self: Any, nat_gateway_id: str) -> Any:
        gateway = self.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise AwsError("NatGatewayNotFound", f"NAT gateway {nat_gateway_id} was not found")
        for address in self.addresses:
            if address.eni is not None and address.eni.id == gateway._eni.id:
                self.disassociate_address(address=address.public_ip)
                address.eni = None
        self.enis.pop(gateway._eni.id, None)
        return original(self, nat_gateway_id)

    return thorough


def terminate(original: _Method) -> _Method:
    """Ends the interface that was made with the instance, as EC2 does unless told otherwise."""

    def thorough(self: Any) -> Any:
        for interface in self.nics.values():
            if interface.description == "Primary network interface":
                interface.delete_on_termination = True
        return original(self)

    return thorough


def _instances_in(ec2: Any, subnet_id: str) -> list[str]:
    return [
        instance.id
        for reservation in ec2.reservations.values()
        for instance in reservation.instances
        if instance.subnet_id == subnet_id and instance.state != "terminated"
    ]


def _interfaces_with(ec2: Any, group_id: str) -> Iterator[str]:
    for eni in list(ec2.enis.values()):
        if group_id in [group.id for group in eni.group_set]:
            yield eni.id


def _groups_naming(ec2: Any, group_id: str) -> Iterator[str]:
    for groups in ec2.groups.values():
        for other in groups.values():
            rules = [*other.ingress_rules, *other.egress_rules]
            if other.id != group_id and any(
                (rule.source_group or {}).get("GroupId") == group_id for rule in rules
            ):
                yield other.id
