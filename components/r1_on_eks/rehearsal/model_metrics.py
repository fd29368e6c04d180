"""What the stand-in for vLLM tells of itself, under vLLM's names.

Names, types and labels are those of vLLM's docs/design/metrics.md and of its FastAPI
instrumentation, 2026-11. Counts and times are of the stand-in's own requests: they move as a
server's do, and say nothing about a model.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_TOKENS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_BLOCKS = 1000


@dataclass
class _Histogram:
    bounds: tuple[float, ...]
    counts: Counter[float] = field(default_factory=Counter)
    total: float = 0.0
    count: int = 0

    def observe(self, value: float) -> None:
        self.total += value
        self.count += 1
        for bound in self.bounds:
            if value <= bound:
                self.counts[bound] += 1

    def lines(self, name: str, labels: str) -> Iterator[str]:
        yield f"# TYPE {name} histogram"
        for bound in self.bounds:
            yield f'{name}_bucket{{{labels},le="{float(bound)}"}} {self.counts[bound]}'
        yield f'{name}_bucket{{{labels},le="+Inf"}} {self.count}'
        yield f"{name}_sum{{{labels}}} {self.total}"
        yield f"{name}_count{{{labels}}} {self.count}"


_OF_SECONDS = (
    "time_to_first_token_seconds",
    "inter_token_latency_seconds",
    "request_time_per_output_token_seconds",
    "e2e_request_latency_seconds",
    "request_queue_time_seconds",
    "request_inference_time_seconds",
    "request_prefill_time_seconds",
    "request_decode_time_seconds",
)
_OF_TOKENS = (
    "request_prompt_tokens",
    "request_generation_tokens",
    "request_max_num_generation_tokens",
    "iteration_tokens_total",
)


class Answering:
    """One request that is being answered."""

    def __init__(self, metrics: "ModelMetrics", prompt_tokens: int) -> None:
        self._metrics, self._prompt = metrics, prompt_tokens
        self._began = self._last = time.monotonic()
        self._first: float | None = None
        self._tokens = 0

    def token(self) -> None:
        """One more token went out."""
        now = time.monotonic()
        self._tokens += 1
        with self._metrics.lock:
            self._metrics.counters["generation_tokens_total"] += 1
            if self._first is None:
                self._first = now
                self._metrics.observe("time_to_first_token_seconds", now - self._began)
            else:
                self._metrics.observe("inter_token_latency_seconds", now - self._last)
            self._metrics.observe("iteration_tokens_total", 1)
        self._last = now

    def __enter__(self) -> "Answering":
        with self._metrics.lock:
            self._metrics.running += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        now, metrics = time.monotonic(), self._metrics
        first = self._first or now
        with metrics.lock:
            metrics.running -= 1
            metrics.finished["abort" if kind else "stop"] += 1
            metrics.counters["prompt_tokens_total"] += self._prompt
            for name, value in (
                ("e2e_request_latency_seconds", now - self._began),
                ("request_inference_time_seconds", now - self._began),
                ("request_prefill_time_seconds", first - self._began),
                ("request_decode_time_seconds", now - first),
                ("request_queue_time_seconds", 0.0),
                ("request_prompt_tokens", self._prompt),
                ("request_generation_tokens", self._tokens),
                ("request_max_num_generation_tokens", self._tokens),
            ):
                metrics.observe(name, value)
            if self._tokens > 1:
                each = (now - first) / (self._tokens - 1)
                metrics.observe("request_time_per_output_token_seconds", each)


class ModelMetrics:
    """Of one server."""

    def __init__(self, model: str) -> None:
        self._labels = f'model_name="{model}",engine="0"'
        self._started = time.time()
        self.lock = threading.Lock()
        self.running = 0
        self.counters: Counter[str] = Counter(
            generation_tokens_total=0, prompt_tokens_total=0, num_preemptions_total=0,
            prefix_cache_queries_total=0, prefix_cache_hits_total=0,
        )  # fmt: skip
        self.finished: Counter[str] = Counter(stop=0, length=0, abort=0)
        self._answers: Counter[tuple[str, str, str]] = Counter()
        self._histograms = {name: _Histogram(_SECONDS) for name in _OF_SECONDS} | {
            name: _Histogram(_TOKENS) for name in _OF_TOKENS
        }

    def observe(self, name: str, value: float) -> None:
        """One more value of a histogram."""
        self._histograms[name].observe(value)

    def answered(self, method: str, path: str, status: int) -> None:
        """One more answer, with a status of HTTP."""
        with self.lock:
            self._answers[(method, path, f"{status // 100}xx")] += 1

    def text(self) -> str:
        """What /metrics answers."""
        with self.lock:
            return "\n".join([*self._lines(), ""])

    def _lines(self) -> Iterator[str]:
        labels = self._labels
        for name, value in (
            ("num_requests_running", self.running),
            ("num_requests_waiting", 0),
            ("kv_cache_usage_perc", min(1.0, self.running / 100)),
        ):
            yield f"# TYPE vllm:{name} gauge"
            yield f"vllm:{name}{{{labels}}} {value}"
        yield f'vllm:cache_config_info{{{labels},block_size="16",num_gpu_blocks="{_BLOCKS}"}} 1'
        for name, value in self.counters.items():
            yield f"# TYPE vllm:{name} counter"
            yield f"vllm:{name}{{{labels}}} {value}"
        yield "# TYPE vllm:request_success_total counter"
        for reason, value in self.finished.items():
            yield f'vllm:request_success_total{{{labels},finished_reason="{reason}"}} {value}'
        for name, histogram in self._histograms.items():
            yield from histogram.lines(f"vllm:{name}", labels)
        yield "# TYPE http_requests_total counter"
        for (method, path, status), value in self._answers.items():
            about = f'method="{method}",handler="{path}",status="{status}"'
            yield f"http_requests_total{{{about}}} {value}"
        yield "# TYPE process_start_time_seconds gauge"
        yield f"process_start_time_seconds {self._started}"
