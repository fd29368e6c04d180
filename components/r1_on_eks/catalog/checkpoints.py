"""In which precisions each variant is published: one row each, with its source and date."""

from r1_on_eks.catalog.model_shapes import Checkpoint

CONFIG_JSON = (
    "config.json of the repository on Hugging Face; weight bytes counted from it, 2026-11"
)
R1_TENSORS = "safetensors totals of deepseek-ai/DeepSeek-R1, without the MTP layer, 2026-11"
COMPUTED = (
    "computed from the shapes: linear weights at 1 byte, or 0.5156 with the scales of groups of"
    " 128; embedding and head at 2; not read from the repository, 2026-11"
)
AWQ_SIZE = "dzhsurf/deepseek-v3-r1-deploy-and-benchmarks: about 352 GB, 2026-11"
# Share of the published model's scores that is left: neuralmagic's blog on quantized DeepSeek-R1
# models, 2025-03, and the model cards.
_RECOVERY = {"fp8": "about 99–100 %", "int8": "about 99–100 %", "int4": "about 97–99 %"}
_SMALLEST_RECOVERY = {"fp8": "about 99–100 %", "int8": "about 97 %", "int4": "about 94 %"}
_SUFFIXES = {"fp8": "-FP8-dynamic", "int8": "-quantized.w8a8", "int4": "-quantized.w4a16"}

# variant, distillation, bytes in 16, 8 and 4 bits
_DISTILLATIONS = (
    ("1.5b", "Qwen-1.5B", 3_554_176_000, 2_243_980_288, 1_609_354_240),
    ("7b", "Qwen-7B", 15_231_233_024, 8_705_944_576, 5_545_257_984),
    ("8b", "Llama-8B", 16_060_522_496, 9_081_200_640, 5_700_591_616),
    ("14b", "Qwen-14B", 29_540_067_328, 16_328_009_728, 9_928_419_328),
    ("32b", "Qwen-32B", 65_527_752_704, 34_322_130_944, 19_206_907_904),
    ("70b", "Llama-70B", 141_107_412_992, 72_656_371_712, 39_500_398_592),
)


def _distilled(
    name: str, base: str, sixteen: int, eight: int, four: int
) -> tuple[Checkpoint, ...]:
    published = Checkpoint(
        precision="bf16",
        repository=f"deepseek-ai/DeepSeek-R1-Distill-{base}",
        weight_bytes=sixteen,
        standing="counted",
        source=CONFIG_JSON,
    )
    recovery = _SMALLEST_RECOVERY if name == "1.5b" else _RECOVERY
    sizes = {"fp8": eight, "int8": eight, "int4": four}
    smaller = (
        Checkpoint(
            precision=precision,
            repository=f"RedHatAI/DeepSeek-R1-Distill-{base}{_SUFFIXES[precision]}",
            weight_bytes=size,
            standing="computed",
            recovery=recovery[precision],
            source=COMPUTED,
        )
        for precision, size in sizes.items()
    )
    return published, *smaller


CHECKPOINTS: dict[str, tuple[Checkpoint, ...]] = {
    **{row[0]: _distilled(*row) for row in _DISTILLATIONS},
    "671b": (
        Checkpoint(
            precision="fp8",
            repository="deepseek-ai/DeepSeek-R1",
            weight_bytes=673_150_611_808,
            standing="counted",
            source=R1_TENSORS,
        ),
        Checkpoint(
            precision="int4",
            repository="cognitivecomputations/DeepSeek-R1-AWQ",
            weight_bytes=352_000_000_000,
            standing="approximate",
            source=AWQ_SIZE,
        ),
    ),
}
