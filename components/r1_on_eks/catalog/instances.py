"""EC2 instance types this package may ask for: one row each, with its source and date.

Adding hardware is adding a row. Prices are us-east-1 on demand, Linux, as dated in the source.
"""

from dataclasses import dataclass

KARPENTER = (
    "aws/karpenter-provider-aws instance-types.md, zz_generated vpclimits and pricing"
    " (us-east-1), 2026-07-20"
)
EC2_SIZES = (
    "size remembered, not looked up (EC2 user guide has it); price from"
    " aws/karpenter-provider-aws zz_generated.pricing_aws.go (us-east-1), 2026-07-20"
)


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """What one EC2 instance type has.

    Attributes:
        name: EC2's own name, `p4d.24xlarge`.
        vcpus: Virtual CPUs.
        memory_gib: Main memory in GiB.
        gpus: NVIDIA GPUs; 0 for a type without.
        gpu_model: GPU as node labels spell it (`a100`), or "".
        gpu_memory_gib: Memory on the label of one GPU, in GiB.
        efa_interfaces: Elastic Fabric Adapters that can be attached.
        network_cards: Network cards.
        local_nvme_gb: Instance store in GB; 0 where there is none.
        on_demand_usd_per_hour: On-demand price, or None where none was read.
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
    local_nvme_gb: int
    on_demand_usd_per_hour: float | None
    source: str


# name, vCPU, GiB, GPUs, GPU, GiB per GPU, EFA interfaces, network cards, NVMe GB, $/h
_ROWS = (
    ("p4d.24xlarge", 96, 1152, 8, "a100-40", 40, 4, 4, 8000, 21.958, KARPENTER),
    ("p4de.24xlarge", 96, 1152, 8, "a100-80", 80, 4, 4, 8000, 27.447, KARPENTER),
    ("p5.4xlarge", 16, 256, 1, "h100", 80, 1, 1, 3800, 6.88, KARPENTER),
    ("p5.48xlarge", 192, 2048, 8, "h100", 80, 32, 32, 30400, 55.04, KARPENTER),
    # Sold as Capacity Blocks only: no on-demand price exists.
    ("p5e.48xlarge", 192, 2048, 8, "h200", 141, 32, 32, 30400, None, KARPENTER),
    ("p5en.48xlarge", 192, 2048, 8, "h200", 141, 16, 16, 30400, 63.296, KARPENTER),
    ("p6-b200.48xlarge", 192, 2048, 8, "b200", 179, 8, 8, 30400, 113.933, KARPENTER),
    ("p6-b300.48xlarge", 192, 4096, 8, "b300", 268, 16, 17, 30400, 142.416, KARPENTER),
    ("g5.xlarge", 4, 16, 1, "a10g", 24, 0, 1, 250, 1.006, KARPENTER),
    ("g5.2xlarge", 8, 32, 1, "a10g", 24, 0, 1, 450, 1.212, KARPENTER),
    ("g5.4xlarge", 16, 64, 1, "a10g", 24, 0, 1, 600, 1.624, KARPENTER),
    ("g5.12xlarge", 48, 192, 4, "a10g", 24, 1, 1, 3800, 5.672, KARPENTER),
    ("g5.24xlarge", 96, 384, 4, "a10g", 24, 1, 1, 3800, 8.144, KARPENTER),
    ("g5.48xlarge", 192, 768, 8, "a10g", 24, 1, 1, 7600, 16.288, KARPENTER),
    ("g6.xlarge", 4, 16, 1, "l4", 24, 0, 1, 250, 0.805, KARPENTER),
    ("g6.12xlarge", 48, 192, 4, "l4", 24, 1, 1, 3760, 4.602, KARPENTER),
    ("g6.48xlarge", 192, 768, 8, "l4", 24, 1, 1, 7520, 13.350, KARPENTER),
    ("g6e.xlarge", 4, 32, 1, "l40s", 48, 0, 1, 250, 1.861, KARPENTER),
    ("g6e.2xlarge", 8, 64, 1, "l40s", 48, 0, 1, 450, 2.242, KARPENTER),
    ("g6e.4xlarge", 16, 128, 1, "l40s", 48, 0, 1, 600, 3.004, KARPENTER),
    ("g6e.12xlarge", 48, 384, 4, "l40s", 48, 1, 1, 3800, 10.493, KARPENTER),
    ("g6e.24xlarge", 96, 768, 4, "l40s", 48, 2, 2, 3800, 15.066, KARPENTER),
    ("g6e.48xlarge", 192, 1536, 8, "l40s", 48, 4, 4, 7600, 30.131, KARPENTER),
    ("g7e.2xlarge", 8, 64, 1, "rtx-pro-6000", 96, 0, 1, 1900, 3.363, KARPENTER),
    ("g7e.48xlarge", 192, 2048, 8, "rtx-pro-6000", 96, 4, 4, 15200, 33.144, KARPENTER),
    ("g6.2xlarge", 8, 32, 1, "l4", 24, 0, 1, 450, 0.9776, EC2_SIZES),
    ("g6.4xlarge", 16, 64, 1, "l4", 24, 0, 1, 600, 1.3232, EC2_SIZES),
    ("m7i.large", 2, 8, 0, "", 0, 0, 1, 0, 0.1008, EC2_SIZES),
    ("m7i.xlarge", 4, 16, 0, "", 0, 0, 1, 0, 0.2016, EC2_SIZES),
)

INSTANCE_TYPES: dict[str, InstanceType] = {
    name: InstanceType(
        name=name,
        vcpus=vcpus,
        memory_gib=memory,
        gpus=gpus,
        gpu_model=model,
        gpu_memory_gib=gpu_memory,
        efa_interfaces=efa,
        network_cards=cards,
        local_nvme_gb=nvme,
        on_demand_usd_per_hour=price,
        source=source,
    )
    for name, vcpus, memory, gpus, model, gpu_memory, efa, cards, nvme, price, source in _ROWS
}
