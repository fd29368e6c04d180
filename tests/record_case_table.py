"""What each recorded series is told in a test, and what it then says: `RECORDED` by its name."""

from dataclasses import dataclass

from alert_case_table import EACH, FIRST, NODE, P70, V7, V70
from alert_cases import (
    ALWAYS,
    BIG,
    GPU,
    OTHER_POD,
    POD,
    SERVER,
    SMALL,
    Series,
    constant,
    gateway_answers,
    mean_of,
    node_of,
    replicas,
    starting,
    statuses,
    vllm,
)
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.catalog.prices import on_demand

assert NODE
_SECOND = {"pod": "r1-70b-5d9c-second"}


@dataclass(frozen=True)
class Recorded:
    """`says` holds labels and value at `at` minutes."""

    series: list[Series]
    says: list[tuple[dict[str, str], float]]
    at: int = 10


def gauges(name, first, second, other, **more):
    """Two pods of one variant, one of the other."""
    return [
        vllm(name, f"{first}+0{ALWAYS}", **more),
        vllm(name, f"{second}+0{ALWAYS}", **_SECOND, **more),
        vllm(name, f"{other}+0{ALWAYS}", "7b", **more),
    ]


def counters(name, first, second, other, **more):
    return [
        vllm(name, f"0+{first}{ALWAYS}", **more),
        vllm(name, f"0+{second}{ALWAYS}", **_SECOND, **more),
        vllm(name, f"0+{other}{ALWAYS}", "7b", **more),
    ]


def rate(name, at=10, **more):
    return Recorded(counters(name, 60, 120, 30, **more), [(V70, 3), (V7, 0.5)], at)


def mean(name, at):
    return Recorded(
        [*mean_of(name, f"0+90{ALWAYS}", f"0+60{ALWAYS}"),
         *mean_of(name, f"0+30{ALWAYS}", f"0+60{ALWAYS}", "7b")],
        [(V70, 1.5), (V7, 0.5)],
        at,
    )  # fmt: skip


def tail(name):
    buckets = [
        vllm(f"{name}_bucket", f"0+{step}{ALWAYS}", variant, le=le)
        for variant, first in (("70b", 0), ("7b", 60))
        for le, step in (("1", first), ("10", 60), ("+Inf", 60))
    ]
    return Recorded(buckets, [(V70, 1 + 9 * 0.95), (V7, 0.95)])


def errors(at):
    return Recorded(
        [*statuses(f"0+6{ALWAYS}", f"0+54{ALWAYS}"), statuses("", f"0+60{ALWAYS}", "7b")[1]],
        [(V70, 0.1), (V7, 0)],
        at,
    )


def pods_of(pod):
    """One that starts; one that is ready, one that was evicted, and one of another namespace."""
    ready, evicted, elsewhere = (
        {**pod, "pod": f"{pod['pod']}-{word}"} for word in ("ready", "evicted", "elsewhere")
    )
    other = {"namespace": "other"}
    return [
        *starting(pod),
        *starting(ready, ready=1),
        *starting(evicted, phase="Failed"),
        constant("kube_pod_status_phase", 0, evicted, phase="Running"),
        *starting({**elsewhere, **other}),
        # Of the same names, in the other namespace, the contrary is true.
        constant("kube_pod_status_ready", 0, {**ready, **other}, condition="true"),
        constant("kube_pod_status_phase", 1, {**evicted, **other}, phase="Running"),
    ]


def gpus(name, first, second, other):
    return [
        constant(name, first, GPU),
        constant(name, second, GPU | {"gpu": "4"}),
        constant(name, other, GPU, variant="7b"),
        # Nobody's.
        constant(name, 7, {key: GPU[key] for key in ("job", "node")} | {"gpu": "5"}),
    ]


def usd(name):
    return on_demand(INSTANCE_TYPES[name], "us-west-2")


BIG_USD, SMALL_USD = (usd(model.placement.instance.name) for model in (BIG, SMALL))
TWO_NODES = [node_of("r1-70b", "a"), node_of("r1-7b", "b"), node_of("r1-7b", "c")]

FAILED = [
    *gateway_answers(s500=f"0+2{ALWAYS}", s503=f"0+4{ALWAYS}", s429=f"0+12{ALWAYS}",
                     s200=f"0+42{ALWAYS}", sasleep=f"0+40{ALWAYS}"),
    *gateway_answers("7b", s500=f"0+0{ALWAYS}", s429=f"0+0{ALWAYS}", s200=f"0+60{ALWAYS}"),
]  # fmt: skip

