"""Measured rows, from tables with the columns of tests/benchmarks.csv."""

import csv
import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from r1_on_eks.calibration.hardware import MEASURED_GPUS, shape_name, size_of
from r1_on_eks.catalog.gpus import Gpu
from r1_on_eks.plan.replica import ModelSize

# A default of vLLM's first engine, and of GPUs with less memory until today.
_FEW_SEQUENCES = 256
_MANY_SEQUENCES = 1024
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
        large = self.gpu.torch_visible_gib >= 70 and self.gpu.compute_capability != "8.0"
        return _MANY_SEQUENCES if large and self.engine != "vllm-0.7" else _FEW_SEQUENCES


def read(paths: Iterable[Path]) -> tuple[list[Row], Counter[str]]:
    """Reads tables.

    Returns:
        The rows that the model can speak about, and how many it can't, by reason.

    Raises:
        ValueError: a file lacks a column.
    """
    texts: list[dict[str, str]] = []
    for path in paths:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            missing = _COLUMNS - set(reader.fieldnames or ())
            if missing:
                raise ValueError(f"{path}: no column {', '.join(sorted(missing))}")
            texts += list(reader)
    degrees = _single_stream_degrees(texts)
    rows, skipped = [], Counter()
    for text in texts:
        row = _row(text, degrees)
        if isinstance(row, str):
            skipped[row] += 1
        else:
            rows.append(row)
    return rows, skipped


_COLUMNS = {
    "id", "model", "proxy_for", "quant", "gpu", "n_gpus", "tp", "pp", "dp", "nodes", "engine",
    "engine_version", "isl", "osl", "workload", "concurrency", "rate_qps", "output_tok_s",
    "ttft_ms", "tpot_ms", "e2e_s", "source", "note",
}  # fmt: skip


def _row(text: dict[str, str], degrees: dict[tuple[str, ...], float]) -> Row | str:
    shape = shape_name(text["model"], text["proxy_for"])
    precision = _precision(text["quant"])
    size = size_of(shape, precision)
    gpu = MEASURED_GPUS.get(text["gpu"])
    reason = _out_of_scope(text, size, gpu)
    if reason or size is None or gpu is None:
        return reason
    source, engine = _source(text["source"]), _engine(text["engine"], text["engine_version"])
    if source in _WITHOUT_NVLINK:
        gpu = dataclasses.replace(gpu, nvlink=False, link_gb_s=32)
    stages = int(_number(text["pp"], 1))
    degree = _number(text["tp"]) or degrees.get(_key(text)) or _number(text["n_gpus"], 1)
    shared = source == "InferenceX"
    mixed = source == "AccelMark" and text["osl"].startswith("310")
    prompt, output = _number(text["isl"]), _number(text["osl"])
    arrival = _arrival(text)
    stated = re.search(r"KV available ([\d.]+) GiB/GPU", text["note"])
    filled = round(_number(text["n_gpus"], degree) / (degree * stages))
    copies = max(1.0, _number(text["dp"]) or filled)
    return Row(
        id=text["id"],
        source=source,
        model=shape,
        precision=precision,
        gpu_name=text["gpu"],
        engine=engine,
        arrival=arrival,
        size=size,
        gpu=gpu,
        tensor_parallel=int(degree),
        pipeline_parallel=stages,
        replicas=copies,
        # InferenceX draws lengths between 0.8 and 1.0 of those it names.
        prompt=prompt * (0.9 if shared else 1),
        output=output * (0.9 if shared else 1),
        # ShareGPT answers, cut at 512 tokens.
        longest=512 if mixed else output,
        concurrency=1e4 if arrival == "most" else _number(text["concurrency"], math.nan),
        rate=_number(text["rate_qps"], math.nan),
        requests=_SHORT_RUN if arrival == "open" else math.inf,
        eager=_eager(text, source, engine, precision),
        cache_gib=_number(stated[1]) if stated else math.nan,
        repeated=_repeated(text, source, engine),
        per_token=_number(text["tpot_ms"], math.nan) / 1e3,
        first_token=_number(text["ttft_ms"], math.nan) / 1e3,
        output_rate=_number(text["output_tok_s"], math.nan),
        whole=_number(text["e2e_s"], math.nan),
    )


def _out_of_scope(text: dict[str, str], size: ModelSize | None, gpu: Gpu | None) -> str:
    workload = text["workload"]
    if size is None:
        return f"model or precision not known: {text['proxy_for']} {text['quant']}"
    if gpu is None:
        return f"GPU not known: {text['gpu']}"
    if _number(text["nodes"], 1) > 1:
        return "several nodes over a network that isn't stated"
    if re.search(r"prefill throughput|P\+|DP attention|MTP", workload):
        return "another way of serving: " + workload[:40]
    if not _number(text["isl"]) or not _number(text["osl"]):
        return "no lengths stated"
    if not _number(text["concurrency"]) and not _number(text["rate_qps"]):
        return "no load stated" if text["concurrency"] != "max" else ""
    return ""


def _arrival(text: dict[str, str]) -> str:
    workload = text["workload"]
    if "Poisson" in workload:
        return "open"
    if text["concurrency"] == "max" or "max throughput" in workload:
        return "most"
    if re.search(r"at once|infinite rate|burst|vllm bench, \d+ req", workload):
        return "burst"
    return "closed"


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
    kept = engine == "vllm-0.20" and _number(text["isl"]) < _LONGEST_POOL
    again = re.search(r"online|sustained", text["workload"]) is not None
    return source in _REPEAT_PROMPTS or (source == "AccelMark" and kept and again)


def _precision(quant: str) -> str:
    quant = quant.lower()
    if "w4" in quant or "int4" in quant or "awq" in quant:
        return "int4"
    return {"w8a8": "int8", "int8": "int8", "w8a16": "w8a16", "fp8": "fp8"}.get(
        quant, "bf16" if quant in ("bf16", "fp16") else quant
    )


def _engine(name: str, version: str) -> str:
    if name == "SGLang":
        return "sglang"
    if "TensorRT" in name:
        return "tensorrt-llm"
    if version.startswith(("0.7", "2024")):
        return "vllm-0.7"
    minor = re.match(r"0\.(\d+)", version)
    # Rows without a version are from the second half of 2025.
    old = minor is None and version != "recipe"
    return "vllm-0.10" if old or (minor and int(minor[1]) < 19) else "vllm-0.20"


# Two of its GPUs exchange as much slower than NVLink would as PCIe does.
_WITHOUT_NVLINK = {"dennislee22/vLLM-benchmarking"}
_SOURCES = (
    ("AccelMark", "AccelMark"),
    ("RedHatAI", "RedHat model cards"),
    ("silicon_sample", "InferenceX"),
    ("InferenceX", "InferenceX"),
    ("cognitivecomputations", "AWQ model card"),
)


def _source(text: str) -> str:
    for part, name in _SOURCES:
        if part in text:
            return name
    repository = re.match(r"github ([^/\s]+(/[^/\s]+)?)", text)
    if repository:
        return repository[1]
    return re.sub(r"^https?://", "", text).split("/")[0]


def _key(text: dict[str, str]) -> tuple[str, ...]:
    return text["model"], text["gpu"], text["quant"]


def _single_stream_degrees(texts: Sequence[dict[str, str]]) -> dict[tuple[str, ...], float]:
    """The cards don't state how their GPUs were split at full load: as for a single stream."""
    return {
        _key(text): _number(text["tp"])
        for text in texts
        if "single stream" in text["workload"] and _number(text["tp"])
    }


def _number(text: str, otherwise: float = 0.0) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise
