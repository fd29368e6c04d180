"""Bills against bills worked out by hand, and what each kind of resource is billed for."""

import csv
import dataclasses
import math
from datetime import date
from pathlib import Path

import pytest
from r1_on_eks.catalog.price_book import READ, Price, PriceBook, price_book
from r1_on_eks.cost.bill import Terms, bill_of
from r1_on_eks.cost.declared import SECRET, Declaration, Declared, Unknown
from r1_on_eks.cost.rules import rule_of
from r1_on_eks.cost.trees import Declaring
from r1_on_eks.stack_config import Usage
from r1_on_eks.stack_file import stack_names

PROJECT = Path(__file__).parent.parent
DAY = date(2026, 11, 25)
HOURS = 730
# By hand from the stack files and their placements: what stands in each, all in us-west-2.
# Two m7i.large with 50 GiB, one NAT gateway with its address, one network load balancer, one key,
# two log groups, and the control plane are in every one.
EVERYWHERE = [
    (1 * HOURS, "EKS", "control plane, standard support"),
    (2 * HOURS, "EC2", "m7i.large on-demand"),
    (2 * 50, "EBS", "gp3 storage"),
    (1 * HOURS, "VPC", "NAT gateway"),
    (100, "VPC", "NAT gateway traffic"),
    (1 * HOURS, "VPC", "public IPv4 address"),
    (1 * HOURS, "ELB", "network load balancer"),
    (0.1 * HOURS, "ELB", "network load balancer unit"),
    (2 * 20, "VPC", "traffic between zones, each way"),
    (10, "CloudWatch", "logs, taken in"),
    (1, "KMS", "key"),
    (1, "KMS", "10,000 requests"),
]
NODES = {
    "all-variants": ["g6.xlarge", "g6e.xlarge", "p4de.24xlarge", "p5en.48xlarge"],
    "edge-1.5b": ["g6.xlarge"],
    "edge-1.5b-cpu": ["m7i.2xlarge"],
    "enterprise": ["p4d.24xlarge"],
    "office-7b": ["g6.2xlarge"] * 4,
    "prod-32b": ["g6e.12xlarge"],
    "prod-671b": ["p5en.48xlarge"],
    "prod-671b-p4d": ["p4d.24xlarge"] * 4,
    "prod-671b-p5": ["p5.48xlarge"] * 2,
    "prod-70b": ["p4d.24xlarge"],
    "startup-14b": ["g7e.2xlarge", "g7e.2xlarge"],
    "test-7b": ["g6.2xlarge"],
}
# Logs of what isn't there to stay are kept a month, else a year.
TRIALS = {"all-variants", "test-7b"}
DISK = {"edge-1.5b-cpu": 200}
LUSTRE = {
    "all-variants": (1200, 1000), "enterprise": (1200, 1000), "prod-32b": (1200, 125),
    "prod-671b": (1200, 1000), "prod-671b-p4d": (1200, 1000), "prod-671b-p5": (1200, 1000),
    "prod-70b": (1200, 250),
}  # fmt: skip


def by_hand(stack):
    """Dollars a month, from the rows of the price book as they lie there."""
    with (PROJECT / "components/r1_on_eks/catalog/price_book.csv").open() as file:
        usd = {
            (row["service"], row["what"]): float(row["usd"])
            for row in csv.DictReader(file)
            if row["region"] == "us-west-2"
        }
    items = [*EVERYWHERE]
    items.append((10 * (30 if stack in TRIALS else 365) / 30, "CloudWatch", "logs, kept"))
    for instance in NODES[stack]:
        disk = DISK.get(stack, 100)
        items += [(HOURS, "EC2", f"{instance} on-demand"), (disk, "EBS", "gp3 storage")]
    if stack in LUSTRE:
        gib, mbps = LUSTRE[stack]
        items.append((gib, "FSx", f"Lustre PERSISTENT_2 SSD {mbps}"))
    if stack == "prod-70b":
        # Monitored: four figures of its file system every five minutes.
        items.append((4 * 12 * HOURS / 1000, "CloudWatch", "1,000 figures that are asked for"))
    return math.fsum(amount * usd[service, what] for amount, service, what in items)


