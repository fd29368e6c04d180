"""One alert with what the person on call reads."""

from dataclasses import dataclass
from typing import Any

# Somebody is woken; somebody looks by day; it is on the dashboard and in the weekly review.
CRITICAL, WARNING, INFO = "critical", "warning", "info"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alerting rule.

    Attributes:
        name: In CamelCase, as Prometheus' own are.
        severity: `critical`, `warning` or `info`.
        expr: PromQL that returns a series for each thing that is wrong.
        hold: For so long it must be, `10m`.
        summary: One line; labels as `{{ $labels.variant }}`.
        description: The figure, beside what was expected.
        means: What it means.
        first: The first three things to type or to look at.
    """

    name: str
    severity: str
    expr: str
    hold: str
    summary: str
    description: str
    means: str
    first: tuple[str, str, str]

    @property
    def rule(self) -> dict[str, Any]:
        """The rule as a PrometheusRule holds it."""
        steps = " ".join(f"{number}. {step}" for number, step in enumerate(self.first, 1))
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.hold,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook": f"{self.means} {steps}",
            },
        }


def record(name: str, expr: str, **labels: str) -> dict[str, Any]:
    """A recording rule."""
    return {"record": name, "expr": expr, **({"labels": labels} if labels else {})}
