"""What is known of a model: its shape, and the checkpoints in which it is published."""

from dataclasses import dataclass

# Classes of work, from light to heavy.
TASKS = {
    "classification": "text classification, extraction of key words",
    "answers": "simple questions and answers",
    "chat": "conversations of several turns, understanding of context",
    "writing": "light creative work, polishing of texts",
    "domain": "a profession's own field: finance, medicine",
    "reasoning": "hard decisions, logic over several steps",
    "science": "research, knowledge across fields",
    "code": "generation of programs",
    "mathematics": "proofs",
}


@dataclass(frozen=True, kw_only=True)
class Experts:
    """A mixture of experts.

    Attributes:
        routed: Experts that the router chooses from, per layer.
        active: Experts that one token uses of them.
        shared: Experts that every token uses besides.
        intermediate: Width of one expert.
        dense_layers: Layers at the front that have none.
        parameters: Parameters of all routed experts together.
    """

    routed: int
    active: int
    shared: int
    intermediate: int
    dense_layers: int
    parameters: int


@dataclass(frozen=True, kw_only=True)
class Latent:
    """Multi-head latent attention: one small vector per token in place of keys and values.

    Attributes:
        kv_rank: Its width.
        rope_dim: Width of the part that carries the position.
        q_rank: Width of the vector that queries come from.
        nope_dim: Width of a head's key without the position.
        value_dim: Width of a head's value.
    """

    kv_rank: int
    rope_dim: int
    q_rank: int
    nope_dim: int
    value_dim: int


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A variant in one precision.

    Attributes:
        precision: `bf16`, `fp8`, `int8` (8-bit weights and activations) or `int4` (4-bit weights).
        repository: Where it is published, `owner/name` on Hugging Face.
        weight_bytes: Bytes that are loaded onto the GPUs of one replica.
        standing: How the bytes are known: `counted`, `computed` or `approximate`.
        recovery: Share of the published model's scores that is left, or "" where none was read.
        source: Where the bytes were read, and when.
    """

    precision: str
    repository: str
    weight_bytes: int
    standing: str
    source: str
    recovery: str = ""

    @property
    def folder(self) -> str:
        """The weights' folder in bucket and file system: the repository's own name."""
        return self.repository.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How DeepSeek recommends to sample.

    Attributes:
        temperature: Between 0.5 and 0.7.
        top_p: Share of the probability that is sampled from.
        system_prompt: Whether there should be one; instructions belong into the user's turn.
        begins_with: What every answer is made to begin with, so that it thinks.
        most_tokens: Longest answer of the published evaluations.
        source: Where it was read, and when.
    """

    temperature: float
    top_p: float
    system_prompt: bool
    begins_with: str
    most_tokens: int
    source: str


RECOMMENDED = Sampling(
    temperature=0.6,
    top_p=0.95,
    system_prompt=False,
    begins_with="<think>\n",
    most_tokens=32_768,
    source="README of deepseek-ai/DeepSeek-R1, usage recommendations, 2026-11",
)


@dataclass(frozen=True, kw_only=True)
class Base:
    """The model that a distillation began with.

    Attributes:
        name: Its repository on Hugging Face.
        licence: `Apache-2.0`; `Llama 3.1` and `Llama 3.3` are Meta's community licences, with
            conditions of their own.
        source: Where it was read, and when.
    """

    name: str
    licence: str
    source: str = "README of deepseek-ai/DeepSeek-R1, License, 2026-11"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One model of the family.

    Attributes:
        name: The word of stack files, routes and services.
        architecture: Class that vLLM loads it with.
        licence: Licence of the weights.
        layers: Layers.
        hidden: Width of the residual stream.
        intermediate: Width of a dense feed-forward layer.
        heads: Attention heads, each `head_dim` wide.
        kv_heads: Heads of keys and values.
        vocabulary: Tokens known, which sizes the sampler's memory.
        parameters: All parameters, without the multi-token-prediction layer.
        active_parameters: Those that one token uses.
        linear_parameters: Those that quantization shrinks: all but norms, embedding and head.
        context: Longest sequence in tokens.
        tasks: What it is for, of `TASKS`, by the 2025 guide that the README names.
        checkpoints: The published one first.
        head_dim: Width of one head.
        experts: Its mixture of experts, if it is one.
        latent: Its latent attention, if it has it.
        sampling: How to sample from it.
        base: What the weights derive from, and its licence, where that binds too.
        source: Where the row was read, and when.
    """

    name: str
    architecture: str
    licence: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    vocabulary: int
    parameters: int
    active_parameters: int
    linear_parameters: int
    context: int
    tasks: tuple[str, ...]
    checkpoints: tuple[Checkpoint, ...]
    head_dim: int = 128
    experts: Experts | None = None
    latent: Latent | None = None
    sampling: Sampling = RECOMMENDED
    base: Base | None = None
    source: str = "config.json of the published repository on Hugging Face, 2026-11"

    @property
    def published(self) -> Checkpoint:
        """The checkpoint that DeepSeek published."""
        return self.checkpoints[0]

    @property
    def licences(self) -> str:
        """All that bind who serves it: `MIT, Llama 3.3`."""
        return f"{self.licence}, {self.base.licence}" if self.base else self.licence

    @property
    def kv_bytes_per_token(self) -> int:
        """Cache of the whole model per token, in 16 bits."""
        if self.latent:
            return 2 * self.layers * (self.latent.kv_rank + self.latent.rope_dim)
        return 2 * 2 * self.layers * self.kv_heads * self.head_dim

    @property
    def cache_shards(self) -> int:
        """Ranks that tensor parallelism splits the cache over; a latent one is not split."""
        return 1 if self.latent else self.kv_heads