@pytest.fixture(scope="module")
def bills():
    declared = Declaring(PROJECT, stack_names(PROJECT / "stacks")).declarations()
    return {stack: bill_of(one, Terms(day=DAY)) for stack, one in declared.items()}


@pytest.mark.parametrize("stack", NODES)
def test_the_bill_of_a_stack_is_the_one_worked_out_by_hand_to_the_cent(bills, stack):
    assert bills[stack].monthly.desired == pytest.approx(by_hand(stack), abs=1e-6)


def test_every_stack_file_was_worked_out_by_hand():
    assert sorted(NODES) == stack_names(PROJECT / "stacks")


def test_three_bills_typed_from_public_monthly_figures_agree(bills):
    """AWS's and others' pages: p4d $16,029, p5en $46,206, g6.2xlarge $714, EKS $73, NAT $32.85."""

    def of(stack, *services):
        return sum(
            line.monthly.desired
            for line in bills[stack].lines
            if line.price.service in services and line.name != "system" and not line.assumed
        )

    assert of("prod-70b", "EC2") == pytest.approx(16029, abs=1)
    assert of("prod-671b", "EC2") == pytest.approx(46206, abs=1)
    # g6.2xlarge at $0.9776: vantage.sh's month of it.
    assert of("test-7b", "EC2") == pytest.approx(713.65, abs=0.01)
    for stack in ("prod-70b", "prod-671b", "test-7b"):
        assert of(stack, "EKS") == pytest.approx(73)
        # The gateway's 32.85, and 3.65 of its address.
        assert of(stack, "VPC") == pytest.approx(32.85 + 3.65)
    assert of("prod-70b", "FSx") == pytest.approx(1200 * 0.21)


def test_no_stack_has_a_gap_and_every_type_is_in_the_table(bills):
    for stack, bill in bills.items():
        assert bill.gaps == (), stack
    declared = Declaring(PROJECT, [*bills]).declarations()
    types = {one.type for each in declared.values() for one in each if one.custom}
    assert len(types) > 30
    assert [one for one in types if rule_of(one) is None] == []


def test_a_bill_adds_up_in_every_direction(bills):
    for bill in bills.values():
        month = bill.monthly
        assert month.least <= month.desired <= month.most
        for key in (lambda x: x.component, lambda x: x.variant, lambda x: x.price.service):
            assert sum(one.desired for one in bill.by(key).values()) == pytest.approx(
                month.desired
            )
        assert sum(bill.standings.values()) == pytest.approx(month.desired)
        assert bill.hourly.desired == pytest.approx(month.desired / HOURS)


def test_what_is_reserved_costs_nothing_now_and_its_nodes_at_most(bills):
    (line,) = (one for one in bills["enterprise"].lines if "p5en" in one.told)
    assert line.monthly.desired == 0
    assert line.monthly.most == pytest.approx(63.296 * HOURS)
    assert line.variant == "671b"


# One resource at a time.
ACCOUNT = Declared(urn="a::account", type="pulumi:providers:aws", inputs={"region": "us-east-1"})


def one(type_, needs=None, others=(), day=DAY, usage=None, book=None, **inputs):
    resource = Declared(
        urn=f"s::p::{type_}::it", type=type_, inputs=inputs, provider=ACCOUNT.urn,
        needs=needs or {},
    )  # fmt: skip
    all_ = {each.urn: each for each in (ACCOUNT, resource, *others)}
    terms = Terms(day=day, usage=usage or Usage(), **({"book": book} if book else {}))
    return bill_of(Declaration(all_), terms)


def group(**inputs):
    sizes = {"minSize": 0, "desiredSize": 1, "maxSize": 3}
    return one("aws:eks/nodeGroup:NodeGroup", scalingConfig=sizes, **inputs)


