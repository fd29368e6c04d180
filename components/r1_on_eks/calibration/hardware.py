"""GPUs and models that public measurements name: ours, and near ones that EC2 does not rent."""

from r1_on_eks.catalog.gpus import GPUS, Gpu
from r1_on_eks.catalog.model_shapes import Checkpoint
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan.replica import ARITHMETIC, BITS, ModelSize

SHEETS = "NVIDIA and AMD data sheets, dense rates, as remembered; used for calibration only"


def _gpu(
    name: str, memory: float, bandwidth: float, rates: tuple[float, float, float], link: float,
    capability: str, *, nvlink: bool = False,
) -> Gpu:  # fmt: skip
    by_name = dict(zip(("bf16", "fp8", "int8"), rates, strict=True))
    return Gpu(
        name=name,
        torch_visible_gib=memory,
        bandwidth_gb_s=bandwidth,
        tflops={key: rate for key, rate in by_name.items() if rate},
        compute_capability=capability,
        nvlink=nvlink,
        link_gb_s=link,
        batched_tokens=2048,
        batched_seqs=256,
        memory_standing="unconfirmed",
        source=SHEETS,
    )


# As the tables of measurements spell them.
MEASURED_GPUS: dict[str, Gpu] = {
    "A100-40": GPUS["a100-40"],
    "A100-80": GPUS["a100-80"],
    "H100-80": GPUS["h100"],
    "H200-141": GPUS["h200"],
    "B200-180": GPUS["b200"],
    "A10G-24": GPUS["a10g"],
    "L4-24": GPUS["l4"],
    "L40S-48": GPUS["l40s"],
    # An A100 with fewer NVLinks, sold in China.
    "A800-80": _gpu("a800-80", 79.25, 2039, (312, 0, 624), 200, "8.0", nvlink=True),
    "A6000-48": _gpu("a6000", 47.5, 768, (155, 0, 310), 32, "8.6"),
    "A40-48": _gpu("a40", 44.4, 696, (150, 0, 299), 32, "8.6"),
    "RTX3090-24": _gpu("rtx3090", 23.6, 936, (71, 0, 284), 32, "8.6"),
    "RTX6000Ada-48": _gpu("rtx6000ada", 47.5, 960, (364, 728, 728), 32, "8.9"),
}

# layers, hidden, heads, kv heads, intermediate, vocabulary; head dimension 128
_NEAR = {
    "Qwen3-8B": (36, 4096, 32, 8, 12288, 151936),
    "Qwen3-14B": (40, 5120, 40, 8, 17408, 151936),
    "Qwen3-32B": (64, 5120, 64, 8, 25600, 151936),
    "Qwen2-72B": (80, 8192, 64, 8, 29568, 152064),
}
VARIANT_OF = {
    "DeepSeek-R1": "671b",
    "DeepSeek-R1-Distill-Qwen-1.5B": "1.5b",
    "DeepSeek-R1-Distill-Qwen-7B": "7b",
    "DeepSeek-R1-Distill-Llama-8B": "8b",
    "DeepSeek-R1-Distill-Qwen-14B": "14b",
    "DeepSeek-R1-Distill-Qwen-32B": "32b",
    "DeepSeek-R1-Distill-Llama-70B": "70b",
}
_BYTES = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "w8a16": 1.0, "int4": 0.5156}


def shape_name(model: str, proxy_for: str) -> str:
    """The shape that a row was measured on: a near model's own, or a variant's."""
    bare = model.rpartition("/")[2].removesuffix("-AWQ")
    return bare if bare in _NEAR else proxy_for.lstrip("~").partition(" ")[0]


def size_of(shape: str, precision: str) -> ModelSize | None:
    """A shape in a precision (`w8a16` too); None where it isn't known."""
    if precision not in _BYTES:
        return None
    if shape in _NEAR:
        return _near_size(shape, precision)
    variant = VARIANTS.get(VARIANT_OF.get(shape, ""))
    if variant is None:
        return None
    published = variant.checkpoints[0]
    if precision == published.precision:
        return ModelSize.of(variant, published)
    embedding = 2 * variant.vocabulary * variant.hidden
    weight_bytes = round(
        variant.linear_parameters * _BYTES[precision] + 2 * embedding
        + 2 * (variant.parameters - variant.linear_parameters - embedding)
    )  # fmt: skip
    arithmetic = "bf16" if precision == "w8a16" else ARITHMETIC[precision]
    stored = "int8" if precision == "w8a16" else precision
    checkpoint = Checkpoint(
        precision=stored,
        repository="",
        weight_bytes=weight_bytes,
        standing="computed",
        source="",
    )
    size = ModelSize.of(variant, checkpoint)
    return ModelSize(**{**vars(size), "arithmetic": arithmetic})


def _near_size(shape: str, precision: str) -> ModelSize:
    layers, hidden, heads, kv_heads, intermediate, vocabulary = _NEAR[shape]
    linear = layers * hidden * (2 * heads * 128 + 2 * kv_heads * 128 + 3 * intermediate)
    table = vocabulary * hidden
    return ModelSize(
        layers=layers,
        hidden=hidden,
        attention_width=heads * 128,
        kv_heads=kv_heads,
        cache_bytes=4 * layers * kv_heads * 128,
        weight_bytes=linear * _BYTES[precision] + 2 * 2 * table,
        dense_bytes=linear * _BYTES[precision] + 2 * table,
        expert_bytes=0.0,
        expert_share=0.0,
        compute_parameters=linear + table,
        bits=8 if precision == "w8a16" else BITS[precision],
        arithmetic="bf16" if precision == "w8a16" else ARITHMETIC[precision],
    )
