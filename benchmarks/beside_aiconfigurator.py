"""Our speed model beside NVIDIA's aiconfigurator-core, on the measured rows that both can predict.

  pip install -e '.[calibration,beside]'
  python benchmarks/beside_aiconfigurator.py benchmarks/measured.csv [MORE_ROWS.csv]

Ours predicts each row by a fit without its group (GPU class, model and source); theirs has no
fit, and its own tables may hold what a row was measured on. What it writes beside
docs/estimates.md becomes a section of it with `r1 calibrate --score … --page docs/estimates.md`:
rows of benchmarks/measured.csv one by one, those of further files as errors only.
"""

import json
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from aiconfigurator_core.sdk.backends.factory import get_backend
from aiconfigurator_core.sdk.config import RuntimeConfig
from aiconfigurator_core.sdk.config_builders import build_model_config
from aiconfigurator_core.sdk.errors import MissingSystemFlopsError, PerfDataNotAvailableError
from aiconfigurator_core.sdk.models import get_model
from aiconfigurator_core.sdk.perf_database import get_database
from r1_on_eks.calibration.beside import NAME, Beside, Pair, write
from r1_on_eks.calibration.families import family_of
from r1_on_eks.calibration.replay import Replay
from r1_on_eks.calibration.rows import Row, read
from r1_on_eks.calibration.scoring import SCORED, cross_validate
from r1_on_eks.catalog.speed_coefficients import speed_coefficients

COMMITTED = Path(__file__).parent / "measured.csv"
PAGE = Path(__file__).parent.parent / "docs" / "estimates.md"
SYSTEMS = {
    "A100-80": "a100_sxm",
    "H100-80": "h100_sxm",
    "H200-141": "h200_sxm",
    "B200-180": "b200_sxm",
    "L40S-48": "l40s",
}
BACKENDS = {"sglang": "sglang", "tensorrt-llm": "trtllm"}
# Eight-bit integers: it has weights alone (`int8_wo`) and SmoothQuant, which vLLM doesn't run.
PRECISIONS = {"bf16": None, "fp8": "fp8", "int4": "int4_wo", "w8a16": "int8_wo"}
KNOWN_MODELS = {
    "DeepSeek-R1": "deepseek-ai/DeepSeek-R1",
    "DeepSeek-R1-Distill-Llama-8B": "meta-llama/Meta-Llama-3.1-8B",
    "DeepSeek-R1-Distill-Llama-70B": "meta-llama/Meta-Llama-3.1-70B",
    "Qwen3-8B": "Qwen/Qwen3-8B",
    "Qwen3-32B": "Qwen/Qwen3-32B",
}
# Hidden, intermediate, heads, KV heads, layers, vocabulary of those that it has no file for; the
# architecture is Qwen2's, whose layers it knows.
QWEN2 = {
    "DeepSeek-R1-Distill-Qwen-1.5B": (1536, 8960, 12, 2, 28, 151936),
    "DeepSeek-R1-Distill-Qwen-7B": (3584, 18944, 28, 4, 28, 152064),
    "DeepSeek-R1-Distill-Qwen-14B": (5120, 13824, 40, 8, 48, 152064),
    "DeepSeek-R1-Distill-Qwen-32B": (5120, 27648, 40, 8, 64, 152064),
    "Qwen2-72B": (8192, 29568, 64, 8, 80, 152064),
}


def main(paths: Sequence[str]) -> int:
    """Predicts every row twice and writes both down."""
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    logging.disable(logging.WARNING)
    rows, _ = read(Path(path) for path in paths)
    theirs, refused = _their_predictions(rows)
    for reason, count in refused.most_common():
        print(f"not by aiconfigurator: {count} × {reason}", file=sys.stderr)
    ours = cross_validate(rows, "group", lambda step: print(f"  … {step}", file=sys.stderr))
    pairs = [
        Pair(
            row=row.id, source=row.source, engine=family_of(row), what=metric,
            ours=predicted, theirs=float(theirs[row.id][metric]), measured=measured,
        )
        for metric in SCORED
        for row, predicted, measured in ours[metric].each()
        if row.id in theirs
    ]  # fmt: skip
    committed = {row.id for row in read([COMMITTED])[0]}
    beside = Beside.of(
        pairs,
        committed,
        version=version("aiconfigurator-core"),
        fitted=speed_coefficients(),
        refused=dict(refused.most_common()),
    )
    write(beside, PAGE.with_name(NAME))
    print(f"wrote {len(pairs)} pairs")
    return 0


