"""How long weights take from where they lie to the GPUs."""

from r1_on_eks.plan.placement import Placement

# Where no bandwidth of a type was read: the least of those that were, in Gbit/s.
_LEAST_GBPS = 2.5
# The fastest stream from S3 that somebody published for one node (EKS user guide,
# ml-inference-load-serve-model: 10.4 GB in 5 s on a g6e.4xlarge, 2026-11).
_STREAMED_GBPS = 16


def network_seconds(placement: Placement) -> float:
    """Seconds in which one node takes its part of the weights over its network."""
    return _seconds(placement, _gbps(placement))


def stream_seconds(placement: Placement) -> float:
    """The same for a stream from S3, which nobody has seen faster than one published figure."""
    return _seconds(placement, min(_gbps(placement), _STREAMED_GBPS))


def fits_page_cache(placement: Placement) -> bool:
    """Whether the weights, and a tenth more, fit its share of each node's memory.

    vLLM reads ahead into the page cache from Lustre where they do (weight_utils of 0.33); where
    they don't, each file has to be read whole and given up again.
    """
    weights = placement.checkpoint.weight_bytes / placement.stages / 2**30
    return weights * 1.1 <= placement.instance.memory_gib * placement.node_share


def _gbps(placement: Placement) -> float:
    return placement.instance.network_gbps or _LEAST_GBPS


def _seconds(placement: Placement, gbps: float) -> float:
    return placement.checkpoint.weight_bytes / placement.stages * 8 / (gbps * 1e9)
