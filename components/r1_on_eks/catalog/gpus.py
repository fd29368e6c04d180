"""GPUs as EC2 rents them: one row each, with its source and date."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """What software can use of one GPU.

    Attributes:
        name: As node labels spell it, with the memory where two sizes are sold.
        torch_visible_gib: Memory that PyTorch sees, less than the label says.
        bandwidth_gb_s: Memory bandwidth of the specification.
        tflops: Dense rate of the tensor cores by arithmetic: `bf16`, `fp8`, `int8`. A missing
            key: no hardware for it.
        compute_capability: CUDA's number, which decides what kernels run; of another maker's
            accelerator its own name for that, as `gfx942`.
        nvlink: Whether the GPUs of an instance talk over NVLink rather than PCIe.
        link_gb_s: Bandwidth to other GPUs of the instance, in one direction.
        batched_tokens: vLLM 0.33's default `--max-num-batched-tokens` on it.
        batched_seqs: vLLM 0.33's default `--max-num-seqs` on it.
        memory_standing: `measured`, or `unconfirmed` where it is taken from the label.
        source: Where the row was read, and when.
    """

    name: str
    torch_visible_gib: float
    bandwidth_gb_s: float
    tflops: dict[str, float]
    compute_capability: str
    nvlink: bool
    link_gb_s: float
    batched_tokens: int
    batched_seqs: int
    memory_standing: str
    source: str


_REMEMBERED = "data sheet figures remembered, not looked up, 2026-11"
_KLOCKWOOD = "bandwidth and rates: glennklockwood.com/garden/processors, citing NVIDIA, 2026-11-24"
_HOPPER = "bandwidth: acecloud.ai comparison; rates: hmc-tech.com GPU database; 2026-11-24"
_ADA = "bandwidth and rates: resellers' and encyclopedias' copies of the data sheet, 2026-11-24"
_OOM = "; memory: PyTorch out-of-memory messages in public reports, 2026-11"
_LABEL = "; memory: estimate from the label, not confirmed, 2026-11"

# name, GiB, GB/s, bf16, fp8, int8 TFLOPS, capability, NVLink, link GB/s, tokens, seqs, standing
_ROWS = (
    ("a100-40", 39.4, 1555, 312, 0, 624, "8.0", True, 300, 2048, 256, "unconfirmed",
     _KLOCKWOOD + _LABEL),
    ("a100-80", 79.25, 2039, 312, 0, 624, "8.0", True, 300, 2048, 256, "measured",
     _KLOCKWOOD + "; memory: dennislee22/vLLM-benchmarking logs, 2026-11"),
    ("h100", 79.18, 3350, 989, 1979, 1979, "9.0", True, 450, 8192, 1024, "measured",
     _HOPPER + "; memory: llm-d-incubation/llm-d-planner empirical-vllm-memory-results, 2026-11"),
    ("h200", 139.8, 4800, 989, 1979, 1979, "9.0", True, 450, 8192, 1024, "unconfirmed",
     _HOPPER + _LABEL),
    ("b200", 178.0, 8000, 2250, 4500, 4500, "10.0", True, 900, 16384, 1024, "unconfirmed",
     _KLOCKWOOD + _LABEL),
    ("b300", 267.0, 8000, 2250, 4500, 0, "10.3", True, 900, 16384, 1024, "unconfirmed",
     _REMEMBERED + _LABEL),
    ("a10g", 21.96, 600, 70, 0, 140, "8.6", False, 32, 2048, 256, "measured",
     _REMEMBERED + _OOM),
    ("l4", 21.96, 300, 121, 242, 242, "8.9", False, 32, 2048, 256, "measured",
     _ADA + _OOM),
    ("l40s", 44.3, 864, 362, 733, 733, "8.9", False, 32, 2048, 256, "measured",
     _ADA + _OOM),
    ("rtx-pro-6000", 94.0, 1597, 500, 1000, 1000, "12.0", False, 64, 8192, 1024, "unconfirmed",
     _REMEMBERED + _LABEL),
)  # fmt: skip

GPUS: dict[str, Gpu] = {
    name: Gpu(
        name=name,
        torch_visible_gib=memory,
        bandwidth_gb_s=bandwidth,
        tflops={key: float(rate) for key, rate in
                (("bf16", bf16), ("fp8", fp8), ("int8", int8)) if rate},
        compute_capability=capability,
        nvlink=nvlink,
        link_gb_s=link,
        batched_tokens=tokens,
        batched_seqs=seqs,
        memory_standing=standing,
        source=source,
    )
    for name, memory, bandwidth, bf16, fp8, int8, capability, nvlink, link, tokens, seqs,
        standing, source in _ROWS
}  # fmt: skip