def _their_predictions(rows: Sequence[Row]) -> tuple[dict[str, dict[str, Any]], Counter[str]]:
    replay = Replay(rows)
    found, refused = {}, Counter[str]()
    for row, room, from_cache in zip(rows, replay.room, replay.from_cache, strict=True):
        reason = _out_of_its_scope(row)
        if reason:
            refused[reason] += 1
            continue
        try:
            found[row.id] = _predict(row, room, from_cache=bool(from_cache))
        except (PerfDataNotAvailableError, MissingSystemFlopsError):
            refused[f"no tables of {row.precision} weights on {row.gpu_name}"] += 1
    return found, refused


def _out_of_its_scope(row: Row) -> str:
    if row.gpu_name not in SYSTEMS:
        return f"no measured tables of {row.gpu_name}"
    if row.arrival in ("open", "most"):
        return "requests at a rate, or as many as fit: it takes a number at a time"
    if row.precision not in PRECISIONS:
        return f"no {row.precision} arithmetic"
    if row.eager:
        return "without CUDA graphs"
    if row.size.expert_bytes and row.precision != "fp8":
        return f"no {row.precision} experts"
    if row.model not in KNOWN_MODELS | QWEN2:
        return f"no shape of {row.model}"
    return ""


def _predict(row: Row, room: float, *, from_cache: bool) -> dict[str, Any]:
    backend = BACKENDS.get(row.engine, "vllm")
    size = max(1, round(min(row.concurrency / row.replicas, room)))
    prompt, output = round(row.prompt), max(2, round(row.output))
    summary = get_backend(backend).run_agg(
        _model(
            row.model,
            row.precision,
            row.tensor_parallel,
            row.pipeline_parallel,
            backend,
            row.harness.cache_bytes,
        ),
        _database(SYSTEMS[row.gpu_name], backend),
        RuntimeConfig(
            batch_size=size, isl=prompt, osl=output, prefix=prompt - 16 if from_cache else 0
        ),
        # One prompt a step: with as many as the engine takes it queues them all for each other,
        # and is three to five times too slow to the first token.
        ctx_tokens=min(prompt, row.gpu.batched_tokens),
    )
    result = summary.get_result_dict()
    if result is None:
        raise ValueError("no result")
    return {
        "per_token": result["tpot"] / 1e3,
        "first_token": result["ttft"] / 1e3,
        "output_rate": result["tokens/s"] * row.replicas,
    }


@cache
def _database(system: str, backend: str) -> Any:
    database = get_database(system, backend, "current")
    if database is None:
        raise ValueError(f"no database of {system} and {backend}")
    return database


@cache
def _model(
    shape: str, precision: str, tensor: int, stages: int, backend: str, cache_bytes: int
) -> Any:
    experts = shape == "DeepSeek-R1"
    config = build_model_config(
        tensor, stages, 1, tensor if experts else None, 1 if experts else None,
        # A checkpoint with experts says its own precision.
        gemm_quant_mode=None if experts else PRECISIONS[precision],
        # Its tables of latent attention are for 16-bit arithmetic.
        fmha_quant_mode="bfloat16" if experts else None,
        kvcache_quant_mode="fp8" if cache_bytes == 1 else "bfloat16" if experts else None,
    )  # fmt: skip
    return get_model(KNOWN_MODELS.get(shape) or _qwen2(shape), config, backend)


def _qwen2(shape: str) -> str:
    hidden, intermediate, heads, kv_heads, layers, vocabulary = QWEN2[shape]
    folder = Path(tempfile.mkdtemp(prefix="beside-"))
    content = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "num_hidden_layers": layers,
        "vocab_size": vocabulary,
        "max_position_embeddings": 131072,
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(content))
    return str(folder)


if __name__ == "__main__":
    np.seterr(all="ignore")
    raise SystemExit(main(sys.argv[1:]))
