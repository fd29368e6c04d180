"""The dashboard of a whole stack: all variants side by side, nodes, money."""

from r1_on_eks.plan.monitoring.machine_panels import CAPACITY, FILE_SYSTEM, GPUS
from r1_on_eks.plan.monitoring.panel import (
    DOLLARS,
    NUMBER,
    REQUESTS_PER_SECOND,
    SECONDS,
    SHARE,
    TOKENS_PER_SECOND,
    Panel,
    Row,
    drawn,
    planned,
    predicted,
    unpredicted,
)
from r1_on_eks.plan.nginx.answers import ANSWERS_SERIES, CLIENT_LEFT

_ON_DEMAND = (
    "Nodes that stand, at their price on demand: spot, blocks and savings plans cost less."
)


def _number(title: str, unit: str, expr: str, legend: str = "") -> Panel:
    return Panel(title=title, unit=unit, number=True, queries=(drawn(expr, legend),))


_NOW = Row(
    title="Now",
    panels=(
        _number("Answers per second", REQUESTS_PER_SECOND, "sum(r1:requests:rate5m)"),
        _number("Requests that wait", NUMBER, "sum(r1:requests_waiting:sum)"),
        _number("Dollars per hour", DOLLARS, "sum(r1:usd_per_hour:sum)"),
        _number(
            "Dollars per million tokens",
            DOLLARS,
            "sum(r1:usd_per_hour:sum) / (sum(r1:output_tokens:rate5m) * 3600 / 1e6 > 0)",
        ),
        _number("Replicas that answer", NUMBER, "sum(r1:replicas:ready)"),
        _number(
            "Alerts",
            NUMBER,
            'count(ALERTS{alertstate="firing",severity!="info"}) or vector(0)',
        ),
    ),
)


_TRAFFIC = Row(
    title="Traffic",
    panels=(
        Panel(
            title="Answers per second",
            unit=REQUESTS_PER_SECOND,
            queries=(
                drawn("r1:requests:rate5m"),
                planned("r1_plan:requests_per_second:asked", "{{variant}}, asked"),
            ),
            said="Dashed: the rate of the stack file.",
        ),
        Panel(
            title="Output tokens per second",
            unit=TOKENS_PER_SECOND,
            queries=(
                drawn("r1:output_tokens:rate5m"),
                predicted("r1_plan:output_tokens_per_second:full", "{{variant}}, at full load"),
            ),
        ),
        Panel(
            title="Requests that wait",
            unit=NUMBER,
            queries=(drawn("r1:requests_waiting:sum"),),
        ),
        Panel(
            title="Requests at a time",
            unit=NUMBER,
            queries=(
                drawn("r1:requests_running:sum"),
                planned("r1_plan:concurrent_requests:most", "{{variant}}, at most"),
            ),
        ),
    ),
)


_WAITING = Row(
    title="Waiting, and the cache",
    panels=(
        Panel(
            title="First token, mean",
            unit=SECONDS,
            queries=(
                drawn("r1:first_token_seconds:mean5m"),
                planned("r1_plan:first_token_seconds:limit", "{{variant}}, limit"),
            ),
        ),
        Panel(
            title="Each further token, mean",
            unit=SECONDS,
            queries=(
                drawn("r1:per_token_seconds:mean5m"),
                planned("r1_plan:per_token_seconds:limit", "{{variant}}, limit"),
            ),
        ),
        Panel(
            title="First token, slowest twentieth",
            unit=SECONDS,
            queries=(drawn("r1:first_token_seconds:p95_5m"),),
        ),
        Panel(
            title="Cache of keys and values in use",
            unit=SHARE,
            most=1,
            queries=(drawn("r1:kv_cache_used:max"),),
            said="The fullest replica. Near 100 % answers are thrown out and begun again.",
        ),
    ),
)


_MONEY = Row(
    title="Money",
    panels=(
        Panel(
            title="Dollars per million output tokens, last hour",
            unit=DOLLARS,
            queries=(
                drawn("r1:usd_per_million_tokens:1h"),
                predicted("r1_plan:usd_per_million_tokens:asked", "{{variant}}, as asked"),
                predicted("r1_plan:usd_per_million_tokens:full", "{{variant}}, at full load"),
            ),
            said=_ON_DEMAND,
        ),
        Panel(
            title="Dollars per hour",
            unit=DOLLARS,
            queries=(drawn("r1:usd_per_hour:sum"),),
            said=_ON_DEMAND,
        ),
    ),
)


_STATUSES = f'sum by (status) (rate({ANSWERS_SERIES}{{job="gateway"}}[5m])) > 0'
_LEFT = f'sum by (variant) (rate({ANSWERS_SERIES}{{job="gateway",status="{CLIENT_LEFT}"}}[5m]))'

_ERRORS = Row(
    title="Errors, and the gateway",
    panels=(
        Panel(
            title="Answers that failed in the server",
            unit=SHARE,
            queries=(drawn("r1:errors:ratio5m"),),
            said="Status 500 and more of vLLM.",
        ),
        Panel(
            title="Preemptions per second",
            unit=NUMBER,
            queries=(drawn("r1:preemptions:rate5m"),),
        ),
        Panel(
            title="Gateway: requests per second",
            unit=REQUESTS_PER_SECOND,
            queries=(drawn('rate(nginx_http_requests_total{job="nginx"}[5m])', "{{pod}}"),),
            said="Health checks of load balancer and kubelet among them.",
        ),
        Panel(
            title="Gateway: connections",
            unit=NUMBER,
            queries=(drawn('nginx_connections_active{job="nginx"}', "{{pod}}"),),
        ),
        Panel(
            title="Answers to clients, by status",
            unit=REQUESTS_PER_SECOND,
            queries=(drawn(_STATUSES, "{{status}}"),),
            said="At their end, as the gateway's log has them; probes are not among them.",
        ),
        Panel(
            title="Answers to clients that failed",
            unit=SHARE,
            queries=(drawn("r1:gateway_errors:ratio5m"),),
            said="Status 500 and more, of the gateway or of a server.",
        ),
        Panel(
            title="Refused: too many requests",
            unit=SHARE,
            queries=(drawn("r1:gateway_refused:ratio5m"),),
            said="Status 429. none: somebody without a key.",
        ),
        Panel(
            title="Clients that left before their answer, per second",
            unit=NUMBER,
            queries=(drawn(_LEFT),),
            said="Status 499: their own time-out, mostly.",
        ),
    ),
)

_ALWAYS = (_NOW, _TRAFFIC, _WAITING, _MONEY, _ERRORS)


def stack_rows(*, gpus: bool, storage: bool) -> list[Row]:
    """Its rows; without GPUs or file system, nothing of theirs."""
    first = _ALWAYS if gpus else tuple(unpredicted(row) for row in _ALWAYS)
    return [
        *first,
        *([GPUS] if gpus else []),
        CAPACITY,
        *([FILE_SYSTEM] if storage else []),
    ]
