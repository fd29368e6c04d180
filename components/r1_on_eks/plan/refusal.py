"""What is said where a variant does not fit: what is too large, and the nearest that isn't.

Fewer requests come before shorter ones, then fewer bits, then more GPUs, then more nodes.
"""

from collections.abc import Iterator

from r1_on_eks.plan.fit import GIB, runs_on
from r1_on_eks.plan.site import Site

# Shorter than this, nothing can be served.
_SHORTEST = 1024
_MOST_STAGES = 4


def too_large(key: str, site: Site) -> str:
    """One line on a site whose memory doesn't suffice."""
    layout, tokens = site.layout, site.memory.tokens
    at_a_time = site.most_at_a_time
    if at_a_time:
        return (
            f"{key}.concurrency: {layout.concurrency} requests of {layout.context} tokens do not"
            f" fit the cache of {tokens} tokens on {site.instance.name}; at most"
            f" {at_a_time} do, or {layout.concurrency} of"
            f" {tokens // layout.concurrency} tokens{_other_ways(site)}"
        )
    alone = site.with_layout(concurrency=1)
    others = _other_ways(site) or _other_ways(alone)
    if alone.memory.tokens >= _SHORTEST:
        fit = f"{alone.memory.tokens} fit"
        return f"{key}.context: one request of {layout.context} tokens; {fit}{others}"
    nodes = f" × {layout.stages} nodes" if layout.stages > 1 else ""
    return (
        f"{key}.instance: {site.checkpoint.weight_bytes / GIB:.1f} GiB of weights over"
        f" {layout.tensor_parallel}{nodes} × {site.gpu.torch_visible_gib} GiB of"
        f" {site.instance.name} leave no room for a cache{others or '; take a larger type'}"
    )


def _other_ways(site: Site) -> str:
    """The first change of each kind with which all fits, with its numbers."""
    ways = []
    for changes in (_fewer_bits(site), _more_gpus(site), _more_nodes(site)):
        way, changed = next(
            ((way, changed) for way, changed in changes if changed.memory.fits), ("", None)
        )
        if changed:
            found = changed.memory
            ways.append(
                f"{way}{found.weights:.1f} GiB of weights, {found.cache_needed:.1f} of"
                f" {found.cache:.1f} GiB of cache per GPU)"
            )
    whole = "all of it" if site.layout.concurrency > 1 else "one request"
    return f"; {whole} fits with {' or '.join(ways)}" if ways else ""


def _fewer_bits(site: Site) -> Iterator[tuple[str, Site]]:
    for other in sorted(site.variant.checkpoints, key=lambda one: -one.weight_bytes):
        changed = site.with_checkpoint(other)
        if (
            other.weight_bytes < site.checkpoint.weight_bytes
            and runs_on(other, site.gpu)
            and site.layout.tensor_parallel in changed.degrees
        ):
            yield f"precision {other.precision} ({other.repository}, ", changed


def _more_gpus(site: Site) -> Iterator[tuple[str, Site]]:
    for degree in site.degrees:
        if degree > site.layout.tensor_parallel:
            yield f"tensor_parallel {degree} (", site.with_layout(tensor_parallel=degree)


def _more_nodes(site: Site) -> Iterator[tuple[str, Site]]:
    if site.layout.tensor_parallel == site.instance.gpus > 1:
        for stages in range(site.layout.stages + 1, _MOST_STAGES + 1):
            yield f"stages {stages} (", site.with_layout(stages=stages)
