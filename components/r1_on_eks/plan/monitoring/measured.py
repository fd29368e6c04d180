"""What is recorded of what happens: the series that alerts, dashboards and autoscalers read."""

from typing import Any

from r1_on_eks.plan import Model, Plan
from r1_on_eks.plan.monitoring.alert import record
from r1_on_eks.plan.names import NAMESPACE
from r1_on_eks.plan.nginx.answers import ANSWERS_SERIES
from r1_on_eks.plan.nginx.waking import ASLEEP

Rule = dict[str, Any]

_POOL_LABEL = "label_r1_on_eks_variant_pool"
_FIRST = "vllm:time_to_first_token_seconds"
# Of one answer, as the limit is meant; vLLM's inter_token_latency_seconds is of single tokens.
_EACH = "vllm:request_time_per_output_token_seconds"
# A share of errors is told over each of these; the burn rates are of pairs of them.
ERROR_WINDOWS = ("5m", "30m", "1h", "6h")
_MEANS = ("5m", "30m", "1h")


def measured(plan: Plan) -> list[Rule]:
    """The recording rules that read scraped series."""
    return [
        *_answers(),
        *_latencies(),
        *_errors(),
        *_gateway(),
        *(rule for model in plan.models for rule in _pods(model)),
        *(_gpus() if any(not model.placement.on_cpu for model in plan.models) else ()),
        *_money(),
    ]


def _by_variant(expr: str, how: str = "sum") -> str:
    return f"{how} by (variant) ({expr})"


def _rate(series: str, window: str = "5m") -> str:
    return _by_variant(f'rate({series}{{job="vllm"}}[{window}])')


def _answers() -> list[Rule]:
    gauges = {
        "r1:requests_waiting:sum": ("sum", "vllm:num_requests_waiting"),
        "r1:requests_running:sum": ("sum", "vllm:num_requests_running"),
        "r1:kv_cache_used:max": ("max", "vllm:kv_cache_usage_perc"),
    }
    rates = {
        "r1:requests:rate5m": "vllm:request_success_total",
        "r1:output_tokens:rate5m": "vllm:generation_tokens_total",
        "r1:prompt_tokens:rate5m": "vllm:prompt_tokens_total",
        "r1:preemptions:rate5m": "vllm:num_preemptions_total",
    }
    return [
        *(
            record(name, _by_variant(f'{series}{{job="vllm"}}', how))
            for name, (how, series) in gauges.items()
        ),
        *(record(name, _rate(series)) for name, series in rates.items()),
        record("r1:requests:rate30m", _rate("vllm:request_success_total", "30m")),
    ]


def _latencies() -> list[Rule]:
    rules = []
    for name, series in (("first_token", _FIRST), ("per_token", _EACH)):
        for window in _MEANS:
            total, count = _rate(f"{series}_sum", window), _rate(f"{series}_count", window)
            rules.append(record(f"r1:{name}_seconds:mean{window}", f"{total} / ({count} > 0)"))
        buckets = f'sum by (variant, le) (rate({series}_bucket{{job="vllm"}}[5m]))'
        rules.append(record(f"r1:{name}_seconds:p95_5m", f"histogram_quantile(0.95, {buckets})"))
    return rules


def _errors() -> list[Rule]:
    """Answers of vLLM with a status of 500 or more, of all of them, by window."""
    failed, every = (
        'http_requests_total{job="vllm",status="5xx"}',
        'http_requests_total{job="vllm"}',
    )
    rules = []
    for window in ERROR_WINDOWS:
        total = _by_variant(f"rate({every}[{window}])")
        some = _by_variant(f"rate({failed}[{window}])")
        # Without a single error there is no series of them.
        rules.append(
            record(f"r1:errors:ratio{window}", f"({some} or 0 * {total}) / ({total} > 0)")
        )
    return rules


