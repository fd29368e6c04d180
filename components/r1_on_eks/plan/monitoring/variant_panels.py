"""The dashboard of one variant: its replicas beside what the plan predicted."""

from r1_on_eks.plan import Model
from r1_on_eks.plan.monitoring.panel import (
    BYTES,
    DOLLARS,
    NUMBER,
    REQUESTS_PER_SECOND,
    SECONDS,
    SHARE,
    TOKENS_PER_SECOND,
    Panel,
    Row,
    drawn,
    planned,
    predicted,
    unpredicted,
)
from r1_on_eks.plan.monitoring.quality_panels import quality_row
from r1_on_eks.plan.nginx.answers import ANSWERS_SERIES
from r1_on_eks.plan.quality import QualityCheck

_INTERVAL = "Dashed: where nine of ten measurements would lie at the rate that was asked."


def variant_rows(model: Model, check: QualityCheck | None) -> list[Row]:
    """Its rows; without GPUs none of theirs.

    Args:
        model: The variant.
        check: What asks it on a schedule, or None.
    """
    of_it = f'{{job="vllm",variant="{model.server.variant}"}}'
    recorded = f'{{variant="{model.server.variant}"}}'
    rows = [
        _speed(of_it, recorded),
        _load(of_it, recorded),
        _requests(of_it, model),
        _health(of_it, recorded, model.server.variant),
        _money(recorded),
        *([quality_row(check)] if check else ()),
    ]
    if model.placement.on_cpu:
        return [unpredicted(row) for row in rows]
    return [*rows, _gpus(model.server.variant)]


def _mean(series: str, of_it: str, by: str = "pod") -> str:
    total, count = (
        f"sum by ({by}) (rate({series}_{word}{of_it}[5m]))" for word in ("sum", "count")
    )
    return f"{total} / ({count} > 0)"


def _speed(of_it: str, recorded: str) -> Row:
    def panel(title: str, what: str, series: str) -> Panel:
        return Panel(
            title=title,
            unit=SECONDS,
            queries=(
                drawn(_mean(series, of_it), "{{pod}}"),
                drawn(f"r1:{what}_seconds:p95_5m{recorded}", "slowest twentieth"),
                *(
                    predicted(f"r1_plan:{what}_seconds:{end}{recorded}", end)
                    for end in ("low", "likely", "high")
                ),
                planned(f"r1_plan:{what}_seconds:limit{recorded}", "limit"),
            ),
            said=_INTERVAL,
        )

    return Row(
        title="Speed",
        panels=(
            panel("First token", "first_token", "vllm:time_to_first_token_seconds"),
            panel("Each further token", "per_token", "vllm:request_time_per_output_token_seconds"),
            Panel(
                title="Where the time goes, of a request",
                unit=SECONDS,
                queries=tuple(
                    drawn(_mean(f"vllm:request_{part}_time_seconds", of_it, "variant"), part)
                    for part in ("queue", "prefill", "decode")
                ),
            ),
            Panel(
                title="Whole request",
                unit=SECONDS,
                queries=(drawn(_mean("vllm:e2e_request_latency_seconds", of_it), "{{pod}}"),),
            ),
        ),
    )


def _load(of_it: str, recorded: str) -> Row:
    return Row(
        title="Load",
        panels=(
            Panel(
                title="Answers per second",
                unit=REQUESTS_PER_SECOND,
                queries=(
                    drawn(f"r1:requests:rate5m{recorded}", "answers"),
                    planned(f"r1_plan:requests_per_second:asked{recorded}", "asked"),
                ),
            ),
            Panel(
                title="Output tokens per second",
                unit=TOKENS_PER_SECOND,
                queries=(
                    drawn(
                        f"sum by (pod) (rate(vllm:generation_tokens_total{of_it}[5m]))", "{{pod}}"
                    ),
                ),
            ),
            Panel(
                title="Requests at a time, and waiting",
                unit=NUMBER,
                queries=(
                    drawn(f"vllm:num_requests_running{of_it}", "{{pod}}, running"),
                    drawn(f"vllm:num_requests_waiting{of_it}", "{{pod}}, waiting"),
                    planned(f"r1_plan:concurrent_requests:most{recorded}", "at most, together"),
                ),
            ),
            Panel(
                title="Cache of keys and values in use",
                unit=SHARE,
                most=1,
                queries=(drawn(f"vllm:kv_cache_usage_perc{of_it}", "{{pod}}"),),
            ),
        ),
    )