RECORDED = {
    "r1:requests_waiting:sum": Recorded(
        gauges("num_requests_waiting", 3, 4, 5), [(V70, 7), (V7, 5)]
    ),
    "r1:requests_running:sum": Recorded(
        gauges("num_requests_running", 3, 4, 5), [(V70, 7), (V7, 5)]
    ),
    "r1:kv_cache_used:max": Recorded(
        gauges("kv_cache_usage_perc", 0.25, 0.5, 0.75), [(V70, 0.5), (V7, 0.75)]
    ),
    "r1:requests:rate5m": rate("request_success_total", finished_reason="stop"),
    "r1:requests:rate30m": rate("request_success_total", 60, finished_reason="stop"),
    "r1:output_tokens:rate5m": rate("generation_tokens_total"),
    "r1:prompt_tokens:rate5m": rate("prompt_tokens_total"),
    "r1:preemptions:rate5m": rate("num_preemptions_total"),
    **{
        f"r1:{what}_seconds:mean{window}": mean(series, at)
        for what, series in (("first_token", FIRST), ("per_token", EACH))
        for window, at in (("5m", 10), ("30m", 40), ("1h", 70))
    },
    "r1:first_token_seconds:p95_5m": tail(FIRST),
    "r1:per_token_seconds:p95_5m": tail(EACH),
    **{
        f"r1:errors:ratio{window}": errors(at)
        for window, at in (("5m", 10), ("30m", 40), ("1h", 70), ("6h", 370))
    },
    **{
        f"r1:gateway_errors:ratio{window}": Recorded(FAILED, [(V70, 0.1), (V7, 0)], at)
        for window, at in (("5m", 10), ("30m", 40), ("1h", 70), ("6h", 370))
    },
    "r1:gateway_refused:ratio5m": Recorded(FAILED, [(V70, 0.2), (V7, 0)]),
    "r1:replicas:wanted": Recorded(
        [*replicas(1, 0), *replicas(2, 2, "7b")], [(V70, 1), (V7, 2)]
    ),
    "r1:replicas:ready": Recorded(
        [*replicas(3, 1), *replicas(3, 2, "7b")], [(V70, 1), (V7, 2)]
    ),
    "r1:pod_starting:seconds": Recorded(
        [*pods_of(POD), *pods_of(OTHER_POD)],
        [(P70, 600), ({**V7, "pod": OTHER_POD["pod"]}, 600)],
    ),
    "r1:pod_memory_rss:bytes": Recorded(
        [
            constant("container_memory_rss", 2e9, {**SERVER, "job": "kubelet"}),
            constant("container_memory_rss", 1e9, {**SERVER, "job": "kubelet"},
                     pod=OTHER_POD["pod"]),
        ],
        [(P70, 2e9), ({**V7, "pod": OTHER_POD["pod"]}, 1e9)],
    ),
    "r1:gpu_busy:mean": Recorded(
        gpus("DCGM_FI_DEV_GPU_UTIL", 60, 80, 50), [(V70, 0.7), (V7, 0.5)]
    ),
    "r1:gpu_sm_active:mean": Recorded(
        gpus("DCGM_FI_PROF_SM_ACTIVE", 0.2, 0.4, 0.5), [(V70, 0.3), (V7, 0.5)]
    ),
    "r1:gpu_tensor_active:mean": Recorded(
        gpus("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.2, 0.4, 0.5), [(V70, 0.3), (V7, 0.5)]
    ),
    "r1:gpu_memory_used:max": Recorded(
        [*gpus("DCGM_FI_DEV_FB_USED", 30, 20, 10), *gpus("DCGM_FI_DEV_FB_FREE", 10, 20, 30)],
        [(V70, 0.75), (V7, 0.25)],
    ),
    "r1:nodes:count": Recorded(
        [*TWO_NODES, constant("kube_node_labels", 1, {"job": "kube-state-metrics", "node": "s"})],
        [({"pool": "r1-70b"}, 1), ({"pool": "r1-7b"}, 2)],
    ),
    "r1:usd_per_hour:sum": Recorded(TWO_NODES, [(V70, BIG_USD), (V7, 2 * SMALL_USD)]),
    "r1:usd_per_million_tokens:1h": Recorded(
        [*TWO_NODES, *counters("generation_tokens_total", 30000, 30000, 60000)],
        [(V70, BIG_USD / 3.6), (V7, 2 * SMALL_USD / 3.6)],
        70,
    ),
}  # fmt: skip