def _gateway() -> list[Rule]:
    """What clients get of the gateway: shares with a status of 500 or more, and with 429.

    What is answered in place of a variant that sleeps is left out of both: nothing failed. Whether
    one that was woken comes is told by its replicas.
    """

    def share(status: str, window: str) -> str:
        some, every = (
            _by_variant(f'rate({ANSWERS_SERIES}{{job="gateway"{matcher}}}[{window}])')
            for matcher in (f',status=~"{status}"', f',status!="{ASLEEP}"')
        )
        return f"{some} / ({every} > 0)"

    return [
        *(
            record(f"r1:gateway_errors:ratio{window}", share("5..", window))
            for window in ERROR_WINDOWS
        ),
        record("r1:gateway_refused:ratio5m", share("429", "5m")),
    ]


def _pods(model: Model) -> list[Rule]:
    """By variant, which series of Kubernetes don't carry."""
    name, variant = model.name, model.server.variant
    kind = "statefulset" if model.group else "deployment"
    wanted = f"kube_{kind}_replicas" if model.group else f"kube_{kind}_spec_replicas"
    of_name = f'{{job="kube-state-metrics",namespace="{NAMESPACE}",{kind}="{name}"}}'
    pods = f'namespace="{NAMESPACE}",pod=~"{name}-.+"'
    # Where nodes come and go its wait for one is part of a start; before it has one nothing says
    # when it started, nor that it is not ready.
    began = "kube_pod_created" if model.scaling else "kube_pod_start_time"
    started = f'{began}{{job="kube-state-metrics",{pods}}}'
    ready = 'kube_pod_status_ready{job="kube-state-metrics",condition="true"} == 1'
    # One that was evicted stays, and will never answer.
    lives = 'kube_pod_status_phase{job="kube-state-metrics",phase=~"Pending|Running"} == 1'
    same_pod = "on (namespace, pod)"
    rows = {
        "r1:replicas:wanted": f"sum({wanted}{of_name})",
        "r1:replicas:ready": f"sum(kube_{kind}_status_replicas_ready{of_name})",
        "r1:pod_starting:seconds": (
            f"max by (pod) (time() - {started} and {same_pod} {lives} unless {same_pod} {ready})"
        ),
        "r1:pod_memory_rss:bytes": (
            f'sum by (pod) (container_memory_rss{{job="kubelet",{pods},container="vllm"}})'
        ),
    }
    return [record(record_name, expr, variant=variant) for record_name, expr in rows.items()]


def _gpus() -> list[Rule]:
    used = 'DCGM_FI_DEV_FB_USED{job="dcgm",variant!=""}'
    rows = {
        "r1:gpu_busy:mean": ("avg", 'DCGM_FI_DEV_GPU_UTIL{job="dcgm",variant!=""} / 100'),
        "r1:gpu_sm_active:mean": ("avg", 'DCGM_FI_PROF_SM_ACTIVE{job="dcgm",variant!=""}'),
        "r1:gpu_tensor_active:mean": (
            "avg",
            'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{job="dcgm",variant!=""}',
        ),
        "r1:gpu_memory_used:max": ("max", f"{used} / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE)"),
    }
    return [record(name, _by_variant(expr, how)) for name, (how, expr) in rows.items()]


def _money() -> list[Rule]:
    labelled = f'kube_node_labels{{job="kube-state-metrics",{_POOL_LABEL}!=""}}'
    named = f'label_replace({labelled}, "pool", "$1", "{_POOL_LABEL}", "(.+)")'
    tokens = _rate("vllm:generation_tokens_total", "1h")
    return [
        record("r1:nodes:count", f"count by (pool) ({named})"),
        record(
            "r1:usd_per_hour:sum",
            _by_variant("r1_plan:usd_per_node_hour * on (pool) group_left () r1:nodes:count"),
        ),
        record(
            "r1:usd_per_million_tokens:1h",
            f"r1:usd_per_hour:sum / on (variant) ({tokens} * 3600 / 1e6 > 0)",
        ),
    ]
