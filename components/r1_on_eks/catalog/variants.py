"""The seven published DeepSeek-R1 checkpoints: one row each, with its source and date."""

from dataclasses import dataclass

CONFIG_JSON = (
    "config.json of the repository on Hugging Face; weight bytes counted from it, 2026-11"
)
R1_TENSORS = "safetensors totals of deepseek-ai/DeepSeek-R1, without the MTP layer, 2026-11"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One checkpoint in the precision in which it was published.

    Attributes:
        name: The word of stack files, routes and services.
        repository: Where it is published, `owner/name` on Hugging Face.
        licence: Licence of the weights and, where it differs, of what they derive from.
        parameters: All parameters, without the multi-token-prediction layer.
        weight_bytes: Bytes that are loaded onto the GPUs of one replica.
        precision: `bf16` or `fp8`, as published.
        kv_bytes_per_token: Key-value cache of the whole model per token, BF16.
        kv_heads: How far tensor parallelism can split that cache; 1 where every rank holds all.
        tensor_parallel: Degrees that vLLM 0.33 accepts.
        context: Longest sequence in tokens.
        vocabulary: Tokens known, which sizes the sampler's memory.
        source: Where the row was read, and when.
    """

    name: str
    repository: str
    licence: str
    parameters: int
    weight_bytes: int
    precision: str
    kv_bytes_per_token: int
    kv_heads: int
    tensor_parallel: tuple[int, ...]
    context: int
    vocabulary: int
    source: str = CONFIG_JSON

    @property
    def folder(self) -> str:
        """The weights' folder in bucket and file system: the repository's own name."""
        return self.repository.rpartition("/")[2]


_ROWS = (
    Variant(
        name="1.5b",
        repository="deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        licence="MIT (base Apache-2.0)",
        parameters=1_777_088_000,
        weight_bytes=3_554_176_000,
        precision="bf16",
        kv_bytes_per_token=28_672,
        kv_heads=2,
        tensor_parallel=(1, 2, 4),
        context=131_072,
        vocabulary=151_936,
    ),
    Variant(
        name="7b",
        repository="deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
        licence="MIT (base Apache-2.0)",
        parameters=7_615_616_512,
        weight_bytes=15_231_233_024,
        precision="bf16",
        kv_bytes_per_token=57_344,
        kv_heads=4,
        tensor_parallel=(1, 2, 4),
        context=131_072,
        vocabulary=152_064,
    ),
    Variant(
        name="8b",
        repository="deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
        licence="MIT (base Llama 3.1 licence)",
        parameters=8_030_261_248,
        weight_bytes=16_060_522_496,
        precision="bf16",
        kv_bytes_per_token=131_072,
        kv_heads=8,
        tensor_parallel=(1, 2, 4, 8, 16, 32),
        context=131_072,
        vocabulary=128_256,
    ),
    Variant(
        name="14b",
        repository="deepseek-ai/DeepSeek-R1-Distill-Qwen-14B",
        licence="MIT (base Apache-2.0)",
        parameters=14_770_033_664,
        weight_bytes=29_540_067_328,
        precision="bf16",
        kv_bytes_per_token=196_608,
        kv_heads=8,
        tensor_parallel=(1, 2, 4, 8),
        context=131_072,
        vocabulary=152_064,
    ),
    Variant(
        name="32b",
        repository="deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
        licence="MIT (base Apache-2.0)",
        parameters=32_763_876_352,
        weight_bytes=65_527_752_704,
        precision="bf16",
        kv_bytes_per_token=262_144,
        kv_heads=8,
        tensor_parallel=(1, 2, 4, 8),
        context=131_072,
        vocabulary=152_064,
    ),
    Variant(
        name="70b",
        repository="deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
        licence="MIT (base Llama 3.3 licence)",
        parameters=70_553_706_496,
        weight_bytes=141_107_412_992,
        precision="bf16",
        kv_bytes_per_token=327_680,
        kv_heads=8,
        tensor_parallel=(1, 2, 4, 8, 16, 32, 64),
        context=131_072,
        vocabulary=128_256,
    ),
    Variant(
        name="671b",
        repository="deepseek-ai/DeepSeek-R1",
        licence="MIT",
        parameters=671_026_419_200,
        weight_bytes=673_150_611_808,
        precision="fp8",
        kv_bytes_per_token=70_272,
        kv_heads=1,
        tensor_parallel=(1, 2, 4, 8, 16),
        context=163_840,
        vocabulary=129_280,
        source=R1_TENSORS,
    ),
)

VARIANTS: dict[str, Variant] = {row.name: row for row in _ROWS}
