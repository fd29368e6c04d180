"""Experiments that need an account and no stack."""

from datetime import datetime, timedelta

from r1_on_eks.catalog.images import every_image
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.price_book import price_book
from r1_on_eks.catalog.prices import on_demand
from r1_on_eks.cost.price_refresh import renewed
from r1_on_eks.operations.account import FAILURES, code_of
from r1_on_eks.operations.advice import lacks_capacity
from r1_on_eks.operations.evidence.experiment import (
    ACCOUNT,
    Bench,
    Experiment,
    NotNow,
    Outcome,
    judged,
)
from r1_on_eks.operations.readiness.checks import CHECKS, check
from r1_on_eks.operations.readiness.finding import Standing
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.pinning import web
from r1_on_eks.pinning.lookups import LookupFailed
from r1_on_eks.plan.names import STACK_TAG
from r1_on_eks.plan.pools import Pool
from r1_on_eks.plan.purchase import ON_DEMAND

# EC2 bills by the second, a minute at least; cancelling takes another.
_HELD_HOURS = 2 / 60
_PATIENCE_S = 60.0
_IMAGE = (
    "/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/x86_64/nvidia/recommended/image_id"
)


def _prices(bench: Bench) -> Outcome:
    ground = bench.ground
    session = ground.account.session
    found = renewed(price_book(), [ground.config.region], session.client, today=ground.now.date())
    moved = [
        f"{now.what} {was.usd:g} → {now.usd:g}"
        for was, now in found.renewed
        if was is not None and abs(was.usd - now.usd) > was.usd * 0.001
    ]
    refused = [f"{' '.join(one.key)}: {one.why}" for one in found.refused]
    told = f"{len(found.renewed)} prices read, {len(moved)} others than written"
    seen = "; ".join([told, *moved, *(f"refused {line}" for line in refused)])
    return judged(not refused and not moved, seen)


def _readiness(bench: Bench) -> Outcome:
    findings = check(bench.ground, CHECKS, seconds=_PATIENCE_S)
    lines = [f"{one.standing} {one.subject}: {one.found}" for one in findings]
    lacking = any(one.standing is Standing.LACKING for one in findings)
    return judged(not lacking, "; ".join(lines))


def _images(bench: Bench) -> Outcome:
    seen, lost = [], []
    for image in every_image():
        try:
            digest = web.digest_of(image)
        except LookupFailed as failure:
            lost.append(f"{image}: {failure}")
            continue
        pinned = bench.ground.pinned.images.get(image)
        seen.append(f"{image} {digest}")
        if pinned not in (None, digest):
            lost.append(f"{image} is pinned as {pinned}")
    return judged(not lost, "; ".join([*lost, *seen]))


def _dry_run(bench: Bench) -> Outcome:
    """Asks RunInstances of each type and purchase; AWS checks permission and parameters only."""
    ground = bench.ground
    ec2 = ground.account.client("ec2")
    image = ground.account.client("ssm").get_parameter(
        Name=_IMAGE.format(version=ground.plan.kubernetes)
    )["Parameter"]["Value"]
    told = []
    for kind in sorted({pool.instance_type for pool in ground.plan.gpu_pools}):
        try:
            ec2.run_instances(
                ImageId=image, InstanceType=kind, MinCount=1, MaxCount=1, DryRun=True,
                Placement={"AvailabilityZone": ground.plan.gpu_zone},
            )  # fmt: skip
        except FAILURES as error:
            told.append(f"{kind}: {code_of(error) or error}")
    wrong = [line for line in told if not line.endswith(": DryRunOperation")]
    return judged(not wrong, "; ".join(told))


def _scarce(ground: Ground) -> list[Pool]:
    return [
        pool for pool in ground.plan.gpu_pools if pool.nodes and pool.purchase.way == ON_DEMAND
    ]


