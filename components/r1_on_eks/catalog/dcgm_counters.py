"""What DCGM's exporter is asked for on GPU nodes.

Names are DCGM's field identifiers, read 2026-11 in NVIDIA/dcgm-exporter etc/default-counters.csv,
docs and source at 4.x (which ships most errors and all profiling of multiprocessors switched off),
and in DCGM's dcgm_fields.h. Text and choice are our own.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Counter:
    """One field of DCGM.

    Attributes:
        field: DCGM's name, and the metric's.
        kind: Prometheus' type.
        text: What it says; no comma, since it ends up in a CSV.
        profiling: Whether DCGM reads it through the GPU's profiling counters: those need
            SYS_ADMIN, and a GPU of the data centre (Volta or newer).
        per_xid: Whether a GPU has one series for each kind of error, not one.
    """

    field: str
    kind: str
    text: str
    profiling: bool = False
    per_xid: bool = False


def _gauge(field: str, text: str) -> Counter:
    return Counter(field=field, kind="gauge", text=text)


def _counter(field: str, text: str) -> Counter:
    return Counter(field=field, kind="counter", text=text)


def _profiled(field: str, text: str) -> Counter:
    return Counter(field=field, kind="gauge", text=text, profiling=True)


COUNTERS = (
    _gauge("DCGM_FI_DEV_GPU_UTIL", "Share of time in which any kernel ran; percent"),
    _gauge("DCGM_FI_DEV_MEM_COPY_UTIL", "Share of time in which memory was read or written"),
    _profiled("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Share of time in which the GPU computed; 0 to 1"),
    _profiled("DCGM_FI_PROF_SM_ACTIVE", "Share of cycles with a warp on a multiprocessor; 0 to 1"),
    _profiled("DCGM_FI_PROF_SM_OCCUPANCY", "Warps that were resident out of those possible"),
    _profiled("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "Share of cycles of the tensor cores; 0 to 1"),
    _profiled("DCGM_FI_PROF_DRAM_ACTIVE", "Share of cycles of the memory interface; 0 to 1"),
    _profiled("DCGM_FI_PROF_NVLINK_TX_BYTES", "Bytes a second sent over NVLink"),
    _profiled("DCGM_FI_PROF_NVLINK_RX_BYTES", "Bytes a second received over NVLink"),
    _gauge("DCGM_FI_DEV_FB_USED", "Memory in use; MiB"),
    _gauge("DCGM_FI_DEV_FB_FREE", "Memory free; MiB"),
    _gauge("DCGM_FI_DEV_FB_RESERVED", "Memory that the driver keeps; MiB"),
    _gauge("DCGM_FI_DEV_GPU_TEMP", "Temperature of the GPU; degrees Celsius"),
    _gauge("DCGM_FI_DEV_MEMORY_TEMP", "Temperature of its memory; degrees Celsius"),
    _gauge("DCGM_FI_DEV_POWER_USAGE", "Power drawn; watts"),
    _counter("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "Energy since the driver was loaded; mJ"),
    _gauge("DCGM_FI_DEV_SM_CLOCK", "Clock of the multiprocessors; MHz"),
    _counter("DCGM_FI_DEV_POWER_VIOLATION", "Time throttled for power; nanoseconds"),
    _counter("DCGM_FI_DEV_THERMAL_VIOLATION", "Time throttled for heat; nanoseconds"),
    _counter("DCGM_FI_DEV_RELIABILITY_VIOLATION", "Time throttled for reliability; nanoseconds"),
    _gauge("DCGM_FI_DEV_XID_ERRORS", "The last XID error"),
    Counter(
        field="DCGM_EXP_XID_ERRORS_COUNT",
        kind="gauge",
        text="XID errors of the last minutes by number",
        per_xid=True,
    ),
    _counter("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "Single-bit errors since the driver was loaded"),
    _counter("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "Double-bit errors since the driver was loaded"),
    _counter("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "Double-bit errors of the GPU's life"),
    _counter("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "Rows remapped after correctable errors"),
    _counter("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "Rows remapped after uncorrectable ones"),
    _gauge("DCGM_FI_DEV_ROW_REMAP_FAILURE", "Whether a row could not be remapped"),
    _counter("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "Retries on PCIe"),
    _counter("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", "Bandwidth counters of all NVLink lanes"),
)


def counters_csv() -> str:
    """What the exporter reads with `--collectors`."""
    rows = [f"{one.field}, {one.kind}, {one.text}." for one in COUNTERS]
    return "\n".join(["# DCGM field, Prometheus type, help", *rows, ""])
