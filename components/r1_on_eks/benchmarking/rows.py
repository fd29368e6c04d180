"""A run as a row of a table of measurements, which `r1 calibrate` reads."""

import csv
import uuid
from collections.abc import Iterable
from pathlib import Path

from r1_on_eks.benchmarking.load import Load
from r1_on_eks.benchmarking.measured import Measured
from r1_on_eks.calibration.hardware import MEASURED_GPUS, VARIANT_OF
from r1_on_eks.catalog.images import VLLM
from r1_on_eks.plan import Model

# In the order of benchmarks/measured.csv.
COLUMNS: tuple[str, ...] = (
    "id", "model", "proxy_for", "quant", "gpu", "n_gpus", "tp", "pp", "dp", "nodes", "engine",
    "engine_version", "isl", "osl", "workload", "concurrency", "rate_qps", "output_tok_s",
    "req_s", "ttft_ms", "tpot_ms", "e2e_s", "stat", "kind", "source", "note",
)  # fmt: skip


class NotRecorded(ValueError):
    """The run is no measurement that speed can be calibrated with, or the table is another."""


def row_of(
    model: Model, load: Load, found: Measured, *, source: str, rehearsed: bool, day: str
) -> dict[str, str]:
    """The row of a run.

    Args:
        model: What was planned, and so what is believed to stand there.
        load: What was sent.
        found: What came of it.
        source: Who measured.
        rehearsed: Whether a stand-in answered: then the row says so.
        day: As 2026-11-25.
    """
    placement = model.placement
    gpu = next(name for name, known in MEASURED_GPUS.items() if known.name == placement.gpu.name)
    name = next(key for key, one in VARIANT_OF.items() if one == placement.variant.name)
    arrivals = "Poisson arrivals" if load.rate is not None else "closed loop"
    says = "a stand-in answered, no model: nothing about speed" if rehearsed else ""
    cells = {
        "id": f"r1-{uuid.uuid4().hex[:8]}",
        "model": name,
        "proxy_for": name,
        "quant": placement.checkpoint.precision,
        "gpu": gpu,
        "n_gpus": placement.gpus,
        "tp": placement.tensor_parallel,
        "pp": placement.stages,
        "dp": placement.replicas,
        "nodes": placement.stages,
        "engine": "vLLM",
        "engine_version": VLLM.rpartition(":v")[2],
        "isl": f"{found.prompt:.0f}",
        "osl": f"{found.output:.0f}",
        "workload": f"aiperf, {arrivals}, {found.requests} requests",
        "concurrency": load.concurrency,
        "rate_qps": load.rate,
        "output_tok_s": f"{found.output_per_s:.2f}",
        "req_s": f"{found.requests_per_s:.4f}",
        "ttft_ms": f"{found.first_token_s * 1e3:.1f}",
        "tpot_ms": f"{found.per_token_s * 1e3:.3f}",
        "e2e_s": f"{found.whole_s:.3f}",
        "stat": "mean",
        "kind": "rehearsed" if rehearsed else "measured",
        "source": source,
        "note": "; ".join(part for part in (says, day) if part),
    }
    return {key: "" if cell is None else str(cell) for key, cell in cells.items()}


def check(table: Path, models: Iterable[Model]) -> None:
    """Before a load is sent: whether its row could be added.

    Args:
        table: Where to.
        models: What is measured.

    Raises:
        NotRecorded: one runs without a GPU or with any number of replicas, or the table has other
            columns or no folder.
    """
    for model in models:
        if model.placement.on_cpu:
            raise NotRecorded(
                f"{model.server.variant}: the speed model knows GPUs alone; leave --record out"
            )
        if model.scaling:
            raise NotRecorded(
                f"{model.server.variant}: its replicas follow the requests, and nothing tells how"
                " many answered; leave --record out, or measure a stack without scale"
            )
    if not table.parent.is_dir():
        raise NotRecorded(f"--record {table}: there is no folder {table.parent}")
    if not _is_fresh(table):
        with table.open(newline="", encoding="utf-8-sig") as file:
            present = tuple(next(csv.reader(file), ()))
        if present != COLUMNS:
            raise NotRecorded(f"{table}: has other columns than benchmarks/measured.csv")


def append(table: Path, row: dict[str, str]) -> None:
    """Adds a row to a table that was checked, which is made where there is none."""
    fresh = _is_fresh(table)
    ended = fresh or table.read_bytes().endswith(b"\n")
    with table.open("a", newline="", encoding="utf-8") as file:
        if not ended:
            file.write("\n")
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def _is_fresh(table: Path) -> bool:
    return not table.exists() or not table.stat().st_size
