"""What a run measured, read from the load tool's own results."""

from dataclasses import dataclass
from typing import Any


class NotMeasured(ValueError):
    """The results lack what a benchmark is about; says what."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Means of one run.

    Attributes:
        first_token_s: Seconds to the first token, thinking included.
        per_token_s: Seconds per output token after the first.
        output_per_s: Output tokens per second, of all requests together.
        whole_s: Seconds of an answer.
        prompt: Prompt tokens of a request, counted by the server.
        output: Output tokens of an answer, likewise.
        requests: Answered.
        failed: Refused or broken off.
        seconds: From the first request to the last answer.
    """

    first_token_s: float
    per_token_s: float
    output_per_s: float
    whole_s: float
    prompt: float
    output: float
    requests: int
    failed: int
    seconds: float

    @property
    def requests_per_s(self) -> float:
        """Answered per second."""
        return self.requests / self.seconds


def read(results: dict[str, Any]) -> Measured:
    """Reads AIPerf's `profile_export_aiperf.json` (schema 1.4).

    Raises:
        NotMeasured: no request was answered, or a figure is missing.
    """

    def mean(name: str, otherwise: float | None = None) -> float:
        found = (results.get(name) or {}).get("avg", otherwise)
        if found is None:
            failures = "; ".join(
                f"{one.get('count')} × {one.get('error_details', one)}"
                for one in results.get("error_summary") or []
            )
            raise NotMeasured(
                f"the results have no {name}" + (f" ({failures})" if failures else "")
            )
        return float(found)

    return Measured(
        first_token_s=mean("time_to_first_token") / 1e3,
        per_token_s=mean("inter_token_latency") / 1e3,
        output_per_s=mean("output_token_throughput"),
        whole_s=mean("request_latency") / 1e3,
        prompt=mean("input_sequence_length"),
        output=mean("output_sequence_length"),
        requests=round(mean("request_count")),
        failed=round(mean("error_request_count", 0.0)),
        seconds=mean("benchmark_duration"),
    )
