"""What clients were answered, counted by variant and status for Prometheus.

A request is counted where its line goes to the log: once, at its end, with the status that its
client got. A question that nginx asks itself, and a probe, have no line.
"""

from collections.abc import Sequence

from r1_on_eks.plan.nginx.refusals import refusals
from r1_on_eks.plan.nginx.settings import Site
from r1_on_eks.plan.nginx.text import indented
from r1_on_eks.plan.nginx.waking import ASLEEP, may_sleep

ANSWERS_SERIES = "r1_gateway_answers_total"
ANSWERS_LABELS = ("variant", "status")
METRICS_PATH = "/metrics"
# Of an answer before any variant was chosen: no key, no such path, a list of models. No variant
# has such a name.
NO_VARIANT = "none"
# nginx's own, of a client that left before its answer began.
CLIENT_LEFT = 499
# What is no status of the list is counted by its first digit, so that their number is bounded.
_CLASSES = ("2xx", "3xx", "4xx", "5xx")
_OTHER = "other"
# An entry takes 128 bytes and its name's 32; of ten variants, ten times 24 of them: 40 KiB.
_ZONE_SIZE = "128k"


def statuses(site: Site) -> tuple[str, ...]:
    """Every value that the label `status` may have."""
    known = (200, CLIENT_LEFT, *(one.status for one in refusals(site)))
    # 503 like a fault's, and none: alerts of errors are not for whoever sleeps.
    asleep = (ASLEEP,) if may_sleep(site) else ()
    return (*map(str, sorted(known)), *asleep, *_CLASSES, _OTHER)


def variants(site: Site) -> tuple[str, ...]:
    """Every value that the label `variant` may have."""
    return (*(service.variant for service in site.services), NO_VARIANT)


def series(site: Site) -> int:
    """How many series each pod tells; none where nobody asks."""
    return 0 if site.metrics_port is None else len(statuses(site)) * len(variants(site))


def counting(site: Site) -> str:
    """What is counted, and where; nothing where nobody asks."""
    if site.metrics_port is None:
        return ""
    known = [(one, _kind(one)) for one in statuses(site) if one.isdigit() or one == ASLEEP]
    classes = [(f"~^{one[0]}", _kind(one)) for one in _CLASSES]
    names = [(service.name, service.variant) for service in site.services]
    status = "$status"
    told = ""
    if may_sleep(site):
        status = "$answer_status"
        told = f"""\
map $asleep$status {status} {{
    default $status;
    {ASLEEP}503 {ASLEEP};
}}
"""
    return f"""\
js_shared_dict_zone zone=answers:{_ZONE_SIZE} type=number;
js_set $counted gateway.counted;
{_map("$target", "$answer_variant", NO_VARIANT, names)}
{told}{_map(status, "$answer", _kind(_OTHER), [*known, *classes])}
# Never written to: it asks for $counted, which is empty, where the line above was written.
access_log /dev/null requests if=$counted;
"""


def chosen(target: str, site: Site) -> str:
    """Line of a location: whose answer it is."""
    return f"    set $target {target};\n" if site.metrics_port is not None else ""


def metrics(site: Site) -> str:
    """Where Prometheus reads the counts."""
    if site.metrics_port is None:
        return ""
    return f"""\
server {{
    listen 0.0.0.0:{site.metrics_port};
    access_log off;
    location = {METRICS_PATH} {{
        set $series {ANSWERS_SERIES};
        set $variants "{" ".join(variants(site))}";
        set $statuses "{" ".join(statuses(site))}";
        js_content gateway.metrics;
    }}
    location / {{
        return 404;
    }}
}}"""


def _kind(status: str) -> str:
    # One variable for njs to read: each costs 2,500 instructions.
    return f'"$answer_variant {status}"'


def _map(source: str, target: str, default: str, entries: Sequence[tuple[str, str]]) -> str:
    lines = "\n".join([f"default {default};", *(f"{key} {value};" for key, value in entries)])
    return f"map {source} {target} {{\n{indented(lines)}\n}}"
