"""How fast a replica answers: a roofline of one step of the server, with fitted coefficients.

A step reads the weights once, computes every token in it, reads the cache of every running
sequence and pays a fixed overhead. Prompts enter in the same steps, in chunks. Everything is
plain arithmetic: with arrays in place of numbers the same lines serve the calibration, so that
what is fitted is what predicts.
"""

from dataclasses import dataclass
from typing import Any

_HALVINGS = 18
# Of the time, prompts take at most so much; beyond it the queue has no bound.
_BUSIEST = 0.9
# A number, or an array with one number per measured row.
Number = Any


@dataclass(frozen=True, kw_only=True)
class Replica:
    """What a step of one replica costs, in seconds.

    Attributes:
        dense_read: Reading the weights that every token uses, once.
        expert_read: Reading all routed experts, once.
        expert_share: Share of the routed experts that one token uses.
        token_compute: Arithmetic of one token.
        token_link: All-reduces of one token.
        cache_read: Reading the cache of one token of context.
        attention: Arithmetic of one prompt token for each token before it.
        step: Fixed part: kernel launches, latency of all-reduces, scheduling.
        launches: What launching its kernels takes where no CUDA graph does it: no step is shorter.
        prompt_launches: The same of a step with prompt tokens.
        sequence: Sampling and bookkeeping of one running sequence.
        stages: Pipeline stages; each works on its share of the sequences.
        norm: How reading and computing overlap: 1 is one after the other, large is at once.
        prompt_step: Prompt tokens that one step takes.
        first_token: From the request to its first step: HTTP, tokenizer, scheduler.
        interleave: How much of others' prompts a running sequence waits for; 1 is all.
        apart: 1 where prompts have steps of their own, as in vLLM's first engine; 0 where they
            share those of running sequences.
    """

    dense_read: Number
    expert_read: Number
    expert_share: Number
    token_compute: Number
    token_link: Number
    cache_read: Number
    attention: Number
    step: Number
    launches: Number
    prompt_launches: Number
    sequence: Number
    stages: Number
    norm: Number
    prompt_step: Number
    first_token: Number
    interleave: Number
    apart: Number


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds to the first token and per output token, and output tokens per second."""

    first_token: Number
    per_token: Number
    output: Number


def step_seconds(
    replica: Replica, sequences: Number, context: Number, prompt_tokens: Number
) -> Number:
    """One step: `sequences` that decode at `context` tokens each, and `prompt_tokens`."""
    return _step_seconds(replica, sequences, context, prompt_tokens, replica.launches)


def _step_seconds(
    replica: Replica,
    sequences: Number,
    context: Number,
    prompt_tokens: Number,
    launches: Number,
) -> Number:
    tokens = (sequences + prompt_tokens) / replica.stages
    touched = 1 - (1 - replica.expert_share) ** at_least(tokens, 1.0)
    read = replica.dense_read + replica.expert_read * touched
    compute = replica.token_compute * tokens
    norm = replica.norm
    step = (
        (read**norm + compute**norm) ** (1 / norm)
        + replica.cache_read * context * sequences / replica.stages
        + replica.token_link * tokens
        + replica.step
    )
    return at_least(step, launches) + replica.sequence * sequences


@dataclass(frozen=True, kw_only=True)
class PromptCost:
    """Seconds of a decoding step, that one prompt adds to steps, and that its own steps take."""

    decode: Number
    added: Number
    own: Number


def prompt_cost(
    replica: Replica,
    prompt: Number,
    context: Number,
    sequences: Number,
    together: Number = 1.0,
) -> PromptCost:
    """The cost of one prompt among `sequences` running ones, `together` of them at a time."""
    chunk = at_most(prompt * together, replica.prompt_step)
    steps = prompt / chunk
    decode = step_seconds(replica, sequences, context, 0.0)
    others = at_least(sequences - 1.0, 0.0)
    mixed, shared, single = (
        _step_seconds(replica, beside, context, chunk, replica.prompt_launches)
        for beside in (sequences, others, 0.0)
    )
    apart = replica.apart
    attention = replica.attention * prompt * prompt / 2
    return PromptCost(
        decode=decode,
        added=steps * ((1 - apart) * (mixed - decode) + apart * single) + attention,
        own=at_least(steps, 1.0) * ((1 - apart) * shared + apart * single) + attention,
    )


def closed_loop(
    replica: Replica,
    prompt: Number,
    output: Number,
    concurrency: Number,
    cached: Number = 0.0,
    together: Number = 1.0,
    queued: Number = 0.0,
) -> Speed:
    """`concurrency` clients, each sending its next request when it has its answer.

    Of each prompt, `cached` tokens are in the cache already; `together` of them share steps. On
    average a request waits `queued` seconds in the burst that the run began with.
    """
    cost = prompt_cost(replica, prompt - cached, prompt + output / 2, concurrency, together)
    others = at_least(concurrency - 1.0, 0.0)
    # Prompts of others come in while this answer is written, at random.
    cycle = cost.own + output * cost.decode + replica.interleave * others * cost.added
    waiting = _waiting(others / cycle, cost) + queued
    return _speed(replica, cost, output, concurrency, waiting)


def _waiting(rate: Number, cost: PromptCost) -> Number:
    # One server with equal services (M/D/1): prompts wait for prompts.
    busy = at_most(rate * cost.added, _BUSIEST)
    return busy / (2 * (1 - busy)) * cost.added


def open_loop(
    replica: Replica,
    prompt: Number,
    output: Number,
    rate: Number,
    most: Number,
    cached: Number = 0.0,
) -> tuple[Speed, Number]:
    """Requests that arrive at random, `rate` a second, of which `most` run at a time.

    Returns:
        The speed, and how many run at a time on average (Little's law).
    """
    low = rate * 0.0 + 1.0
    high = at_least(low, most)
    # More under way take longer, and longer ones keep more under way: halving finds where both
    # agree, or `most` where requests come faster than they are answered.
    for _ in range(_HALVINGS):
        running = (low + high) / 2
        speed = _open_speed(replica, prompt, output, rate, running, cached)
        more = rate * (speed.first_token + output * speed.per_token) > running
        low = low + (running - low) * more
        high = running + (high - running) * more
    running = (low + high) / 2
    return _open_speed(replica, prompt, output, rate, running, cached), running


def _open_speed(
    replica: Replica,
    prompt: Number,
    output: Number,
    rate: Number,
    running: Number,
    cached: Number,
) -> Speed:
    cost = prompt_cost(replica, prompt - cached, prompt + output / 2, running)
    return _speed(replica, cost, output, running, _waiting(rate, cost))


def _speed(
    replica: Replica, cost: PromptCost, output: Number, running: Number, waiting: Number
) -> Speed:
    others = at_least(running - 1.0, 0.0)
    # What a request waits for before its first token does not hold it up once more.
    held_up = at_least(replica.interleave * others * cost.added - waiting, 0.0)
    per_token = cost.decode + held_up / output
    # A request that comes while others run waits half a step on average.
    joining = cost.decode / 2 * at_most(others, 1.0)
    first_token = replica.first_token + joining + cost.own + waiting
    return Speed(
        first_token=first_token,
        per_token=per_token,
        output=running * output / (first_token + output * per_token),
    )


def at_least(value: Number, bound: Number) -> Number:
    """The larger of two, of numbers as of arrays."""
    return (value + bound + abs(value - bound)) / 2


def at_most(value: Number, bound: Number) -> Number:
    """The smaller of two, of numbers as of arrays."""
    return (value + bound - abs(value - bound)) / 2
