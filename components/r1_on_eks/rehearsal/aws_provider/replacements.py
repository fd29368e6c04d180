"""Changes that replace a resource in one direction or one case only.

Each function takes old and new inputs and names those that the official provider then forces a
new resource for (CustomizeDiff or ModifyPlan in the file that the row cites).
"""

from collections.abc import Iterator

from r1_on_eks.rehearsal.aws_provider.row import Values
from r1_on_eks.rehearsal.property_values import UNKNOWN, contains_unknown

_SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")


def tenancy(old: Values, new: Values) -> Iterator[str]:
    """A VPC goes from dedicated to default tenancy in place, and no other way."""
    before = old.get("instanceTenancy") or "default"
    after = new.get("instanceTenancy") or "default"
    if before != after and (before, after) != ("dedicated", "default"):
        yield "instanceTenancy"


def private_dns(old: Values, new: Values) -> Iterator[str]:  # noqa: ARG001
    """Only interface endpoints change their private DNS in place."""
    if (new.get("vpcEndpointType") or "Gateway") != "Interface":
        yield "privateDnsEnabled"


def other_source(old: Values, new: Values) -> Iterator[str]:
    """A rule keeps the kind of its source; an address range becomes no security group."""
    before, after = _sources(old), _sources(new)
    if before != after:
        yield from sorted(before | after)


def lustre_shrinks(old: Values, new: Values) -> Iterator[str]:
    """A file system grows in place; it never shrinks, and SCRATCH_1 doesn't grow either."""
    before, after = old.get("storageCapacity"), new.get("storageCapacity")
    if before is None or after is None or UNKNOWN in (before, after):
        return
    if after < before or (new.get("deploymentType") or "SCRATCH_1") == "SCRATCH_1":
        yield "storageCapacity"


def alias_removed(old: Values, new: Values) -> Iterator[str]:
    """A workspace takes another alias in place, and never none again."""
    if old.get("alias") and not new.get("alias"):
        yield "alias"


def network_balancer(old: Values, new: Values) -> Iterator[str]:
    """A network load balancer loses no subnet, and neither gets nor loses its last group."""
    if new.get("loadBalancerType") != "network":
        return
    before, after = old.get("subnets"), new.get("subnets")
    if before and after and not contains_unknown(after) and len(after) <= len(before):
        yield "subnets"
    before, after = old.get("subnetMappings") or [], new.get("subnetMappings") or []
    if not contains_unknown(after) and any(one not in after for one in before):
        yield "subnetMappings"
    before, after = old.get("securityGroups") or [], new.get("securityGroups") or []
    if not contains_unknown(after) and bool(before) != bool(after):
        yield "securityGroups"


def _sources(inputs: Values) -> set[str]:
    return {key for key in _SOURCES if inputs.get(key) is not None}
