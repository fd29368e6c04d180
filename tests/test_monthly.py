"""What was left is priced from the price book, or called not priced."""

import pytest
from r1_on_eks.operations.inventory.thing import Thing
from r1_on_eks.operations.monthly import usd_per_month


def left(kind, **about):
    return Thing(kind=kind, id="one", tags={}, about=about)


@pytest.mark.parametrize(
    ("thing", "dollars"),
    [
        (left("aws:ec2/natGateway:NatGateway"), 32.85),
        (left("aws:eks/cluster:Cluster"), 73.0),
        (left("aws:ec2/instance:Instance", InstanceType="p4d.24xlarge"), 16029.08),
        (left("aws:ec2/vpcEndpoint:VpcEndpoint", SubnetIds=["a", "b"]), 14.6),
        (left("aws:ebs/volume:Volume", Size=100), 8.0),
        (left("aws:ec2/vpc:Vpc"), 0.0),
        # Its hours; samples end with what it scrapes. What a workspace keeps, nobody tells.
        (left("aws:amp/scraper:Scraper"), 29.2),
        (left("aws:amp/workspace:Workspace"), None),
        (left("aws:amp/ruleGroupNamespace:RuleGroupNamespace"), 0.0),
        (left("aws:ec2/instance:Instance", InstanceType="x1.32xlarge"), None),
    ],
)
def test_what_was_left_costs_what_the_price_book_says(thing, dollars):
    found = usd_per_month(thing, "us-east-1")
    assert found == (dollars if dollars is None else pytest.approx(dollars, abs=0.01))


@pytest.mark.parametrize(
    ("deployment", "speed", "dollars"), [("PERSISTENT_2", 250, 252.0), ("SCRATCH_2", None, 168.0)]
)
def test_a_file_system_costs_by_its_tier(deployment, speed, dollars):
    lustre = left(
        "aws:fsx/lustreFileSystem:LustreFileSystem",
        StorageCapacity=1200,
        LustreConfiguration={"DeploymentType": deployment, "PerUnitStorageThroughput": speed},
    )
    assert usd_per_month(lustre, "us-east-1") == pytest.approx(dollars)
