"""How many series a stack has, and what they weigh: stated before anything is paid for.

Counts of series are of a default set-up of each exporter with what is dropped here taken off;
none was counted on a GPU node yet. The rehearsal counts its own, which stand-ins make.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from r1_on_eks.catalog.dcgm_counters import COUNTERS
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.plan.monitoring.scrapes import INTERVAL_SECONDS
from r1_on_eks.plan.pools import Pool
from r1_on_eks.plan.server import ModelServer

# vLLM's /metrics (docs/design/metrics.md of vllm-project/vllm, 2026-11): some 40 counters and
# gauges, and 18 histograms of about 20 buckets.
_OF_A_SERVER = 450
# Of an exporter beside nginx, in each of the gateway's pods: connections by state, requests.
_OF_A_GATEWAY_POD, _GATEWAY_PODS = 10, 2
# node-exporter without its own process: one series for each mode of each processor, the rest.
_OF_A_PROCESSOR, _OF_A_NODE = 8, 400
# kube-state-metrics and kubelet, of what is kept.
_OF_A_NODE_IN_KUBERNETES, _OF_A_POD = 70, 75
# Pods of every node (network, proxy, agents, exporters), and the others of the cluster.
_PODS_OF_A_NODE, _OTHER_PODS = 7, 20
_XIDS = 2

_SECONDS_OF_A_DAY = 24 * 3600
_DAYS_OF_A_MONTH = 730 / 24
# "An average of only 1-2 bytes per sample" (Prometheus, docs/storage, 2026-11); beside them the
# write-ahead log and the index.
_BYTES_OF_A_SAMPLE = 2
_BESIDE = 1.5
_GIB = 2**30
# In memory, of a series and what is asked of it; Prometheus' own process besides.
_MIB_OF_A_SERIES, _OWN_MIB = 8 / 1024, 200


@dataclass(frozen=True, kw_only=True)
class Volume:
    """What a stack's metrics come to.

    Attributes:
        series: Series at a time, by job.
        samples_a_month: Of all of them.
        disk_gib: Of so many days of them.
        memory_mib: Prometheus' own.
    """

    series: dict[str, int]
    samples_a_month: float
    disk_gib: float
    memory_mib: int

    @property
    def total(self) -> int:
        """Series of all jobs."""
        return sum(self.series.values())


def volume_of(
    servers: Iterable[ModelServer],
    gpu_pools: Iterable[Pool],
    system: Pool,
    *,
    answers: int,
    days: int,
) -> Volume:
    """The volume of a stack at its full size.

    Args:
        servers: Its model servers.
        gpu_pools: Pools that serve them.
        system: Nodes of everything else.
        answers: Series of answers that each pod of the gateway tells.
        days: For how long metrics are kept.
    """
    serving = list(servers)
    nodes = [(INSTANCE_TYPES[pool.instance_type], pool.most) for pool in [*gpu_pools, system]]
    count = sum(number for _, number in nodes)
    pods = _PODS_OF_A_NODE * count + _OTHER_PODS + sum(one.replicas for one in serving)
    each_gpu = sum(_XIDS if one.per_xid else 1 for one in COUNTERS)
    series = {
        "vllm": _OF_A_SERVER * sum(one.replicas for one in serving),
        "gateway": _GATEWAY_PODS * answers,
        "nginx": _GATEWAY_PODS * _OF_A_GATEWAY_POD,
        "dcgm": each_gpu * sum(row.gpus * number for row, number in nodes),
        "node": sum((_OF_A_NODE + _OF_A_PROCESSOR * row.vcpus) * n for row, n in nodes),
        "kube-state-metrics": _OF_A_NODE_IN_KUBERNETES * count + _OF_A_POD * pods // 2,
        "kubelet": _OF_A_POD * pods // 2,
    }
    total = sum(series.values())
    a_day = total * _SECONDS_OF_A_DAY / INTERVAL_SECONDS
    return Volume(
        series=series,
        samples_a_month=a_day * _DAYS_OF_A_MONTH,
        disk_gib=gib_of(a_day * _DAYS_OF_A_MONTH, days),
        memory_mib=int(_OWN_MIB + total * _MIB_OF_A_SERIES * 2),
    )


def gib_of(samples_a_month: float, days: float) -> float:
    """What so many days of samples weigh, with their index."""
    return samples_a_month / _DAYS_OF_A_MONTH * days * _BYTES_OF_A_SAMPLE * _BESIDE / _GIB
