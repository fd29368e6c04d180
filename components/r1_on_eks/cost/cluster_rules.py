"""How control planes and node groups are billed."""

from collections.abc import Sequence
from typing import Any

from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.cost.charges import (
    NOT_PRICED,
    UNKNOWN,
    Amount,
    Charge,
    Circumstances,
    NoCharge,
    always,
)
from r1_on_eks.cost.declared import Declared, Secret, Unknown
from r1_on_eks.cost.storage_rules import disk

_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
# `capacityType` of a node group → how the price book calls it.
WAYS = {"ON_DEMAND": "on-demand", "SPOT": "spot", "CAPACITY_BLOCK": "capacity block"}
# What EKS gives a node whose group says nothing (EKS API reference, CreateNodegroup diskSize).
_DEFAULT_DISK_GIB = 20


def control_plane(resource: Declared, now: Circumstances) -> list[Charge | NoCharge]:
    """Standard support, and extended support from the day on which the standard one ends."""
    version = resource.get("version")
    if not isinstance(version, str):
        return [NoCharge(UNKNOWN, f"version: {version or 'the newest of the day'}")]
    if version not in KUBERNETES_VERSIONS:
        return [NoCharge(NOT_PRICED, f"Kubernetes {version}: its support dates aren't known here")]
    ends = KUBERNETES_VERSIONS[version].standard_support_ends
    # The API's default (EKS API reference, UpgradePolicyRequest).
    stays = (resource.get("upgradePolicy", "supportType") or "EXTENDED") == "EXTENDED"
    over = now.day > ends
    support = "extended" if stays and over else "standard"
    if stays and not over:
        note = f"six times as much from the day after {ends}, in extended support"
    elif stays:
        note = f"standard support ended on {ends}; upgrading ends the surcharge"
    else:
        note = f"EKS upgrades it by itself after {ends}, and the price stays"
    return [
        Charge(
            service="EKS",
            what=f"control plane, {support} support",
            amount=always(1),
            told=f"control plane {version}, {support} support",
            note=note,
        )
    ]


def node_group(resource: Declared, now: Circumstances) -> list[Charge | NoCharge]:
    """Instances at least, as declared and at most, with their disks and addresses."""
    template = now.declared.source(resource, "launchTemplate", _TEMPLATE)
    type_ = instance_type(resource, template)
    nodes = _nodes(resource)
    if isinstance(nodes, NoCharge):
        return [nodes]
    if isinstance(type_, NoCharge):
        return [type_, *_disks(resource, template, nodes)]
    way = resource.get("capacityType") or "ON_DEMAND"
    if way not in WAYS:
        return [NoCharge(UNKNOWN, f"capacityType: {way}")]
    return [
        Charge(
            service="EC2",
            what=f"{type_} {WAYS[way]}",
            amount=nodes,
            told=f"{nodes.desired:g} × {type_}, {WAYS[way]}",
            note=_unused(template),
        ),
        *_disks(resource, template, nodes),
        *_addresses(template, nodes),
        *_warm(resource, type_, WAYS[way], template),
    ]


def instance_type(resource: Declared, template: Declared | None) -> str | NoCharge:
    """The first type, which EKS starts first; of a capacity block the launch template says it."""
    types = resource.get("instanceTypes")
    named = types[0] if isinstance(types, list) and types else types
    if named is None and template is not None:
        named = template.get("instanceType")
    if isinstance(named, str):
        return named
    if isinstance(named, Unknown | Secret):
        return NoCharge(UNKNOWN, f"instance type: {named}")
    if resource.get("launchTemplate") is not None and template is None:
        return NoCharge(UNKNOWN, "instance type: its launch template isn't told of")
    # EKS API reference, CreateNodegroup instanceTypes.
    return "t3.medium"


def _nodes(resource: Declared) -> Amount | NoCharge:
    sizes = [resource.get("scalingConfig", key) for key in ("minSize", "desiredSize", "maxSize")]
    for size in sizes:
        if not isinstance(size, int | float):
            return NoCharge(UNKNOWN, f"scalingConfig: {size or 'not said'}")
    least, desired, most = sizes
    # Whoever scales moves the desired number, the limits hold.
    return Amount(least, min(max(desired, least), most), most)


def _unused(template: Declared | None) -> str:
    reserved = template and template.get(
        "capacityReservationSpecification", "capacityReservationTarget", "capacityReservationId"
    )
    return (
        f"from reservation {reserved}, billed whether its instances run or not" if reserved else ""
    )


def _disks(
    resource: Declared, template: Declared | None, nodes: Amount
) -> Sequence[Charge | NoCharge]:
    mappings = template.get("blockDeviceMappings") if template else None
    if isinstance(mappings, list) and mappings:
        disks = [one.get("ebs") for one in mappings if isinstance(one, dict) and one.get("ebs")]
        return [charge for ebs in disks for charge in disk(_of_template(ebs), nodes)]
    if template is not None and isinstance(mappings, Unknown | Secret):
        return [NoCharge(UNKNOWN, f"disks: {mappings}")]
    if template is None and resource.get("launchTemplate") is not None:
        return [NoCharge(UNKNOWN, "disks: its launch template isn't told of")]
    size = resource.get("diskSize") or _DEFAULT_DISK_GIB
    return disk({"type": "gp3", "size": size}, nodes)


def _of_template(ebs: Any) -> dict[str, Any]:
    if not isinstance(ebs, dict):
        return {"size": ebs}
    # EC2 API reference, EbsBlockDevice: gp2 where nothing is said.
    return {
        "type": ebs.get("volumeType") or "gp2",
        "size": ebs.get("volumeSize"),
        "iops": ebs.get("iops"),
        "throughput": ebs.get("throughput"),
    }


def _addresses(template: Declared | None, nodes: Amount) -> list[Charge]:
    interfaces = template.get("networkInterfaces") if template else None
    public = [
        one
        for one in (interfaces if isinstance(interfaces, list) else ())
        if isinstance(one, dict) and str(one.get("associatePublicIpAddress")).lower() == "true"
    ]
    if not public:
        return []
    return [Charge(service="VPC", what="public IPv4 address", amount=nodes * len(public))]


def _warm(
    resource: Declared, type_: str, way: str, template: Declared | None
) -> list[Charge | NoCharge]:
    """Instances that stand by: running ones cost all, stopped ones their disks."""
    pool = resource.get("warmPoolConfig")
    if not isinstance(pool, dict):
        return []
    least, most = pool.get("minSize") or 0, pool.get("maxGroupPreparedCapacity")
    if not isinstance(least, int | float):
        return [NoCharge(UNKNOWN, f"warmPoolConfig: {least}")]
    standing = Amount(least, least, most if isinstance(most, int | float) and most > 0 else least)
    charges = list(_disks(resource, template, standing))
    if pool.get("poolState") == "RUNNING":
        charges.insert(0, Charge(service="EC2", what=f"{type_} {way}", amount=standing,
                                 told=f"{least:g} × {type_} standing by"))  # fmt: skip
    return charges
