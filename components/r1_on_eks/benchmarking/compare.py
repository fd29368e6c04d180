"""Two variants beside each other: what the second costs more, and what it gains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from r1_on_eks.benchmarking.run import Run


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The larger variant less the smaller one.

    Attributes:
        smaller: Name of the first.
        larger: Name of the second.
        first_token_s: Seconds more to the first token.
        per_token_s: Seconds more per output token.
        whole_s: Seconds more for an answer.
        usd_per_hour: Dollars more an hour on demand; None where a price isn't known.
        usd_per_million: Dollars more for a million output tokens at the measured throughput.
        accuracy: Share of answers that are right, more; None where it wasn't given.
    """

    smaller: str
    larger: str
    first_token_s: float
    per_token_s: float
    whole_s: float
    usd_per_hour: float | None
    usd_per_million: float | None
    accuracy: float | None

    def told(self) -> list[str]:
        """A sentence for each."""
        lines = [
            f"first token {self.first_token_s * 1e3:+,.1f} ms, per token"
            f" {self.per_token_s * 1e3:+,.2f} ms, an answer {self.whole_s:+,.2f} s",
            "dollars: not known"
            if self.usd_per_hour is None or self.usd_per_million is None
            else f"{self.usd_per_hour:+,.2f} $/h on demand,"
            f" {self.usd_per_million:+,.2f} $/1M output tokens as measured",
        ]
        if self.accuracy is None:
            return [*lines, "accuracy: not measured here; give it with --accuracy VARIANT=0.71"]
        gained = f"accuracy, as given: {self.accuracy * 100:+.1f} points"
        if self.accuracy > 0 and self.usd_per_hour is not None:
            points = self.accuracy * 100
            gained += (
                f"; each costs {self.whole_s / points * 1e3:+,.1f} ms an answer"
                f" and {self.usd_per_hour / points:+,.3f} $/h"
            )
        return [*lines, gained]


def differences(runs: Sequence[Run], accuracy: Mapping[str, float]) -> list[Difference]:
    """Each run against the first."""
    return [_difference(runs[0], one, accuracy) for one in runs[1:]]


def _difference(first: Run, second: Run, accuracy: Mapping[str, float]) -> Difference:
    def more(a: float | None, b: float | None) -> float | None:
        return None if a is None or b is None else b - a

    return Difference(
        smaller=first.name,
        larger=second.name,
        first_token_s=second.measured.first_token_s - first.measured.first_token_s,
        per_token_s=second.measured.per_token_s - first.measured.per_token_s,
        whole_s=second.measured.whole_s - first.measured.whole_s,
        usd_per_hour=more(first.usd_per_hour, second.usd_per_hour),
        usd_per_million=more(first.usd_per_million, second.usd_per_million),
        accuracy=more(accuracy.get(first.name), accuracy.get(second.name)),
    )
