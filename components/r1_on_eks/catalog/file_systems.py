"""What FSx for Lustre sells, SSD: one row per deployment type and speed, with source and date."""

from dataclasses import dataclass

_SPEEDS = "FSx for Lustre user guide, performance of SSD storage, read 2026-11"


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One speed of one deployment type.

    Attributes:
        deployment: FSx's word for it.
        mbps_per_tib: The speed by which it is sold; None where there is one alone.
        read_mbps_per_tib: What its disks read steadily, in MB/s for each TiB of capacity.
        usd_per_gb_month: us-east-1, for each GB of capacity.
        standing: How the price is known: `read` or `remembered`.
        source: Where the row was read, and when.
    """

    deployment: str
    mbps_per_tib: int | None
    read_mbps_per_tib: int
    usd_per_gb_month: float
    standing: str
    source: str


TIERS = (
    Tier(deployment="PERSISTENT_2", mbps_per_tib=125, read_mbps_per_tib=125,
         usd_per_gb_month=0.145, standing="read",
         source=f"{_SPEEDS}; price: c3x.dev's copy of the price list, 2026-11"),
    Tier(deployment="PERSISTENT_2", mbps_per_tib=250, read_mbps_per_tib=250,
         usd_per_gb_month=0.210, standing="remembered", source=_SPEEDS),
    Tier(deployment="PERSISTENT_2", mbps_per_tib=500, read_mbps_per_tib=500,
         usd_per_gb_month=0.340, standing="remembered", source=_SPEEDS),
    Tier(deployment="PERSISTENT_2", mbps_per_tib=1000, read_mbps_per_tib=1000,
         usd_per_gb_month=0.600, standing="remembered", source=_SPEEDS),
    Tier(deployment="SCRATCH_2", mbps_per_tib=None, read_mbps_per_tib=200,
         usd_per_gb_month=0.140, standing="read",
         source=f"{_SPEEDS}; price: AWS's pricing page as quoted in public notes, 2026-11"),
)  # fmt: skip
