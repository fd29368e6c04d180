"""EC2 instance types this package may ask for: one row each, with its source and date.

Adding hardware is adding a row; its prices are rows of price_book.csv.
"""

from dataclasses import dataclass

from r1_on_eks.catalog.price_book import HOME_REGION, price_book

KARPENTER = "aws/karpenter-provider-aws instance-types.md and zz_generated vpclimits, 2026-07-20"
KARPENTER = "aws/karpenter-provider-aws instance-types.md and zz_generated vpclimits, 2026-07-20"
G5_4XL = KARPENTER + "; memory and network remembered, not confirmed"
G5_24XL = KARPENTER + "; network remembered, not confirmed"
EC2_SIZES = "size and processor remembered, not looked up (EC2 user guide has them), 2026-11"

# vCPU quotas by the letters of a family: on demand, spot (Service Quotas, code ec2; as AWS lists
# them, 2026-11). None where no code was read.
_QUOTAS = {
    "p4": ("L-417A185B", "L-7212CCBC"),
    "p5": ("L-417A185B", "L-C4BD4855"),
    "p6": ("L-417A185B", None),
    "g": ("L-DB2E81BA", "L-3819A6DF"),
    "standard": ("L-1216C47A", None),
}


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """What one EC2 instance type has.

    Attributes:
        name: EC2's own name, `p4d.24xlarge`.
        vcpus: Virtual CPUs.
        memory_gib: Main memory in GiB.
        gpus: GPUs; 0 for a type without.
        gpu_model: GPU as node labels spell it, a key of `GPUS`, or "".
        gpu_memory_gib: Memory on the label of one GPU, in GiB.
        efa_interfaces: Elastic Fabric Adapters that can be attached.
        network_cards: Network cards.
        network_gbps: Network bandwidth that is sure, in Gbit/s; None where none was read.
        local_nvme_gb: Instance store in GB; 0 where there is none.
        on_demand_usd_per_hour: Price on demand, Linux, us-east-1; None where none was seen.
        quota_code: Service quota of vCPUs on demand.
        quota_code_spot: The same for spot, or None where none was read.
        cpu_model: Processor of a type without GPU, where it may serve a model; else "".
        source: Where the row was read, and when.
    """

    name: str
    vcpus: int
    memory_gib: int
    gpus: int
    gpu_model: str
    gpu_memory_gib: int
    efa_interfaces: int
    network_cards: int
    network_gbps: float | None
    local_nvme_gb: int
    on_demand_usd_per_hour: float | None
    quota_code: str
    quota_code_spot: str | None
    cpu_model: str
    source: str

    @property
    def scarce(self) -> bool:
        """Whether AWS often has none: what one gives back may not come again (P types)."""
        return self.quota_code == _QUOTAS["p4"][0]


