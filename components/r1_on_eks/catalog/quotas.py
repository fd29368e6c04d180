"""Service quotas that a stack may meet: one row each, with its code and its source."""

import re
from dataclasses import dataclass

# In vCPU; as AWS lists them.
_EC2 = "Service Quotas, service code ec2, 2026-11"
# Codes and defaults (5 each): awsdocs/amazon-vpc-user-guide, amazon-vpc-limits; codes also in
# tedilabs/terraform-aws-account, modules/service-quota-requests, 2026-11.
_VPC = "VPC user guide, amazon-vpc-limits, 2026-11"
# Codes and values alike in two lists that people took of `aws service-quotas list-service-quotas`;
# names also in the FSx for Lustre guide, limits. Capacity in GiB.
_FSX = "Service Quotas, service code fsx, in public lists of two accounts, 2026-11"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One quota of an account in one Region.

    Attributes:
        code: Service Quotas' code.
        service: Its service code, `ec2`.
        name: As the console shows it.
        families: Of instances: the letters, or letters and generation, that types begin with.
        spot: Whether it counts spot instances; else those on demand.
        source: Where the row was read, and when.
    """

    code: str
    service: str
    name: str
    families: tuple[str, ...] = ()
    spot: bool = False
    source: str = _EC2


_STANDARD = (*"acdhimrtz", "im", "is")

# In vCPU.
_INSTANCES = (
    Quota(
        code="L-417A185B", service="ec2", name="Running On-Demand P instances", families=("p",)
    ),
    Quota(
        code="L-DB2E81BA", service="ec2", name="Running On-Demand G and VT instances",
        families=("g", "gr", "vt"),
    ),
    Quota(
        code="L-1216C47A", service="ec2",
        name="Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        families=_STANDARD,
    ),
    Quota(
        code="L-7212CCBC", service="ec2", name="All P4, P3 and P2 Spot Instance Requests",
        families=("p4", "p3", "p2"), spot=True,
    ),
    Quota(
        code="L-C4BD4855", service="ec2", name="All P5 Spot Instance Requests", families=("p5",),
        spot=True,
    ),
    Quota(
        code="L-3819A6DF", service="ec2", name="All G and VT Spot Instance Requests",
        families=("g", "gr", "vt"), spot=True,
    ),
)  # fmt: skip
INSTANCE_QUOTAS = {quota.code: quota for quota in _INSTANCES}

VPCS = Quota(code="L-F678F1CE", service="vpc", name="VPCs per Region", source=_VPC)
NAT_GATEWAYS = Quota(
    code="L-FE5A380F", service="vpc", name="NAT gateways per Availability Zone", source=_VPC
)
ADDRESSES = Quota(code="L-0263D0A3", service="ec2", name="EC2-VPC Elastic IPs", source=_VPC)

_PERSISTENT_2 = (
    Quota(code="L-FD6F2F22", service="fsx", name="Lustre Persistent_2 file systems", source=_FSX),
    Quota(
        code="L-8F1B9C74", service="fsx", name="Lustre Persistent_2 storage capacity", source=_FSX
    ),
)
_SCRATCH = (
    Quota(code="L-C48231E5", service="fsx", name="Lustre Scratch file systems", source=_FSX),
    Quota(code="L-AD2FC696", service="fsx", name="Lustre Scratch storage capacity", source=_FSX),
)
FILE_SYSTEM_QUOTAS = {"PERSISTENT_2": _PERSISTENT_2, "SCRATCH_1": _SCRATCH, "SCRATCH_2": _SCRATCH}
"""Of how many file systems, and of their GiB together, by deployment type."""


def quota_of(instance_type: str, *, spot: bool) -> Quota | None:
    """The vCPU quota that an instance type counts against; None where no row has its family.

    Args:
        instance_type: Any of EC2's, `m5.large`, whether it is in the catalogue or not.
        spot: How it is bought.
    """
    letters, generation = _family(instance_type)
    for quota in _INSTANCES:
        if quota.spot == spot and {letters, f"{letters}{generation}"} & set(quota.families):
            return quota
    return None


def _family(instance_type: str) -> tuple[str, str]:
    """`p` and `4` of `p4de.24xlarge`; EC2's own marks behind a generation say no more."""
    found = re.match(r"([a-z]+)(\d*)", instance_type)
    return (found[1], found[2]) if found else ("", "")