def _capacity(bench: Bench) -> Outcome:
    """Reserves what the plan needs, and gives it back at once: nothing less is an answer."""
    ground = bench.ground
    pools = _scarce(ground)
    if not pools:
        raise NotNow("no pool of the stack is bought on demand")
    told, good = [], True
    for pool in pools:
        try:
            reservation = _reserved(ground, pool)
        except FAILURES as error:
            code = code_of(error)
            # What else AWS refuses says nothing of its capacity.
            if not lacks_capacity(code) and "LimitExceeded" not in code:
                raise
            told.append(f"{pool.nodes} × {pool.instance_type}: {code}")
            good = False
            continue
        told.append(f"{pool.nodes} × {pool.instance_type} in {ground.plan.gpu_zone}: had")
        if kept := _not_given_back(ground, reservation):
            told.append(kept)
            good = False
    return judged(good, "; ".join(told))


def _reserved(ground: Ground, pool: Pool) -> str:
    tags = [{"Key": STACK_TAG, "Value": ground.stack}]
    answer = ground.account.client("ec2").create_capacity_reservation(
        InstanceType=pool.instance_type,
        InstancePlatform="Linux/UNIX",
        AvailabilityZone=ground.plan.gpu_zone,
        InstanceCount=pool.nodes,
        InstanceMatchCriteria="targeted",
        EndDateType="limited",
        # Should it not be given back, it ends by itself.
        EndDate=_soon(ground),
        TagSpecifications=[{"ResourceType": "capacity-reservation", "Tags": tags}],
    )
    return answer["CapacityReservation"]["CapacityReservationId"]


def _soon(ground: Ground) -> datetime:
    return ground.now + timedelta(hours=1, minutes=5)


def _not_given_back(ground: Ground, reservation: str) -> str | None:
    try:
        ground.account.client("ec2").cancel_capacity_reservation(CapacityReservationId=reservation)
    except FAILURES as error:
        return (
            f"NOT GIVEN BACK ({code_of(error)}), it is paid until it ends in an hour: aws ec2"
            f" cancel-capacity-reservation --capacity-reservation-id {reservation}"
            f" --region {ground.config.region}"
        )
    return None


def _capacity_usd(ground: Ground) -> float | None:
    total = 0.0
    for pool in _scarce(ground):
        price = on_demand(INSTANCE_TYPES[pool.instance_type], ground.config.region)
        if price is None:
            return None
        total += price * pool.nodes * _HELD_HOURS
    return total


ON_ACCOUNT = (
    Experiment(
        name="readiness",
        claims=("quotas, permissions of your own role, service control policies",),
        needs=ACCOUNT,
        steps="r1 check STACK",
        expected="no line ✗",
        run=_readiness,
    ),
    Experiment(
        name="prices",
        claims=(
            "the selectors of `r1 prices refresh`",
            "prices of three of the fsx speeds are remembered",
            "about $0.01 an hour each, as remembered",
            "gb-month, as remembered",
        ),
        needs=ACCOUNT,
        steps="pricing GetProducts, ec2 DescribeCapacityBlockOfferings and"
        " DescribeSpotPriceHistory, savingsplans DescribeSavingsPlansOfferingRates for each price"
        " of the Region in the book (r1 prices refresh writes them)",
        expected="exactly one offer for each selector, at the price of the book",
        run=_prices,
    ),
    Experiment(
        name="images",
        claims=(
            "the tag of vllm's image for processors was not looked up",
            "the image: its tag was not looked up",
            "the image, whose tag was read for eks's own registry and not for the public one",
            "the image itself",
            "the image",
        ),
        needs=ACCOUNT,
        steps="HEAD /v2/NAME/manifests/TAG at each registry (r1 pins refresh writes the digests)",
        expected="a digest for every image; the pinned one where it is pinned",
        run=_images,
    ),
    Experiment(
        name="launch",
        claims=("quotas, permissions of your own role, service control policies",),
        needs=ACCOUNT,
        steps="ec2 RunInstances with DryRun=true of each GPU type in its zone",
        expected="DryRunOperation: it would have been done",
        run=_dry_run,
    ),
    Experiment(
        name="capacity",
        claims=("capacity: whether a p4d can be had today",),
        needs=ACCOUNT,
        steps="ec2 CreateCapacityReservation of what the plan buys on demand, in its zone, then"
        " CancelCapacityReservation at once",
        expected="the reservation is made: AWS has the instances now",
        run=_capacity,
        usd=_capacity_usd,
    ),
)