# name, vCPU, GiB, GPUs, GPU, GiB per GPU, EFA, network cards, Gbit/s, NVMe GB, quota, source
_ROWS = (
    ("p4d.24xlarge", 96, 1152, 8, "a100-40", 40, 4, 4, 400, 8000, "p4", KARPENTER),
    ("p4de.24xlarge", 96, 1152, 8, "a100-80", 80, 4, 4, 400, 8000, "p4", KARPENTER),
    ("p5.4xlarge", 16, 256, 1, "h100", 80, 1, 1, 100, 3800, "p5", KARPENTER),
    ("p5.48xlarge", 192, 2048, 8, "h100", 80, 32, 32, 3200, 30400, "p5", KARPENTER),
    # Sold as Capacity Blocks only: no on-demand price exists.
    ("p5e.48xlarge", 192, 2048, 8, "h200", 141, 32, 32, 3200, 30400, "p5", KARPENTER),
    ("p5en.48xlarge", 192, 2048, 8, "h200", 141, 16, 16, 3200, 30400, "p5", KARPENTER),
    ("p6-b200.48xlarge", 192, 2048, 8, "b200", 179, 8, 8, 3200, 30400, "p6", KARPENTER),
    ("p6-b300.48xlarge", 192, 4096, 8, "b300", 268, 16, 17, 6400, 30400, "p6", KARPENTER),
    ("g5.xlarge", 4, 16, 1, "a10g", 24, 0, 1, 2.5, 250, "g", KARPENTER),
    ("g5.2xlarge", 8, 32, 1, "a10g", 24, 0, 1, 5, 450, "g", KARPENTER),
    ("g5.4xlarge", 16, 64, 1, "a10g", 24, 0, 1, 10, 600, "g", KARPENTER),
    ("g5.8xlarge", 32, 128, 1, "a10g", 24, 1, 1, 25, 900, "g", KARPENTER),
    ("g5.12xlarge", 48, 192, 4, "a10g", 24, 1, 1, 40, 3800, "g", KARPENTER),
    ("g5.16xlarge", 64, 256, 1, "a10g", 24, 1, 1, 25, 1900, "g", KARPENTER),
    ("g5.24xlarge", 96, 384, 4, "a10g", 24, 1, 1, 50, 3800, "g", KARPENTER),
    ("g5.48xlarge", 192, 768, 8, "a10g", 24, 1, 1, 100, 7600, "g", KARPENTER),
    ("g6.xlarge", 4, 16, 1, "l4", 24, 0, 1, 2.5, 250, "g", KARPENTER),
    ("g6.2xlarge", 8, 32, 1, "l4", 24, 0, 1, 5, 450, "g", KARPENTER),
    ("g6.4xlarge", 16, 64, 1, "l4", 24, 0, 1, 10, 600, "g", KARPENTER),
    ("g6.8xlarge", 32, 128, 1, "l4", 24, 1, 1, 25, 900, "g", KARPENTER),
    ("g6.12xlarge", 48, 192, 4, "l4", 24, 1, 1, 40, 3760, "g", KARPENTER),
    ("g6.16xlarge", 64, 256, 1, "l4", 24, 1, 1, 25, 1880, "g", KARPENTER),
    ("g6.24xlarge", 96, 384, 4, "l4", 24, 1, 1, 50, 3760, "g", KARPENTER),
    ("g6.48xlarge", 192, 768, 8, "l4", 24, 1, 1, 100, 7520, "g", KARPENTER),
    ("g6e.xlarge", 4, 32, 1, "l40s", 48, 0, 1, 2.5, 250, "g", KARPENTER),
    ("g6e.2xlarge", 8, 64, 1, "l40s", 48, 0, 1, 5, 450, "g", KARPENTER),
    ("g6e.4xlarge", 16, 128, 1, "l40s", 48, 0, 1, 20, 600, "g", KARPENTER),
    ("g6e.8xlarge", 32, 256, 1, "l40s", 48, 1, 1, 25, 900, "g", KARPENTER),
    ("g6e.12xlarge", 48, 384, 4, "l40s", 48, 1, 1, 100, 3800, "g", KARPENTER),
    ("g6e.16xlarge", 64, 512, 1, "l40s", 48, 1, 1, 35, 1900, "g", KARPENTER),
    ("g6e.24xlarge", 96, 768, 4, "l40s", 48, 2, 2, 200, 3800, "g", KARPENTER),
    ("g6e.48xlarge", 192, 1536, 8, "l40s", 48, 4, 4, 400, 7600, "g", KARPENTER),
    ("g7e.2xlarge", 8, 64, 1, "rtx-pro-6000", 96, 0, 1, 50, 1900, "g", KARPENTER),
    ("g7e.4xlarge", 16, 128, 1, "rtx-pro-6000", 96, 0, 1, 50, 1900, "g", KARPENTER),
    ("g7e.8xlarge", 32, 256, 1, "rtx-pro-6000", 96, 1, 1, 100, 1900, "g", KARPENTER),
    ("g7e.12xlarge", 48, 512, 2, "rtx-pro-6000", 96, 1, 1, 400, 3800, "g", KARPENTER),
    ("g7e.24xlarge", 96, 1024, 4, "rtx-pro-6000", 96, 2, 2, 800, 7600, "g", KARPENTER),
    ("g7e.48xlarge", 192, 2048, 8, "rtx-pro-6000", 96, 4, 4, 1600, 15200, "g", KARPENTER),
)  # fmt: skip

# Without GPU. name, vCPU, GiB, Gbit/s
_CPU_ROWS = (
    ("m7i.large", 2, 8, 0.781),
    ("m7i.xlarge", 4, 16, 1.562),
    ("m7i.2xlarge", 8, 32, 3.125),
    ("m7i.4xlarge", 16, 64, 6.25),
    ("c7i.2xlarge", 8, 16, 3.125),
    ("c7i.4xlarge", 16, 32, 6.25),
)
# The processor of both families (remembered, not in that list); it has matrix units for bf16.
_CPU_MODEL = "xeon-sapphire-rapids"


def _on_demand(name: str) -> float | None:
    price = price_book().price("EC2", f"{name} on-demand", HOME_REGION)
    return price and price.usd


def _with_gpus(row: tuple) -> InstanceType:
    (name, vcpus, memory, gpus, model, gpu_memory, efa, cards, gbps, nvme, quota, source) = row
    on_demand, spot = _QUOTAS[quota]
    return InstanceType(
        name=name,
        vcpus=vcpus,
        memory_gib=memory,
        gpus=gpus,
        gpu_model=model,
        gpu_memory_gib=gpu_memory,
        efa_interfaces=efa,
        network_cards=cards,
        network_gbps=gbps,
        local_nvme_gb=nvme,
        on_demand_usd_per_hour=_on_demand(name),
        quota_code=on_demand,
        quota_code_spot=spot,
        cpu_model="",
        source=source,
    )


def _without(name: str, vcpus: int, memory: int, gbps: float) -> InstanceType:
    on_demand, spot = _QUOTAS["standard"]
    return InstanceType(
        name=name,
        vcpus=vcpus,
        memory_gib=memory,
        gpus=0,
        gpu_model="",
        gpu_memory_gib=0,
        efa_interfaces=0,
        network_cards=1,
        network_gbps=gbps,
        local_nvme_gb=0,
        on_demand_usd_per_hour=_on_demand(name),
        quota_code=on_demand,
        quota_code_spot=spot,
        cpu_model=_CPU_MODEL,
        source=KARPENTER,
    )


INSTANCE_TYPES: dict[str, InstanceType] = {
    row.name: row for row in (*map(_with_gpus, _ROWS), *(_without(*cells) for cells in _CPU_ROWS))
}
