"""What a thing that was left costs in a month, at the prices of the price book."""

from collections.abc import Callable
from typing import Any

from r1_on_eks.catalog.price_book import HOURS_PER_MONTH, price_book
from r1_on_eks.operations.inventory.thing import Thing


def usd_per_month(thing: Thing, region: str) -> float | None:
    """Dollars per month without traffic; 0 for what is free, None where no price is known."""
    if thing.kind not in _BILLED:
        return 0.0
    billed = _BILLED[thing.kind](thing.about)
    if billed is None:
        return None
    service, what, count = billed
    price = price_book().price(service, what, region)
    if price is None:
        return None
    return price.usd * count * (HOURS_PER_MONTH if price.unit == "hour" else 1)


def _lustre(about: Any) -> tuple[str, str, float]:
    deployment = about["LustreConfiguration"]["DeploymentType"]
    speed = about["LustreConfiguration"].get("PerUnitStorageThroughput")
    tier = f"{deployment} SSD {speed}" if speed else f"{deployment} SSD"
    return "FSx", f"Lustre {tier}", about["StorageCapacity"]


# By Pulumi's type: from what AWS tells of a thing to service and words of the price book, and
# how many; None where AWS doesn't tell how much it keeps.
_BILLED: dict[str, Callable[[Any], tuple[str, str, float] | None]] = {
    "aws:eks/cluster:Cluster": lambda _: ("EKS", "control plane, standard support", 1),
    "aws:ec2/natGateway:NatGateway": lambda _: ("VPC", "NAT gateway", 1),
    "aws:lb/loadBalancer:LoadBalancer": lambda _: ("ELB", "network load balancer", 1),
    "aws:ec2/eip:Eip": lambda _: ("VPC", "public IPv4 address", 1),
    "aws:ec2/instance:Instance": (
        lambda about: ("EC2", f"{about.get('InstanceType')} on-demand", 1)
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        lambda about: ("VPC", "interface endpoint", len(about.get("SubnetIds") or ()))
    ),
    "aws:fsx/lustreFileSystem:LustreFileSystem": _lustre,
    "aws:ebs/volume:Volume": lambda about: ("EBS", "gp3 storage", about.get("Size", 0)),
    "aws:kms/key:Key": lambda _: ("KMS", "key", 1),
    "aws:amp/scraper:Scraper": lambda _: ("AMP", "collector", 1),
    "aws:amp/workspace:Workspace": lambda _: None,
    "aws:cloudwatch/logGroup:LogGroup": (
        lambda about: ("CloudWatch", "logs, kept", about.get("storedBytes", 0) / 1e9)
    ),
}
