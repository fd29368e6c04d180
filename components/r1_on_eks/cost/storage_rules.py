"""How disks, file systems and buckets are billed."""

from collections.abc import Mapping
from typing import Any

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

# In the price of gp3 (EBS user guide, general-purpose).
_GP3_IOPS, _GP3_MBPS = 3000, 125


def disk(ebs: Mapping[str, Any], copies: Amount) -> list[Charge | NoCharge]:
    """EBS volumes of one kind.

    Args:
        ebs: `type`, `size` in GiB and, where it is said, `iops` and `throughput` in MB/s.
        copies: How many of them.
    """
    kind, size = ebs.get("type"), ebs.get("size")
    for key in ("type", "size", "iops", "throughput"):
        if isinstance(ebs.get(key), Unknown | Secret):
            return [NoCharge(UNKNOWN, f"{key} of a disk: {ebs[key]}")]
    if size is None:
        return [NoCharge(UNKNOWN, "size of a disk: as its image has it")]
    size = float(size)
    charges: list[Charge | NoCharge] = [
        Charge(service="EBS", what=f"{kind} storage", amount=copies * size,
               told=f"{copies.desired:g} × {size:g} GiB {kind}"),
    ]  # fmt: skip
    if kind == "gp3":
        for key, included, what in (
            ("iops", _GP3_IOPS, "gp3 IOPS above 3000"),
            ("throughput", _GP3_MBPS, "gp3 MB/s above 125"),
        ):
            above = float(ebs.get(key) or 0) - included
            if above > 0:
                charges.append(Charge(service="EBS", what=what, amount=copies * above))
    elif ebs.get("iops"):
        charges.append(NoCharge(NOT_PRICED, f"IOPS of {kind}"))
    return charges


def volume(resource: Declared, _: Circumstances) -> list[Charge | NoCharge]:
    """An EBS volume of its own."""
    ebs = {
        "type": resource.get("type") or "gp2",
        "size": resource.get("size"),
        "iops": resource.get("iops"),
        "throughput": resource.get("throughput"),
    }
    return disk(ebs, always(1))


def lustre(resource: Declared, _: Circumstances) -> list[Charge | NoCharge]:
    """FSx for Lustre by its tier: deployment type, kind of storage, throughput."""
    size = resource.get("storageCapacity")
    deployment = resource.get("deploymentType") or "SCRATCH_1"
    storage = resource.get("storageType") or "SSD"
    throughput = resource.get("perUnitStorageThroughput")
    for key, value in (
        ("storageCapacity", size),
        ("deploymentType", deployment),
        ("storageType", storage),
        ("perUnitStorageThroughput", throughput),
    ):
        if isinstance(value, Unknown | Secret):
            return [NoCharge(UNKNOWN, f"{key}: {value}")]
    if not isinstance(size, int | float):
        return [NoCharge(UNKNOWN, "storageCapacity: not said")]
    tier = f"{deployment} {storage}" + (f" {throughput:g}" if throughput else "")
    charges: list[Charge | NoCharge] = [
        Charge(
            service="FSx",
            what=f"Lustre {tier}",
            amount=always(float(size)),
            told=f"{size:g} GiB of Lustre {tier}",
        )
    ]
    if resource.get("metadataConfiguration", "mode") == "USER_PROVISIONED":
        charges.append(NoCharge(NOT_PRICED, "metadata IOPS of Lustre"))
    if resource.get("automaticBackupRetentionDays"):
        charges.append(NoCharge(NOT_PRICED, "backups of Lustre by use: GB kept"))
    return charges


def bucket(*_: object) -> list[Charge | NoCharge]:
    """A bucket by what is kept in it, which no program says."""
    return [NoCharge(NOT_PRICED, "objects by use: GB kept, requests")]