def template(**inputs):
    return Declared(
        urn="s::p::aws:ec2/launchTemplate:LaunchTemplate::t",
        type="aws:ec2/launchTemplate:LaunchTemplate",
        inputs=inputs,
    )


def from_template(*, told=True, sizes=(0, 1, 3), **inputs):
    launch = template(**inputs)
    return one(
        "aws:eks/nodeGroup:NodeGroup",
        needs={"launchTemplate": (launch.urn,)},
        others=[launch] if told else [],
        launchTemplate={"id": Unknown((launch.urn,))},
        scalingConfig=dict(zip(("minSize", "desiredSize", "maxSize"), sizes, strict=True)),
        capacityType="CAPACITY_BLOCK",
    )


def test_a_node_group_costs_its_least_its_wanted_and_its_most_nodes():
    bill = group(instanceTypes=["p5.48xlarge"])
    nodes = bill.lines[0].monthly
    assert (nodes.least, nodes.desired, nodes.most) == pytest.approx(
        (0, 55.04 * HOURS, 3 * 55.04 * HOURS)
    )


@pytest.mark.parametrize(
    ("way", "usd"), [("ON_DEMAND", 55.04), ("SPOT", 20.784), ("CAPACITY_BLOCK", 47.76)]
)
def test_instances_cost_as_they_are_bought(way, usd):
    assert group(instanceTypes=["p5.48xlarge"], capacityType=way).lines[0].price.usd == usd


def test_the_instance_type_of_a_capacity_block_and_all_disks_come_from_the_launch_template():
    disks = [
        {"ebs": {"volumeType": "gp3", "volumeSize": 100, "iops": 4000, "throughput": 225}},
        {"ebs": {"volumeType": "io2", "volumeSize": 10, "iops": 500}},
    ]
    bill = from_template(instanceType="p5.48xlarge", blockDeviceMappings=disks)
    usd = {line.price.what: line.monthly.desired for line in bill.lines}
    assert usd == pytest.approx({
        "p5.48xlarge capacity block": 47.76 * HOURS,
        "gp3 storage": 100 * 0.08,
        "gp3 IOPS above 3000": 1000 * 0.005,
        "gp3 MB/s above 125": 100 * 0.04,
        "io2 storage": 10 * 0.125,
    })  # fmt: skip
    assert [(gap.kind, gap.why) for gap in bill.gaps] == [("not priced", "IOPS of io2")]


def test_a_launch_template_that_nobody_tells_of_is_a_gap_and_not_a_guess():
    bill = from_template(told=False, instanceType="p5.48xlarge")
    assert bill.lines == ()
    assert {gap.kind for gap in bill.gaps} == {"unknown"}
    assert bill.coverage["unknown"] == 1


def test_a_type_that_is_sold_in_no_such_way_is_not_priced_and_never_free():
    bill = group(instanceTypes=["p5e.48xlarge"])
    assert [gap.why for gap in bill.gaps] == ["1 × p5e.48xlarge, on-demand in us-east-1"]
    assert bill.coverage["not priced"] == 1


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"instanceTypes": [SECRET]}, "instance type: secret"),
        ({"instanceTypes": Unknown(("x::role",))}, "instance type: unknown until role stands"),
        ({"instanceTypes": ["g6.xlarge"], "capacityType": SECRET}, "capacityType: secret"),
    ],
)
def test_what_a_node_group_does_not_tell_is_named(inputs, why):
    gaps = group(**inputs).gaps
    assert (gaps[0].kind, gaps[0].why) == ("unknown", why)


def test_nodes_that_stand_by_cost_their_disks_or_all_of_themselves():
    sleeping = group(instanceTypes=["g6.xlarge"], warmPoolConfig={"minSize": 2})
    assert sum(line.monthly.desired for line in sleeping.lines) == pytest.approx(
        0.8048 * HOURS + 3 * 20 * 0.08
    )
    ready = {"minSize": 2, "poolState": "RUNNING"}
    running = group(instanceTypes=["g6.xlarge"], warmPoolConfig=ready)
    assert sum(line.monthly.desired for line in running.lines) == pytest.approx(
        3 * 0.8048 * HOURS + 3 * 20 * 0.08
    )


