"""For a variant of which nobody may stand: who asks is counted, and told when to come again."""

import math
from collections.abc import Sequence

from r1_on_eks.plan.nginx.settings import Service, Site
from r1_on_eks.plan.nginx.text import indented

ASKED_SERIES = "r1_gateway_requests_total"
METRICS_PATH = "/metrics"


def waking(site: Site) -> tuple[Service, ...]:
    """Those that a request wakes."""
    return tuple(one for one in site.services if one.wakes_in is not None)


def sleepers(site: Site) -> str:
    """Who may sleep, for how long one waits for him, and whether this request found him asleep."""
    found = waking(site)
    if not found:
        return ""
    minutes = [(one.name, math.ceil((one.wakes_in or 0) / 60)) for one in found]
    return "\n".join(
        [
            "js_shared_dict_zone zone=asked:32k type=number;",
            "js_set $counted gateway.counted;",
            _map("$sleeper", [(one.name, one.variant) for one in found]),
            _map("$wakes_in", [(one.name, one.wakes_in) for one in found]),
            _map("$wakes_in_minutes", minutes),
            # No server was reached: one that is there and says that it is full is awake.
            'map "$upstream_connect_time:$sleeper" $asleep {\n    default "";\n'
            '    "~^-(, -| : -)*:." asleep;\n}',
            "",
        ]
    )


def counts(target: str, site: Site) -> str:
    """Lines of a location: each request is counted, for whoever it is meant."""
    if not waking(site):
        return ""
    return f"set $target {target};\nset $seen $counted;\n"


def metrics(site: Site) -> str:
    """Where Prometheus reads the counts: of all variants that may sleep, from none on."""
    found = waking(site)
    if not found or site.metrics_port is None:
        return ""
    return f"""\
server {{
    listen 0.0.0.0:{site.metrics_port};
    access_log off;
    location = {METRICS_PATH} {{
        set $counted_of "{" ".join(one.variant for one in found)}";
        js_content gateway.metrics;
    }}
    location / {{
        return 404;
    }}
}}"""


def _map(target: str, entries: Sequence[tuple[str, object]]) -> str:
    lines = "\n".join(['default "";', *(f"{key} {value};" for key, value in entries)])
    return f"map $target {target} {{\n{indented(lines)}\n}}"
