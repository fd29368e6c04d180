"""Measured rows, from tables with the columns of benchmarks/measured.csv."""

import csv
import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from r1_on_eks.calibration.hardware import MEASURED_GPUS, shape_name, size_of
from r1_on_eks.calibration.harnesses import Harness, harness_of
from r1_on_eks.calibration.spellings import (
    arrival_of,
    count,
    engine_of,
    number,
    precision_of,
    source_of,
)
from r1_on_eks.catalog.gpus import Gpu
from r1_on_eks.plan.replica import ModelSize

# A default of vLLM's first engine, and of GPUs with less memory until today.
_FEW_SEQUENCES = 256
_MANY_SEQUENCES = 1024
# vLLM's second engine where it is called from Python, not served: AccelMark's online runs call its
# AsyncLLMEngine and name no limit (runners/nvidia_vllm_*/runner.py).
_EMBEDDED_SEQUENCES = 128
# AccelMark's online runs end after so many requests.
_SHORT_RUN = 300


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement, in seconds and tokens per second; NaN where it wasn't taken.

    Attributes:
        id: Its id in the table.
        source: Who measured: one harness, one way of doing it.
        model: The shape.
        precision: `bf16`, `fp8`, `int8`, `w8a16` or `int4`.
        gpu_name: As the table spells it.
        engine: Engine and version group.
        minor: Of vLLM's version 0.x; NaN where it isn't stated, or of another engine.
        arrival: `closed`, `open`, `burst` or `most` (as many as there is room for).
        size: The model.
        gpu: The GPU.
        tensor_parallel: GPUs of one replica and stage.
        pipeline_parallel: Stages.
        replicas: Copies that share the requests.
        prompt: Prompt tokens.
        output: Output tokens, on average.
        longest: Output tokens of the longest answer.
        concurrency: Requests at a time, or of the burst; NaN for `open`.
        rate: Requests per second; NaN elsewhere.
        requests: Requests of the whole run.
        harness: What is known of how it was measured.
        eager: Run without CUDA graphs.
        cache_gib: Memory left for the cache on each GPU, where the table says it.
        repeated: Its prompts were in the cache already.
        per_token: Measured seconds per output token.
        first_token: Measured seconds to the first.
        output_rate: Measured output tokens per second.
        whole: Measured seconds of an answer.
    """

    id: str
    source: str
    model: str
    precision: str
    gpu_name: str
    engine: str
    minor: float
    arrival: str
    size: ModelSize
    gpu: Gpu
    tensor_parallel: int
    pipeline_parallel: int
    replicas: float
    prompt: float
    output: float
    longest: float
    concurrency: float
    rate: float
    requests: float
    harness: Harness
    eager: bool
    cache_gib: float
    repeated: bool
    per_token: float
    first_token: float
    output_rate: float
    whole: float

    @property
    def set_name(self) -> str:
        """Rows of one source on one model and GPU."""
        return f"{self.source} · {self.model} · {self.precision} · {self.gpu_name}"

    @property
    def most_sequences(self) -> int:
        """Sequences that the engine runs at a time by default."""
        if self.source == "AccelMark" and self.arrival == "open" and self.engine == "vllm-0.20":
            return _EMBEDDED_SEQUENCES
        large = self.gpu.torch_visible_gib >= 70 and self.gpu.compute_capability != "8.0"
        return _MANY_SEQUENCES if large and self.engine != "vllm-0.7" else _FEW_SEQUENCES


def read(paths: Iterable[Path], *, rehearsed: bool = True) -> tuple[list[Row], Counter[str]]:
    """Reads tables.

    Args:
        paths: Of the tables.
        rehearsed: Whether rows count of which a stand-in answered, at a pace that was set.

    Returns:
        The rows that the model can speak about, and how many it can't, by reason.

    Raises:
        ValueError: a file lacks a column.
    """
    rows, skipped = [], Counter()
    for path in paths:
        for text in _texts(path):
            if text.get("kind") == "rehearsed" and not rehearsed:
                row: Row | str = "a stand-in answered, no model"
            else:
                row = _row(text)
            if isinstance(row, str):
                skipped[row] += 1
            else:
                rows.append(row)
    return rows, skipped


def _texts(path: Path) -> list[dict[str, str]]:
    # Spreadsheets write a mark before the first column, and end lines that lack cells early.
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restval="")
        try:
            missing = _COLUMNS - set(reader.fieldnames or ())
            texts = list(reader)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: is no table in UTF-8 ({error})") from None
    if missing:
        raise ValueError(f"{path}: no column {', '.join(sorted(missing))}")
    return texts


_COLUMNS = {
    "id", "model", "proxy_for", "quant", "gpu", "n_gpus", "tp", "pp", "dp", "nodes", "engine",
    "engine_version", "isl", "osl", "workload", "concurrency", "rate_qps", "output_tok_s",
    "ttft_ms", "tpot_ms", "e2e_s", "source", "note",
}  # fmt: skip


def _under(harness: Harness, gpu: Gpu) -> Gpu:
    """The GPU as the harness ran it."""
    if harness.pods:
        gpu = dataclasses.replace(gpu, nvlink=False, link_gb_s=32)
    if harness.prompt_step:
        gpu = dataclasses.replace(gpu, batched_tokens=harness.prompt_step)
    return gpu


def _row(text: dict[str, str]) -> Row | str:
    shape = shape_name(text["model"], text["proxy_for"])
    precision = precision_of(text["quant"])
    size = size_of(shape, precision)
    gpu = MEASURED_GPUS.get(text["gpu"])
    known = engine_of(text["engine"], text["engine_version"])
    reason = _unknown(text, shape, precision) or _out_of_scope(text)
    if reason or size is None or gpu is None or known is None:
        return reason
    source, (engine, minor) = source_of(text["source"]), known
    harness = harness_of(source, engine, shape, precision, gpu.compute_capability)
    gpu = _under(harness, gpu)
    size = dataclasses.replace(size, cache_bytes=size.cache_bytes * harness.cache_bytes // 2)
    arrival = arrival_of(text)
    stages = count(text["pp"]) or 1
    gpus = count(text["n_gpus"])
    if arrival == "most":
        degree = count(text["tp"]) or min(fewest_gpus(size, gpu), gpus or _MOST_GPUS)
    else:
        degree = count(text["tp"]) or gpus or 1
    shared = source == "InferenceX"
    mixed = (source == "AccelMark" and text["osl"].startswith("310")) or (
        "ShareGPT" in text["workload"] and arrival == "closed"
    )
    prompt, output = number(text["isl"]), number(text["osl"])
    stated = re.search(r"KV available ([\d.]+) GiB/GPU", text["note"])
    copies = number(text["dp"]) or round((gpus or degree) / (degree * stages))
    return Row(
        id=text["id"],
        source=source,
        model=shape,
        precision=precision,
        gpu_name=text["gpu"],
        engine=engine,
        minor=minor,
        arrival=arrival,
        size=size,
        gpu=gpu,
        tensor_parallel=degree,
        pipeline_parallel=stages,
        replicas=max(1.0, copies),
        # InferenceX draws lengths between 0.8 and 1.0 of those it names.
        prompt=prompt * (0.9 if shared else 1),
        output=output * (0.9 if shared else 1),
        # ShareGPT answers, cut at 512 tokens.
        longest=max(512, output) if mixed else output,
        concurrency=1e4 if arrival == "most" else _under_way(text, arrival),
        rate=number(text["rate_qps"], math.nan),
        requests=_SHORT_RUN if arrival == "open" else math.inf,
        harness=harness,
        eager=_eager(text, source, engine, precision),
        cache_gib=number(stated[1]) if stated else math.nan,
        repeated=_repeated(text, source, engine),
        per_token=number(text["tpot_ms"], math.nan) / 1e3,
        first_token=number(text["ttft_ms"], math.nan) / 1e3,
        output_rate=number(text["output_tok_s"], math.nan),
        whole=number(text["e2e_s"], math.nan),
    )


# By how much the number of requests may be off before it is taken from the times.
_CONTRADICTED = 1.4


def _under_way(text: dict[str, str], arrival: str) -> float:
    """Requests at a time: as stated, or by Little's law where the measurements contradict that.

    gpustack's pages repeat one command for runs with 1, 2, 4 and 8 clients.
    """
    stated = number(text["concurrency"], math.nan)
    output, rate = number(text["osl"]), number(text["output_tok_s"])
    first, each = number(text["ttft_ms"]) / 1e3, number(text["tpot_ms"]) / 1e3
    if arrival != "closed" or not (rate and first and each):
        return stated
    found = rate / output * (first + output * each)
    return stated if 1 / _CONTRADICTED < found / stated < _CONTRADICTED else max(1.0, found)


def _unknown(text: dict[str, str], shape: str, precision: str) -> str:
    """Which of its words the catalogue has no row for."""
    known = {
        "precision": bool(precision) and text["quant"],
        "model": size_of(shape, precision or "bf16") and text["model"],
        "GPU": text["gpu"] in MEASURED_GPUS and text["gpu"],
        "engine": engine_of(text["engine"], "") and text["engine"],
    }
    columns = {"precision": "quant", "model": "model", "GPU": "gpu", "engine": "engine"}
    return next(
        (f"{word} not known: {text[columns[word]] or 'none is stated'}"
         for word, found in known.items() if not found), ""
    )  # fmt: skip


def _out_of_scope(text: dict[str, str]) -> str:
    workload = text["workload"]
    if count(text["nodes"]) > 1:
        return "several nodes over a network that isn't stated"
    if re.search(r"prefill throughput|P\+|DP attention|MTP", workload):
        return "another way of serving: " + workload[:40]
    if not number(text["isl"]) or not number(text["osl"]):
        return "no lengths stated"
    load = "rate_qps" if arrival_of(text) == "open" else "concurrency"
    if not number(text[load]) and text["concurrency"] != "max":
        return "no load stated"
    return ""


# Cards don't state how their GPUs were split at full load: over as few as hold the model and the
# longest sequence of their profiles, as they say for a single stream.
_LONGEST_PROFILE = 10_240 + 1_536
_MOST_GPUS = 8
_OVERHEAD_GIB, _UTILIZATION = 3.0, 0.9


def fewest_gpus(size: ModelSize, gpu: Gpu) -> int:
    """GPUs that hold the model, what vLLM needs besides, and the cache of one long sequence."""
    for degree in (1, 2, 4):
        cache = size.cache_bytes * _LONGEST_PROFILE / min(degree, size.kv_heads)
        weights = size.weight_bytes / degree
        free = (_UTILIZATION * gpu.torch_visible_gib - _OVERHEAD_GIB) * 2**30
        if weights + cache <= free:
            return degree
    return _MOST_GPUS


def _eager(text: dict[str, str], source: str, engine: str, precision: str) -> bool:
    # AccelMark's quantized runs on vLLM 0.20 take the same 20 ms a step in every precision,
    # twice those in bf16: read here as a run without CUDA graphs. It is not stated there.
    inferred = source == "AccelMark" and engine == "vllm-0.20" and precision != "bf16"
    return "enforce-eager" in text["note"] or inferred


# Their times to the first token are shorter than the GPU could reckon the prompt in.
_REPEAT_PROMPTS = {"dennislee22/vLLM-benchmarking", "ree2raz/inference-bench"}
# AccelMark sends one pool of 300 requests again and again, at each rate and for half an hour (its
# loadgen.py); vLLM's second engine keeps it, where it isn't the pool of the longest prompts.
_LONGEST_POOL = 28000


def _repeated(text: dict[str, str], source: str, engine: str) -> bool:
    kept = engine == "vllm-0.20" and number(text["isl"]) < _LONGEST_POOL
    again = re.search(r"online|sustained", text["workload"]) is not None
    return source in _REPEAT_PROMPTS or (source == "AccelMark" and kept and again)