@pytest.mark.parametrize(
    ("version", "policy", "day", "usd", "note"),
    [
        ("1.35", "STANDARD", date(2026, 11, 25), 0.10, "upgrades it by itself after 2027-03-27"),
        ("1.35", "STANDARD", date(2027, 3, 28), 0.10, "upgrades it by itself"),
        ("1.35", "EXTENDED", date(2027, 3, 27), 0.10, "six times as much from the day after"),
        ("1.35", "EXTENDED", date(2027, 3, 28), 0.60, "standard support ended"),
        ("1.35", None, date(2027, 3, 28), 0.60, "standard support ended"),
    ],
)
def test_a_control_plane_costs_six_times_as_much_from_the_day_its_support_ends(
    version, policy, day, usd, note
):
    inputs = {"upgradePolicy": {"supportType": policy}} if policy else {}
    (line,) = one("aws:eks/cluster:Cluster", day=day, version=version, **inputs).lines
    assert line.hourly.desired == pytest.approx(usd)
    assert note in line.note


def test_a_kubernetes_version_without_known_dates_is_not_priced():
    (gap,) = one("aws:eks/cluster:Cluster", version="1.19").gaps
    assert (gap.kind, "1.19" in gap.why) == ("not priced", True)


def test_an_interface_endpoint_costs_in_each_zone_and_a_gateway_endpoint_nothing():
    kind = "aws:ec2/vpcEndpoint:VpcEndpoint"
    hourly = one(kind, vpcEndpointType="Interface", subnetIds=["a", "b", "c"]).lines[0]
    assert hourly.monthly.desired == pytest.approx(3 * 0.01 * HOURS)
    gateway = one(kind, vpcEndpointType="Gateway")
    assert (gateway.lines, gateway.gaps, gateway.coverage["free"]) == ((), (), 2)


def test_a_public_load_balancer_pays_an_address_in_each_zone_and_its_answers():
    kind = "aws:lb/loadBalancer:LoadBalancer"
    usage = Usage(internet_gb=1000)
    inside = one(kind, usage=usage, loadBalancerType="network", internal=True, subnets=["a", "b"])
    public = one(kind, usage=usage, loadBalancerType="network", internal=False, subnets=["a", "b"])
    assert public.monthly.desired - inside.monthly.desired == pytest.approx(
        2 * 0.005 * HOURS + 1000 * 0.09
    )


def test_what_kubernetes_would_make_behind_pulumis_back_is_named():
    service = one("kubernetes:core/v1:Service", spec={"type": "LoadBalancer"})
    claim = one("kubernetes:core/v1:PersistentVolumeClaim", spec={"storageClassName": "gp3"})
    for bill in (service, claim):
        assert bill.gaps[0].kind == "not priced"
        assert "behind Pulumi's back" in bill.gaps[0].why
    assert one("kubernetes:core/v1:Service", spec={"type": "NodePort"}).gaps == ()


@pytest.mark.parametrize("kind", ["aws:rds/instance:Instance", "kubernetes:x.io/v1:Machine"])
def test_a_type_that_nobody_has_looked_at_is_unknown_and_named(kind):
    bill = one(kind)
    assert [(gap.kind, gap.type) for gap in bill.gaps] == [("unknown", kind)]
    assert bill.coverage["unknown"] == 1


def test_what_is_only_looked_up_is_somebody_elses_bill():
    nat = Declared(urn="n", type="aws:ec2/natGateway:NatGateway", inputs={}, read_only=True)
    assert bill_of(Declaration({"n": nat}), Terms(day=DAY)).lines == ()


def test_a_resource_whose_region_nobody_tells_is_a_gap():
    nat = Declared(urn="n", type="aws:ec2/natGateway:NatGateway", inputs={})
    gaps = bill_of(Declaration({"n": nat}), Terms(day=DAY)).gaps
    assert {gap.why.rpartition(": ")[2] for gap in gaps} == {"Region not said"}


