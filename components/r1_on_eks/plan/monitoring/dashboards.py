"""Grafana's dashboards: one of the stack, one of each variant.

Built with Grafana's own foundation SDK, which is loaded when the first is asked for.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from r1_on_eks.plan import Plan
from r1_on_eks.plan.monitoring.panel import Panel, Query, Row
from r1_on_eks.plan.monitoring.stack_panels import stack_rows
from r1_on_eks.plan.monitoring.variant_panels import variant_rows
from r1_on_eks.plan.names import cluster_name, service_name

TAG = "r1-on-eks"
# Grafana's longest uid.
_LONGEST = 40
# Grafana's grid has so many columns; a panel is as high as 8 of its rows, a number as 4.
_COLUMNS = 24
_HEIGHT, _NUMBER_HEIGHT = 8, 4


def dashboards(plan: Plan) -> dict[str, dict[str, Any]]:
    """Grafana's JSON model of each dashboard, by the name of its file."""
    stack = cluster_name(plan.stack)
    gpus = any(not model.placement.on_cpu for model in plan.models)
    rows = stack_rows(gpus=gpus, storage=plan.storage is not None)
    found = {f"{stack}.json": _dashboard(f"{plan.stack}: all variants", stack, rows)}
    checks = {check.variant: check for check in plan.quality}
    for model in plan.models:
        variant = model.server.variant
        name = f"{stack}-{service_name(variant)}"
        rows = variant_rows(model, checks.get(variant))
        found[f"{name}.json"] = _dashboard(f"{plan.stack}: {variant}", name, rows)
    return found


def uid_of(name: str) -> str:
    """The same for the same name, for ever: links and bookmarks hold it."""
    whole = f"r1-{name}"
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[: _LONGEST - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _dashboard(title: str, name: str, rows: Sequence[Row]) -> dict[str, Any]:
    from grafana_foundation_sdk.builders import dashboard as build
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

    made = (
        build.Dashboard(title)
        .uid(uid_of(name))
        .tags([TAG])
        .readonly()
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(build.DatasourceVariable("datasource").type("prometheus").label("Source"))
        .link(
            build.DashboardLink("Others")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
        )
    )
    number = 0
    for row in rows:
        made = made.with_row(build.Row(row.title))
        for panel in row.panels:
            number += 1
            made = made.with_panel(_panel(panel, number, _width(row)))
    return json.loads(JSONEncoder(sort_keys=True).encode(made.build()))


def _width(row: Row) -> int:
    """So that panels fill whole lines: up to six numbers abreast, else four, three or two."""
    panels = len(row.panels)
    if row.panels[0].number:
        return _COLUMNS // panels
    abreast = next(one for one in (4, 3, 2, 1) if panels % one == 0)
    return _COLUMNS // max(abreast, 2)


def _panel(panel: Panel, number: int, width: int) -> Any:
    from grafana_foundation_sdk.builders import stat, timeseries
    from grafana_foundation_sdk.models.dashboard import DataSourceRef

    lines = timeseries.Panel().line_width(1).fill_opacity(8)
    kind = stat.Panel() if panel.number else lines
    made = (
        kind.id(number)
        .title(panel.title)
        .datasource(DataSourceRef("prometheus", "${datasource}"))
        .unit(panel.unit)
        .min(0)
        .span(width)
        .height(_NUMBER_HEIGHT if panel.number else _HEIGHT)
    )
    if panel.said:
        made = made.description(panel.said)
    if panel.most is not None:
        made = made.max(panel.most)
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made = made.with_target(_target(query, letter, instant=panel.number))
        if query.planned:
            made = made.override_by_query(letter, _dashed())
    return made


def _target(query: Query, letter: str, *, instant: bool) -> Any:
    from grafana_foundation_sdk.builders import prometheus

    made = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter)
    return made.instant() if instant else made.range()


def _dashed() -> list[Any]:
    from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

    return [
        DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
        DynamicConfigValue("custom.fillOpacity", 0),
    ]
