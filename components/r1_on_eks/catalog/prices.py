"""What instances cost: on demand by Region, and bought in other ways.

On-demand prices of us-east-1 are in the rows of `INSTANCE_TYPES`. A figure that isn't here isn't
known: "not priced", never $0.
"""

from dataclasses import dataclass, replace

from r1_on_eks.catalog.instances import INSTANCE_TYPES, InstanceType

HOME_REGION = "us-east-1"
# Where every P and G type costs what it does in us-east-1.
_AS_AT_HOME = {
    HOME_REGION: "aws/karpenter-provider-aws zz_generated pricing, 2026-07-20 (read)",
    "us-west-2": "P types: SkyPilot catalog v8 aws/vms.csv, 2026 (read); others: survey of AWS's"
    " price sheets of 2026-09-19 (reported)",
    "us-east-2": "survey of AWS's price sheets of 2026-09-19 (reported)",
}
# aws/karpenter-provider-aws zz_generated pricing, 2026-07-20 (read)
_ELSEWHERE = {
    ("p5.48xlarge", "ap-northeast-1"): 68.80,
    ("p5.48xlarge", "us-west-1"): 68.80,
    ("p5.48xlarge", "eu-west-2"): 71.552,
    ("p5.48xlarge", "ap-southeast-2"): 71.552,
    ("p5.48xlarge", "ap-south-1"): 66.048,
    ("p5.48xlarge", "ap-northeast-2"): 75.9552,
    ("p5.48xlarge", "eu-north-1"): 58.8928,
}
PRICED_REGIONS = tuple(sorted({*_AS_AT_HOME, *(region for _, region in _ELSEWHERE)}))


def on_demand(instance: InstanceType, region: str) -> float | None:
    """Dollars per hour, Linux, on demand; None where no price was read."""
    if region in _AS_AT_HOME:
        return instance.on_demand_usd_per_hour
    return _ELSEWHERE.get((instance.name, region))


def sold_in(region: str) -> list[InstanceType]:
    """The instance types with the prices of a Region; those without one have None."""
    return [
        replace(instance, on_demand_usd_per_hour=on_demand(instance, region))
        for instance in INSTANCE_TYPES.values()
    ]


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """Another way to buy an instance; dollars per instance hour, us-east-1 and us-west-2.

    Attributes:
        instance: Name of the type.
        way: `spot`, `capacity block`, `1 year` or `3 years`.
        low: The least that was seen.
        high: The most; the same where one figure is known.
        standing: `read` from published data, or `reported` by one page.
        seen: When.
    """

    instance: str
    way: str
    low: float
    high: float
    standing: str
    seen: str


# Capacity blocks: koyakimu/ec2-capacity-blocks-for-ml-pricing-json of 2026-07-22, and one page's
# table of the rates from 2026-10-07; they rose three times in 2026. Spot: a survey of 2026-09-19
# and, for p4d, p5 and p5en, SkyPilot's catalog of early 2026 (us-west-2). Years: the same survey.
_ROWS = (
    ("p4d.24xlarge", "spot", 8.0, 16.66, "reported", "2026"),
    ("p4d.24xlarge", "capacity block", 11.80, 11.80, "read", "2026-07"),
    ("p4d.24xlarge", "1 year", 13.92, 13.92, "reported", "2026-09"),
    ("p4d.24xlarge", "3 years", 9.38, 9.38, "reported", "2026-09"),
    ("p4de.24xlarge", "capacity block", 17.712, 17.712, "read", "2026-07"),
    ("p5.4xlarge", "capacity block", 5.191, 5.97, "reported", "2026-10"),
    ("p5.48xlarge", "spot", 12.7, 20.78, "reported", "2026"),
    ("p5.48xlarge", "capacity block", 41.528, 47.76, "reported", "2026-10"),
    ("p5.48xlarge", "3 years", 23.78, 23.78, "reported", "2026-09"),
    ("p5e.48xlarge", "spot", 26.80, 26.80, "reported", "2026-09"),
    ("p5e.48xlarge", "capacity block", 47.76, 47.76, "read", "2026-07"),
    ("p5en.48xlarge", "spot", 15.5, 27.18, "reported", "2026"),
    ("p5en.48xlarge", "capacity block", 54.92, 54.92, "read", "2026-07"),
    ("p6-b200.48xlarge", "spot", 42.09, 42.09, "reported", "2026-09"),
    ("p6-b200.48xlarge", "capacity block", 98.84, 113.66, "reported", "2026-10"),
    ("p6-b300.48xlarge", "spot", 44.73, 44.73, "reported", "2026-09"),
    ("p6-b300.48xlarge", "capacity block", 112.32, 129.17, "reported", "2026-10"),
    ("g6e.xlarge", "1 year", 1.172, 1.172, "reported", "2026-09"),
)
PURCHASES: dict[str, tuple[Purchase, ...]] = {
    name: tuple(
        Purchase(instance=name, way=way, low=low, high=high, standing=standing, seen=seen)
        for instance, way, low, high, standing, seen in _ROWS
        if instance == name
    )
    for name in dict.fromkeys(row[0] for row in _ROWS)
}