def test_own_discounts_are_taken_off_by_service():
    nat = Declared(urn="n", type="aws:eks/nodeGroup:NodeGroup", provider=ACCOUNT.urn, inputs={
        "instanceTypes": ["p5.48xlarge"],
        "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 1},
    })  # fmt: skip
    declared = Declaration({"n": nat, ACCOUNT.urn: ACCOUNT})
    bill = bill_of(declared, Terms(day=DAY, discounts={"EC2": 10.0}))
    assert bill.monthly.desired == pytest.approx(0.9 * 55.04 * HOURS + 20 * 0.08)
    assert bill.discounted == pytest.approx(0.1 * 55.04 * HOURS)


def test_a_price_seen_long_ago_is_stale():
    (price,) = (p for p in price_book().prices if p.key == ("VPC", "NAT gateway", "us-east-1"))
    old = PriceBook([dataclasses.replace(price, date="2026-05-01")])
    bill = one("aws:ec2/natGateway:NatGateway", book=old)
    assert [one.date for one in bill.stale()] == ["2026-05-01"]
    fresh = PriceBook([dataclasses.replace(price, date="2026-06-30")])
    assert one("aws:ec2/natGateway:NatGateway", book=fresh).stale() == ()


# The price book itself.
def test_every_row_is_positive_dated_and_of_a_known_standing():
    seen = set()
    for price in price_book().prices:
        assert price.usd > 0
        assert price.seen <= DAY
        row = (price.key, price.date, price.usd)
        assert row not in seen
        seen.add(row)
    assert len(seen) > 400


def test_pinned_figures():
    usd = {price.key: price.usd for price in price_book().prices}
    for region in ("us-east-1", "us-east-2", "us-west-2"):
        # They were 98.32 and 32.77 until June 2025, and many pages still say so.
        assert usd["EC2", "p5.48xlarge on-demand", region] == 55.04
        assert usd["EC2", "p4d.24xlarge on-demand", region] == pytest.approx(21.957642, abs=1e-5)
    assert usd["EC2", "p4d.24xlarge on-demand", "eu-west-1"] == 23.71569
    assert usd["EC2", "p5en.48xlarge on-demand", "ap-northeast-1"] == 79.12
    assert usd["EKS", "control plane, standard support", "us-west-2"] == 0.10
    assert ("EC2", "p5e.48xlarge on-demand", "us-east-1") not in usd


def test_five_regions_are_priced_for_all_that_stacks_declare_but_for_what_is_named():
    """Where AWS sells no such instance, or nobody read its price, there is no row."""
    services = {price.key[:2] for price in price_book().prices if price.service != "EC2"}
    missing = {
        (what, region)
        for service, what in services
        for region in ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "ap-northeast-1")
        if price_book().price(service, what, region) is None
    }
    assert missing == {
        *((f"Lustre {tier}", "eu-west-1") for tier in (
            "SCRATCH_2 SSD", "backup", "PERSISTENT_2 SSD 125", "PERSISTENT_2 SSD 250",
            "PERSISTENT_2 SSD 500", "PERSISTENT_2 SSD 1000")),
        ("Lustre SCRATCH_2 SSD", "ap-northeast-1"), ("Lustre backup", "ap-northeast-1"),
        *((what, "ap-northeast-1") for what in (
            "10 million samples above 2 billion", "10 million samples above 252 billion",
            "10 million samples collected", "billion samples queried", "collector", "storage")),
    }  # fmt: skip


def test_of_several_prices_the_last_seen_holds_and_of_one_day_the_dearest():
    def seen(usd, day):
        return Price(service="EC2", what="x spot", region="r", unit="hour", usd=usd,
                     standing=READ, date=day, source="here")  # fmt: skip

    book = PriceBook([seen(3, "2026-09"), seen(5, "2026"), seen(4, "2026-09")])
    assert book.price("EC2", "x spot", "r").usd == 4
    assert book.price("EC2", "y spot", "r") is None
