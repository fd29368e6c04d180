"""One alert with what the person on call reads."""

from dataclasses import dataclass
from typing import Any

from r1_on_eks.plan.names import cluster_name

# Somebody is woken; somebody looks by day; it is on the dashboard and in the weekly review.
CRITICAL, WARNING, INFO = "critical", "warning", "info"


@dataclass(frozen=True)
class Step:
    """One of the first things to do.

    Attributes:
        look: What to look at, or what the command's answer tells.
        run: What to paste into a shell: `STACK` becomes the stack's name, `CLUSTER` its
            cluster's, and Prometheus fills in labels; none where there is only to look.
    """

    look: str
    run: str = ""

    def told(self) -> str:
        """The command on a line of its own, that it can be taken whole."""
        return f"{self.look}\n   {self.run}" if self.run else self.look


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
    first: tuple[Step, Step, Step]

    def rule(self, stack: str) -> dict[str, Any]:
        """The rule as a PrometheusRule holds it; what is to be typed names the stack."""
        steps = (f"{number}. {step.told()}" for number, step in enumerate(self.first, 1))
        runbook = "\n".join([self.means, *steps])
        runbook = runbook.replace("CLUSTER", cluster_name(stack)).replace("STACK", stack)
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.hold,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook": runbook,
            },
        }


def record(name: str, expr: str, **labels: str) -> dict[str, Any]:
    """A recording rule."""
    return {"record": name, "expr": expr, **({"labels": labels} if labels else {})}
