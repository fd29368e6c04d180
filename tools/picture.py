"""The README's picture: `python tools/picture.py` writes docs/picture-light.svg and -dark.svg.

tests/test_picture.py holds its boxes against the components that exist.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
WIDTH, HEIGHT = 1000, 718
_COLOURS = ("ground", "ink", "quiet", "line", "frame", "cpu", "gpu", "data", "watch")
_LIGHT = "#ffffff #1f2328 #59636e #818b98 #f6f8fa #ddf4ff #dafbe1 #fff8c5 #fbefff"
_DARK = "#0d1117 #f0f6fc #9198a1 #656c76 #151b23 #12314f #12361f #3b2f0b #2f1f4a"
THEMES = {
    "light": dict(zip(_COLOURS, _LIGHT.split(), strict=True)),
    "dark": dict(zip(_COLOURS, _DARK.split(), strict=True)),
}


@dataclass(frozen=True)
class Box:
    """A rectangle with a title and a few words; `component` is the class that declares it."""

    component: str | None
    title: str
    words: str
    x: int
    y: int
    w: int
    h: int
    fill: str
    dashed: bool


# From the outside in: component | title | words | x y width height | fill, and dashed where not
# every stack has it.
_ROWS = """\
- | clients | OpenAI protocol | 8 232 104 50 | ground
- | your bucket | weights, in S3 | 8 340 104 50 | data
Protection | protection | a production stack is not destroyed by accident | 130 8 862 702 | ground
StackKey | key | KMS, for the whole stack | 145 38 150 50 | frame
ImageMirror | image mirror | ECR, without egress | 301 38 125 50 | frame dashed
WeightsReader | weights reader | a role of each server | 432 38 131 50 | frame
WeightsSync | weights sync | a Job, hub to S3 | 569 38 146 50 | data dashed
CostAnomalies | cost anomalies | AWS watches costs | 721 38 122 50 | watch dashed
ManagedPrometheus | workspace | Amazon's Prometheus | 849 38 134 50 | watch dashed
Network | network | VPC over three zones: NAT, endpoints, flow logs | 145 98 832 602 | frame
Cluster | cluster | EKS: access, envelope key, logs, add-ons in order | 157 126 806 566 | ground
SystemPool | system nodes | CPU, several zones | 170 158 262 522 | cpu
GpuNodePool | GPU node pool | one per type, purchase, zone | 446 158 300 522 | gpu
ServingNamespace | serving namespace |  | 178 200 774 96 | none dashed
Gateway | gateway | nginx, two pods: /api/v1/70b | 190 232 230 50 | ground
ModelService | model service | vLLM, one per variant | 458 232 276 50 | ground
Accelerators | accelerators | device plugin | 458 308 134 46 | ground
Interconnect | interconnect | EFA plugin | 600 308 134 46 | ground dashed
LeaderWorkerSets | leader worker sets | over several nodes | 458 362 276 46 | ground dashed
ModelStorage | model storage | FSx for Lustre | 764 232 176 50 | data dashed
WeightsPreload | weights preload | a Job, before the GPUs | 764 308 176 50 | data dashed
MonitoringNamespaces | monitoring namespaces |  | 178 414 774 158 | none dashed
PrometheusOperator | operator | Prometheus' own | 190 440 112 41 | watch dashed
Observability | Prometheus | rules, what it asks | 308 440 112 41 | watch dashed
QualityChecks | quality checks | a CronJob a variant | 764 362 176 46 | watch dashed
Alertmanager | Alertmanager | SNS or a webhook | 190 483 112 41 | watch dashed
Grafana | Grafana | dashboards | 308 483 112 41 | watch dashed
AutoscalingNamespace | autoscaling namespace |  | 178 580 246 92 | none dashed
ClusterAutoscaler | autoscaler | sizes GPU pools | 190 606 112 50 | ground dashed
Keda | KEDA | sizes replicas | 308 606 112 50 | ground dashed
ReplicaScaling | replica scaling | what KEDA is told | 764 606 176 50 | ground dashed
FileSystemExporter | file exporter | asks CloudWatch | 190 526 112 41 | watch dashed
Exporters | exporters | DCGM and node on nodes, kube-state | 458 440 276 41 | watch dashed
"""


def _read(row: str) -> Box:
    component, title, words, place, look = (part.strip() for part in row.split("|"))
    fill, *dashed = look.split()
    x, y, w, h = map(int, place.split())
    own = None if component == "-" else component
    return Box(own, title, words, x, y, w, h, fill, bool(dashed))


BOXES = tuple(_read(row) for row in _ROWS.splitlines())
# From the clients to the servers, and from the bucket to them.
ARROWS = (
    "M112 257H190",
    "M420 257H458",
    "M764 257H734",
    "M852 308V282",
    "M60 390V705H957V333H940",
)


def picture(theme: str) -> str:
    """The SVG's text."""
    colours = THEMES[theme]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' aria-label="What a stack consists of">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        f' markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="{colours["ink"]}"/>'
        "</marker></defs>",
        "<style>text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{colours["ground"]}"/>',
        *(_box(box, colours) for box in BOXES),
        *(_path(arrow, colours) for arrow in ARROWS),
        _text(134, 249, "NLB", colours["quiet"]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(box: Box, colours: dict[str, str]) -> str:
    dash = ' stroke-dasharray="5 4"' if box.dashed else ""
    return (
        f'<rect x="{box.x}" y="{box.y}" width="{box.w}" height="{box.h}" rx="6"'
        f' fill="{colours.get(box.fill, box.fill)}" stroke="{colours["line"]}"{dash}/>'
        f'<text x="{box.x + 9}" y="{box.y + 19}" font-size="13" font-weight="600"'
        f' fill="{colours["ink"]}">{escape(box.title)}</text>{_words(box, colours["quiet"])}'
    )


def _words(box: Box, colour: str) -> str:
    # Behind the title where there is room, else below it.
    behind = box.w > 7 * (len(box.title) + len(box.words)) + 45
    x = box.x + 20 + round(7.7 * len(box.title)) if behind else box.x + 9
    return _text(x, box.y + (19 if behind else 35), box.words, colour)


def _text(x: int, y: int, words: str, colour: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="11" fill="{colour}">{escape(words)}</text>'


def _path(way: str, colours: dict[str, str]) -> str:
    return f'<path d="{way}" fill="none" stroke="{colours["ink"]}" marker-end="url(#tip)"/>'


if __name__ == "__main__":
    for name in THEMES:
        (DOCS / f"picture-{name}.svg").write_text(picture(name))
