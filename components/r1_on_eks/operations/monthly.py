"""What a thing that was left costs in a month, where a price is known."""

from typing import Any

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.prices import on_demand
from r1_on_eks.operations.inventory.thing import Thing

_HOURS = 730
# us-east-1; Infracost's goldens (internal/providers/terraform/aws/testdata), read 2026-11-23.
# Other Regions: as there, not looked up.
_USD_PER_HOUR = {
    "aws:eks/cluster:Cluster": 0.10,
    "aws:ec2/natGateway:NatGateway": 0.045,
    "aws:lb/loadBalancer:LoadBalancer": 0.0225,
    "aws:ec2/eip:Eip": 0.005,
}
_ENDPOINT_USD_PER_HOUR_AND_ZONE = 0.01
_GP3_USD_PER_GB = 0.08
_LOGS_USD_PER_GB = 0.03
# Remembered, 2026-11-23.
_KEY_USD = 1.0
# FSx for Lustre, SSD, us-east-1, by MB/s per TiB; SCRATCH_2 has none. Remembered, 2026-11-23.
_LUSTRE_USD_PER_GB = {None: 0.14, 125: 0.145, 250: 0.21, 500: 0.34, 1000: 0.60}


def usd_per_month(thing: Thing, region: str) -> float | None:
    """Dollars per month without traffic; 0 for what is free, None where no price is known."""
    if thing.kind in _USD_PER_HOUR:
        return _HOURS * _USD_PER_HOUR[thing.kind]
    count = _PRICED.get(thing.kind)
    return count(thing.about, region) if count else 0.0


def _instance(about: Any, region: str) -> float | None:
    row = INSTANCE_TYPES.get(about.get("InstanceType", ""))
    hourly = on_demand(row, region) if row else None
    return None if hourly is None else hourly * _HOURS


def _endpoint(about: Any, _: str) -> float:
    zones = len(about.get("SubnetIds") or ())
    return zones * _ENDPOINT_USD_PER_HOUR_AND_ZONE * _HOURS


def _lustre(about: Any, _: str) -> float | None:
    throughput = about["LustreConfiguration"].get("PerUnitStorageThroughput")
    per_gb = _LUSTRE_USD_PER_GB.get(throughput)
    return None if per_gb is None else per_gb * about["StorageCapacity"]


_PRICED = {
    "aws:ec2/instance:Instance": _instance,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:fsx/lustreFileSystem:LustreFileSystem": _lustre,
    "aws:ebs/volume:Volume": lambda about, _: about.get("Size", 0) * _GP3_USD_PER_GB,
    "aws:kms/key:Key": lambda *_: _KEY_USD,
    "aws:cloudwatch/logGroup:LogGroup": (
        lambda about, _: about.get("storedBytes", 0) / 1e9 * _LOGS_USD_PER_GB
    ),
}
