"""What a dashboard shows, before it is anybody's format."""

from dataclasses import dataclass, replace

# Grafana's words for units.
SECONDS, TOKENS_PER_SECOND, REQUESTS_PER_SECOND = "s", "short", "reqps"
SHARE, DOLLARS, BYTES, BYTES_PER_SECOND = "percentunit", "currencyUSD", "bytes", "Bps"
CELSIUS, WATT, NUMBER = "celsius", "watt", "short"


@dataclass(frozen=True, kw_only=True)
class Query:
    """One PromQL expression.

    Attributes:
        expr: The expression.
        legend: Name of its lines, `{{variant}}`.
        planned: Whether it is a figure of the plan, drawn dashed.
        predicted: Whether it is there for GPUs alone, for which speed is predicted.
    """

    expr: str
    legend: str
    planned: bool = False
    predicted: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture.

    Attributes:
        title: What it shows.
        unit: One of the words above.
        queries: What is drawn.
        said: What is to be read from it.
        number: Whether it is the last value alone, in large.
        most: Upper end of the axis, where there is a natural one.
    """

    title: str
    unit: str
    queries: tuple[Query, ...]
    said: str = ""
    number: bool = False
    most: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels with a heading."""

    title: str
    panels: tuple[Panel, ...]


def drawn(expr: str, legend: str = "{{variant}}") -> Query:
    """A measured line."""
    return Query(expr=expr, legend=legend)


def planned(expr: str, legend: str = "{{variant}}, planned") -> Query:
    """A line of the plan."""
    return Query(expr=expr, legend=legend, planned=True)


def predicted(expr: str, legend: str) -> Query:
    """A line of the plan that needs a prediction."""
    return Query(expr=expr, legend=legend, planned=True, predicted=True)


def unpredicted(row: Row) -> Row:
    """The row without them, for a stack without GPUs."""
    panels = (
        replace(panel, queries=tuple(query for query in panel.queries if not query.predicted))
        for panel in row.panels
    )
    return replace(row, panels=tuple(panels))
