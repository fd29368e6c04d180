"""Whether AWS has the instances now: reservations, capacity blocks, spot."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.prices import purchases
from r1_on_eks.operations.account import FAILURES, Account
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.refusals import refused
from r1_on_eks.plan.pools import Pool
from r1_on_eks.plan.purchase import CAPACITY_BLOCK, ON_DEMAND, RESERVATION, SPOT, sold_as_block

PERMISSIONS = (
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeCapacityBlockOfferings",
    "ec2:GetSpotPlacementScores",
)
# The shortest that is sold, and how far ahead one may be bought (EC2 user guide,
# ec2-capacity-blocks, 2026-11).
_BLOCK_HOURS = 24
_AHEAD = timedelta(weeks=8)


def reservation_findings(
    pool: Pool, zone: str, found: Sequence[Mapping[str, Any]], now: datetime
) -> list[Finding]:
    """Whether a pool's reservation is its own, in its zone, and large enough.

    Args:
        pool: Bought from a reservation.
        zone: Of its nodes.
        found: As DescribeCapacityReservations shows it; empty where there is none.
        now: The time.
    """
    wanted = pool.purchase.reservation_id
    subject = f"capacity {pool.name}"
    key = "capacity_block" if pool.purchase.way == CAPACITY_BLOCK else "reservation"
    fix = f"purchase: {{{key}: cr-…}} with another one"
    if not found:
        return [lacking(subject, f"{wanted} is no reservation of this account and Region", fix)]
    one = found[0]
    wrong = []
    if one["InstanceType"] != pool.instance_type:
        wrong.append(f"it is of {one['InstanceType']}, not {pool.instance_type}")
    if one["AvailabilityZone"] != zone:
        wrong.append(f"it is in {one['AvailabilityZone']}, not {zone}: gpu_zone has to follow it")
    if one["State"] in ("expired", "cancelled", "failed", "payment-failed"):
        wrong.append(f"it is {one['State']}")
    if one["TotalInstanceCount"] < pool.most:
        wrong.append(f"it has {one['TotalInstanceCount']} instances, {pool.most} are needed")
    if wrong:
        return [lacking(subject, f"{wanted}: {'; '.join(wrong)}", fix)]
    until = f", until {one['EndDate']:%Y-%m-%d %H:%M} UTC" if one.get("EndDate") else ""
    if one["State"] != "active":
        begins = (
            f" and begins {one['StartDate']:%Y-%m-%d %H:%M} UTC" if one.get("StartDate") else ""
        )
        return [
            unknown(subject, f"{wanted} is {one['State']}{begins}{until}",
                    "pulumi up when it is active")
        ]  # fmt: skip
    if one.get("EndDate") and one["EndDate"] - now < timedelta(hours=1):
        return [lacking(subject, f"{wanted} ends within the hour{until}", fix)]
    free = f"{one['AvailableInstanceCount']} of {one['TotalInstanceCount']} instances free"
    return [ready(subject, f"{wanted}: {free}{until}")]


def block_finding(
    pool: Pool, zone: str, region: str, offers: Sequence[Mapping[str, Any]]
) -> Finding:
    """What a scarce type costs where it is sure, since on demand nobody knows before.

    Args:
        pool: On demand.
        zone: Of its nodes.
        region: Of the stack.
        offers: As DescribeCapacityBlockOfferings shows them.
    """
    subject = f"capacity {pool.name}"
    unlikely = f"whether AWS has {pool.most} × {pool.instance_type} on demand, nobody knows before"
    ask = (
        f"aws ec2 describe-capacity-block-offerings --instance-type {pool.instance_type}"
        f" --instance-count {pool.most} --capacity-duration-hours {_BLOCK_HOURS} --region {region}"
    )
    if not offers:
        weeks = _AHEAD.days // 7
        told = f"no capacity block of {_BLOCK_HOURS} h is offered within {weeks} weeks"
        return unknown(
            subject, f"{unlikely}; {told}", f"{ask}  # another zone or Region, or later"
        )
    first = min(offers, key=lambda one: one["StartDate"])
    hours = first["CapacityBlockDurationHours"] * first["InstanceCount"]
    rate = float(first["UpfrontFee"]) / hours
    where = first["AvailabilityZone"]
    moved = "" if where == zone else f" (then gpu_zone: {where})"
    return unknown(
        subject,
        f"{unlikely}; a capacity block of {_BLOCK_HOURS} h is offered in {where}{moved} from"
        f" {first['StartDate']:%Y-%m-%d %H:%M} UTC for ${float(first['UpfrontFee']):,.2f} in"
        f" advance (${rate:.2f} an instance hour)",
        f"aws ec2 purchase-capacity-block --capacity-block-offering-id"
        f" {first['CapacityBlockOfferingId']} --instance-platform Linux/UNIX --region {region}"
        "  # can't be given back; then purchase: {capacity_block: cr-…}",
    )


def not_on_demand(pool: Pool, region: str) -> Finding | None:
    """That a type is sold as capacity block alone, as far as the price book knows."""
    row = INSTANCE_TYPES[pool.instance_type]
    if row.on_demand_usd_per_hour is not None or not sold_as_block(pool.instance_type):
        return None
    seen = [way for way in purchases(pool.instance_type, [region]) if way.way == CAPACITY_BLOCK]
    price = f" (${seen[0].high:.2f} an hour, {seen[0].seen})" if seen else ""
    return lacking(
        f"capacity {pool.name}",
        f"{pool.instance_type} has no on-demand price: it is sold as capacity block{price}",
        "purchase: {capacity_block: cr-…}, or another instance",
    )


def spot_finding(pool: Pool, zone_id: str | None, scores: Sequence[Mapping[str, Any]]) -> Finding:
    """How likely a spot request is to be served, by zone.

    The score of one single type is always low (EC2 API reference, GetSpotPlacementScores): it
    compares zones, and refuses nothing.

    Args:
        pool: Bought as spot.
        zone_id: Of its zone, `usw2-az1`; None where nobody looked it up.
        scores: As GetSpotPlacementScores shows them.
    """
    subject = f"capacity {pool.name}"
    if not scores:
        return unknown(subject, f"AWS scores no zone for spot {pool.instance_type}")
    by_zone = {one.get("AvailabilityZoneId", "?"): one["Score"] for one in scores}
    best = max(by_zone, key=lambda one: by_zone[one])
    told = ", ".join(f"{zone} {score}" for zone, score in sorted(by_zone.items()))
    here = by_zone.get(zone_id or "")
    fix = "" if here == by_zone[best] else f"gpu_zone with the id {best} is likelier"
    return unknown(
        subject,
        f"spot placement score of 10 for {pool.most} × {pool.instance_type}: {told}; of a single"
        " type it is always low, and only compares zones",
        fix,
    )


def capacity(ground: Ground) -> Iterable[Finding]:
    """Asks what fits each pool's purchase; nothing of on-demand types that are not scarce."""
    plan = ground.plan
    for pool in plan.gpu_pools:
        try:
            yield from _of_pool(ground, pool)
        except FAILURES as error:
            yield refused(f"capacity {pool.name}", error, PERMISSIONS)


