"""Zones: whether the account has them, what they offer, and where no control plane may be."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from r1_on_eks.catalog.zones import WITHOUT_CONTROL_PLANE
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.plan import Plan

ZONES = "zones"
PERMISSIONS = (
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstanceTypeOfferings",
)


def zone_findings(plan: Plan, zones: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Whether the zones of a plan exist in this account, and take what is planned in them.

    Args:
        plan: Of the stack.
        zones: As DescribeAvailabilityZones shows them.
    """
    seen = {one["ZoneName"]: one for one in zones}
    found = []
    for zone in plan.zones.network:
        if zone not in seen:
            told = ", ".join(sorted(seen)) or "none"
            found.append(
                lacking(f"zone {zone}", f"this account has no {zone}; it has {told}",
                        "correct zones and gpu_zone in the stack's file")
            )  # fmt: skip
        elif seen[zone].get("State", "available") != "available":
            found.append(
                lacking(f"zone {zone}", f"AWS calls it {seen[zone]['State']}",
                        "take another zone until it is available")
            )  # fmt: skip
        elif zone in plan.zones.control_plane and seen[zone]["ZoneId"] in WITHOUT_CONTROL_PLANE:
            found.append(
                lacking(
                    f"zone {zone}",
                    f"it is {seen[zone]['ZoneId']} here, where EKS has no control plane",
                    f"r1 pins refresh {plan.stack}  # leaves it out of the control plane; or name"
                    " another zone",
                )
            )
    if not found:
        told = ", ".join(f"{zone} ({seen[zone]['ZoneId']})" for zone in plan.zones.network)
        found.append(ready(ZONES, told))
    return found


def offer_findings(plan: Plan, offers: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Whether the zones sell what is put in them.

    Args:
        plan: Of the stack.
        offers: As DescribeInstanceTypeOfferings shows them, by zone.
    """
    sold: dict[str, set[str]] = {}
    for one in offers:
        sold.setdefault(one["InstanceType"], set()).add(one["Location"])
    wanted: dict[str, tuple[str, ...]] = {
        pool.instance_type: (plan.gpu_zone,) for pool in plan.gpu_pools
    }
    wanted.setdefault(plan.system_pool.instance_type, plan.zones.network)
    found = []
    for kind, zones in wanted.items():
        missing = [zone for zone in zones if zone not in sold.get(kind, ())]
        if not missing:
            found.append(ready(f"offer {kind}", f"sold in {', '.join(zones)}"))
            continue
        others = sorted(sold.get(kind, ()))
        where = f"sold in {', '.join(others)}" if others else f"no zone of {plan.region} sells it"
        key = "gpu_zone" if zones == (plan.gpu_zone,) else "zones"
        fix = f"{key}: {others[0]} in the stack's file" if others else "another region or instance"
        told = f"{', '.join(missing)} has none; {where}"
        found.append(lacking(f"offer {kind}", told, fix))
    return found


def zones(ground: Ground) -> Iterable[Finding]:
    """Asks EC2 for the zones of the account."""
    answer = ground.account.client("ec2").describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}]
    )
    return zone_findings(ground.plan, answer["AvailabilityZones"])


def offers(ground: Ground) -> Iterable[Finding]:
    """Asks EC2 what they sell."""
    plan = ground.plan
    types = sorted({pool.instance_type for pool in (plan.system_pool, *plan.gpu_pools)})
    listed = ground.account.listed(
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": types}],
    )
    return offer_findings(plan, list(listed))