def _requests(of_it: str, model: Model) -> Row:
    workload = model.workload
    hits, asked = (
        f"sum by (variant) (rate(vllm:prefix_cache_{word}_total{of_it}[5m]))"
        for word in ("hits", "queries")
    )
    return Row(
        title="Requests",
        panels=(
            Panel(
                title="Tokens of a request",
                unit=NUMBER,
                queries=(
                    drawn(_mean("vllm:request_prompt_tokens", of_it, "variant"), "prompt"),
                    drawn(_mean("vllm:request_generation_tokens", of_it, "variant"), "answer"),
                    planned(f"vector({workload.prompt})", "prompt, asked"),
                    planned(f"vector({workload.output})", "answer, asked"),
                ),
                said="What differs much from the stack file makes its predictions worthless.",
            ),
            Panel(
                title="How answers ended",
                unit=REQUESTS_PER_SECOND,
                queries=(
                    drawn(
                        f"sum by (finished_reason) (rate(vllm:request_success_total{of_it}[5m]))",
                        "{{finished_reason}}",
                    ),
                ),
                said="length: cut off at max_tokens or at the context; abort: the client left.",
            ),
            Panel(
                title="Prompt tokens found in the cache",
                unit=SHARE,
                most=1,
                queries=(drawn(f"{hits} / ({asked} > 0)", "found"),),
            ),
            Panel(
                title="Preemptions per second",
                unit=NUMBER,
                queries=(
                    drawn(
                        f"sum by (pod) (rate(vllm:num_preemptions_total{of_it}[5m]))", "{{pod}}"
                    ),
                ),
            ),
        ),
    )


def _health(of_it: str, recorded: str, variant: str) -> Row:
    answers = f'{ANSWERS_SERIES}{{job="gateway",variant="{variant}"}}'
    return Row(
        title="Errors, memory, starts",
        panels=(
            Panel(
                title="Answers of servers per second, by status",
                unit=REQUESTS_PER_SECOND,
                queries=(
                    drawn(
                        f"sum by (pod, status) (rate(http_requests_total{of_it}[5m]))",
                        "{{pod}} {{status}}",
                    ),
                ),
            ),
            Panel(
                title="Answers to clients, by status",
                unit=REQUESTS_PER_SECOND,
                queries=(drawn(f"sum by (status) (rate({answers}[5m])) > 0", "{{status}}"),),
                said="Of the gateway: what of its own it answered is here alone.",
            ),
            Panel(
                title="Answers to clients that failed, or were refused",
                unit=SHARE,
                queries=(
                    drawn(f"r1:gateway_errors:ratio5m{recorded}", "500 and more"),
                    drawn(f"r1:gateway_refused:ratio5m{recorded}", "429"),
                ),
            ),
            Panel(
                title="Memory",
                unit=BYTES,
                queries=(
                    drawn(f"r1:pod_memory_rss:bytes{recorded}", "{{pod}}"),
                    planned(f"r1_plan:memory_bytes:most{recorded}", "its share of the node"),
                ),
                said="What grows with traffic and never falls is a leak.",
            ),
            Panel(
                title="Replicas",
                unit=NUMBER,
                queries=(
                    drawn(f"r1:replicas:ready{recorded}", "ready"),
                    drawn(f"r1:replicas:wanted{recorded}", "wanted"),
                ),
            ),
            Panel(
                title="Pods that start",
                unit=SECONDS,
                queries=(
                    drawn(f"r1:pod_starting:seconds{recorded}", "{{pod}}"),
                    planned(f"r1_plan:start_seconds:limit{recorded}", "at most"),
                ),
            ),
        ),
    )


def _gpus(variant: str) -> Row:
    of_it = f'{{job="dcgm",variant="{variant}"}}'
    of_gpu = "{{node}} {{gpu}}"
    return Row(
        title="GPUs",
        panels=(
            Panel(
                title="Busy",
                unit=SHARE,
                most=1,
                queries=(drawn(f"DCGM_FI_DEV_GPU_UTIL{of_it} / 100", of_gpu),),
            ),
            Panel(
                title="Tensor cores at work",
                unit=SHARE,
                most=1,
                queries=(drawn(f"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{of_it}", of_gpu),),
            ),
            Panel(
                title="Memory being read or written",
                unit=SHARE,
                most=1,
                queries=(drawn(f"DCGM_FI_PROF_DRAM_ACTIVE{of_it}", of_gpu),),
                said="Decoding reads all weights for each step: this is its limit.",
            ),
            Panel(
                title="Memory in use",
                unit=BYTES,
                queries=(drawn(f"DCGM_FI_DEV_FB_USED{of_it} * 1024 * 1024", of_gpu),),
            ),
        ),
    )


def _money(recorded: str) -> Row:
    return Row(
        title="Money",
        panels=(
            Panel(
                title="Dollars per million output tokens, last hour",
                unit=DOLLARS,
                queries=(
                    drawn(f"r1:usd_per_million_tokens:1h{recorded}", "achieved"),
                    predicted(f"r1_plan:usd_per_million_tokens:asked{recorded}", "as asked"),
                    predicted(f"r1_plan:usd_per_million_tokens:full{recorded}", "at full load"),
                ),
            ),
        ),
    )