def _of_pool(ground: Ground, pool: Pool) -> Iterable[Finding]:
    account, zone, now = ground.account, ground.plan.gpu_zone, ground.now
    way = pool.purchase.way
    if way in (CAPACITY_BLOCK, RESERVATION):
        yield from reservation_findings(pool, zone, _reservation(account, pool), now)
    elif way == SPOT:
        seen = ground.pinned.regions.get(account.region)
        zone_id = seen.zones.get(zone) if seen else None
        yield spot_finding(pool, zone_id, _scores(account, pool))
    elif way == ON_DEMAND and (alone := not_on_demand(pool, account.region)):
        yield alone
    elif INSTANCE_TYPES[pool.instance_type].scarce:
        yield block_finding(pool, zone, account.region, _offers(account, pool, now))


def _reservation(account: Account, pool: Pool) -> list[Mapping[str, Any]]:
    # All of them: to ask for an id that does not exist is an error.
    return [
        one
        for one in account.listed("ec2", "describe_capacity_reservations", "CapacityReservations")
        if one["CapacityReservationId"] == pool.purchase.reservation_id
    ]


def _scores(account: Account, pool: Pool) -> list[Mapping[str, Any]]:
    answer = account.client("ec2").get_spot_placement_scores(
        InstanceTypes=[pool.instance_type],
        TargetCapacity=pool.most,
        SingleAvailabilityZone=True,
        RegionNames=[account.region],
    )
    return answer["SpotPlacementScores"]


def _offers(account: Account, pool: Pool, now: datetime) -> list[Mapping[str, Any]]:
    answer = account.client("ec2").describe_capacity_block_offerings(
        InstanceType=pool.instance_type,
        InstanceCount=pool.most,
        CapacityDurationHours=_BLOCK_HOURS,
        StartDateRange=now,
        EndDateRange=now + _AHEAD,
    )
    return [
        one
        for one in answer["CapacityBlockOfferings"]
        if one.get("CurrencyCode", "USD") == "USD" and "UpfrontFee" in one
    ]
