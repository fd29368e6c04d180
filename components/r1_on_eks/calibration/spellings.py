"""How tables of measurements spell things: engines, precisions, sources, loads, numbers."""

import math
import re

# Engines by a part of their names, in lower case.
_ENGINES = (("sglang", "sglang"), ("tensorrt", "tensorrt-llm"), ("vllm", "vllm"))
# Minor versions of vLLM 0.x up to which its first engine ran, and from which the newest group is.
_FIRST_ENGINE, _NEWEST_GROUP = 7, 20
_DATED = re.compile(r"20\d\d")


def number(text: str, otherwise: float = 0.0) -> float:
    """What a cell says; something else where it is empty, no finite number, or below zero."""
    try:
        value = float(text)
    except ValueError:
        return otherwise
    return value if math.isfinite(value) and value >= 0 else otherwise


def count(text: str) -> int:
    """A whole number from one on; 0 where a cell has none."""
    return int(number(text))


def engine_of(name: str, version: str) -> tuple[str, float] | None:
    """Engine and version group, and the minor version of vLLM 0.x; None for an engine unknown.

    A vLLM of no stated version is from the second half of 2025, as all in public tables were; a
    recipe is of the newest.
    """
    engine = next((known for part, known in _ENGINES if part in name.lower()), "")
    if engine != "vllm":
        return (engine, math.nan) if engine else None
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found and not _DATED.match(version):
        minor = math.inf if int(found[1]) else int(found[2])
        if minor <= _FIRST_ENGINE:
            return "vllm-0.7", minor
        return ("vllm-0.20" if minor >= _NEWEST_GROUP else "vllm-0.10"), minor
    if version == "recipe":
        return "vllm-0.20", math.inf
    return ("vllm-0.7" if version.startswith("2024") else "vllm-0.10"), math.nan


_PRECISIONS = (
    (r"w4|int4|awq|gptq", "int4"), (r"w8a16", "w8a16"), (r"nvfp4|mxfp4|fp4", ""),
    (r"fp8|f8", "fp8"), (r"int8|w8a8", "int8"), (r"bf16|bfloat16|fp16|float16", "bf16"),
)  # fmt: skip


def precision_of(quant: str) -> str:
    """`bf16`, `fp8`, `int8`, `w8a16` or `int4`; "" for what the model has no coefficients for."""
    spelt = quant.lower()
    return next((known for part, known in _PRECISIONS if re.search(part, spelt)), "")


_SOURCES = (
    ("AccelMark", "AccelMark"),
    ("RedHatAI", "RedHat model cards"),
    ("silicon_sample", "InferenceX"),
    ("InferenceX", "InferenceX"),
    ("cognitivecomputations", "AWQ model card"),
)


def source_of(text: str) -> str:
    """Who measured: a repository, a site, or a name of several pages of the same hand."""
    for part, name in _SOURCES:
        if part in text:
            return name
    repository = re.match(r"github ([^/\s]+(/[^/\s]+)?)", text)
    if repository:
        return repository[1]
    return re.sub(r"^https?://", "", text).split("/")[0] or "not stated"


def arrival_of(text: dict[str, str]) -> str:
    """`open`, `most`, `burst` or `closed`: see `Row.arrival`."""
    workload, at_a_time = text["workload"], text["concurrency"]
    if "Poisson" in workload or (number(text["rate_qps"]) and not at_a_time):
        return "open"
    if at_a_time == "max" or "max throughput" in workload:
        return "most"
    if re.search(r"at once|infinite rate|burst|vllm bench, \d+ req", workload):
        return "burst"
    return "closed"
