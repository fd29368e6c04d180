"""What is sent: so many requests of such lengths, at a rate or so many at a time."""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Plain words, a token or two each in any tokenizer.
_WORDS = (
    "river", "stone", "window", "garden", "paper", "summer", "winter", "morning", "evening",
    "table", "bridge", "market", "letter", "music", "silver", "copper", "forest", "valley",
    "island", "harbour", "engine", "wheel", "ladder", "mirror", "candle", "basket", "orange",
    "violet", "yellow", "purple", "number", "circle", "square", "corner", "center", "border",
    "yesterday", "tomorrow", "water", "bread", "butter", "coffee", "sugar", "pepper", "cotton",
    "leather", "wooden", "simple", "narrow", "gentle", "hollow", "travel", "answer", "listen",
    "gather", "follow", "borrow", "wander", "measure", "compare", "carry", "build", "open",
    "close",
)  # fmt: skip
_FEW_WORDS, _MANY_WORDS = 40, 240


@dataclass(frozen=True, kw_only=True)
class Load:
    """One run.

    Attributes:
        prompt: Prompt tokens of a request, as the server counts them.
        output: Tokens of its answer; the server is told not to end it earlier.
        rate: Requests per second, arriving at random; None for a closed loop.
        concurrency: Requests at a time, each followed by the next; None at a rate.
        requests: How many are measured.
    """

    prompt: int
    output: int
    rate: float | None = None
    concurrency: int | None = None
    requests: int

    @property
    def warmup(self) -> int:
        """Requests before them that are not measured."""
        return self.concurrency or 2

    def told(self) -> str:
        """In words."""
        how = (
            f"{self.rate:g} a second, arriving at random"
            if self.rate is not None
            else f"{self.concurrency} at a time"
        )
        return f"{self.requests} requests of {self.prompt} tokens in, {self.output} out, {how}"


def default_requests(concurrency: int | None) -> int:
    """Enough for a mean: rounds of a closed loop, or arrivals at random."""
    return max(20, 4 * concurrency) if concurrency else 60


def words_for(prompt: int, count: Callable[[str], int]) -> int:
    """How many words make a prompt of so many tokens, template included.

    No tokenizer is needed: the server says how many tokens it counted of two short prompts.

    Args:
        prompt: Tokens wanted.
        count: Tokens that the server counts of a prompt.
    """
    few, many = count(_text(_FEW_WORDS)), count(_text(_MANY_WORDS))
    per_word = max((many - few) / (_MANY_WORDS - _FEW_WORDS), 0.1)
    template = few - per_word * _FEW_WORDS
    return max(1, round((prompt - template) / per_word))


def prompts(words: int, how_many: int) -> Iterator[str]:
    """Prompts that share no beginning, so that no server finds one in its cache."""
    for _ in range(how_many):
        yield _text(words)


def _text(words: int) -> str:
    # One that no run before has sent; counted as one word though it is several tokens of some.
    chosen = [uuid.uuid4().hex[:8], *random.choices(_WORDS, k=max(0, words - 1))]
    return " ".join(chosen[:words])
