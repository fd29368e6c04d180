"""One run on one route, with all that is said of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from r1_on_eks.benchmarking.load import Load
from r1_on_eks.benchmarking.measured import Measured
from r1_on_eks.benchmarking.route import Route
from r1_on_eks.benchmarking.verdict import Figure
from r1_on_eks.plan import Model


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was sent, what came of it, and what the plan says.

    Attributes:
        name: The variant, or the model of a route that no stack is named for.
        route: Where it was sent.
        load: What.
        measured: What came of it.
        figures: First token, per token, throughput.
        model: The plan's; None where no stack is named.
        usd_per_hour: Its share of its instances on demand; None where it isn't known.
        rehearsed: Whether a stand-in answered.
    """

    name: str
    route: Route
    load: Load
    measured: Measured
    figures: Sequence[Figure]
    model: Model | None
    usd_per_hour: float | None
    rehearsed: bool

    @property
    def usd_per_million(self) -> float | None:
        """Dollars for a million output tokens at the measured throughput."""
        if self.usd_per_hour is None:
            return None
        return self.usd_per_hour / (self.measured.output_per_s * 3600) * 1e6

    @property
    def holds(self) -> bool:
        """Whether every request was answered, and every figure is as planned."""
        return not self.measured.failed and all(figure.holds for figure in self.figures)

    def plain(self) -> dict[str, Any]:
        """For programs; seconds and tokens per second."""
        return {
            "variant": self.name,
            "url": self.route.url,
            "rehearsed": self.rehearsed,
            "load": asdict(self.load),
            "measured": asdict(self.measured),
            "figures": [
                {**asdict(one), "inside": one.inside, "within_limit": one.within_limit}
                for one in self.figures
            ],
            "usd_per_hour": self.usd_per_hour,
            "usd_per_million": self.usd_per_million,
            "holds": self.holds,
        }
