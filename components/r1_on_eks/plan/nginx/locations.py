"""The server: which paths there are, and where each leads."""

import json
from collections.abc import Sequence

from r1_on_eks.plan.nginx.answers import chosen
from r1_on_eks.plan.nginx.callers import limits
from r1_on_eks.plan.nginx.refusals import error_locations, error_pages
from r1_on_eks.plan.nginx.settings import Service, Site, Split
from r1_on_eks.plan.nginx.text import indented

API_PREFIX = "/api/v1"
# What an OpenAI client asks. All else of vLLM (metrics, health, adapters, sleep) stays inside.
OPEN_PATHS = ("chat/completions", "completions")
# Where one prefix serves all models, by the name in the body or to be listed.
_COMMON_PREFIXES = ("/v1", API_PREFIX)
DRAINING = "/tmp/draining"
STATUS_PATH = "/stub_status"


def server(site: Site) -> str:
    """The one server of the gateway."""
    parts = [
        _listen(site),
        _headers(site),
        limits(site),
        "recursive_error_pages on;",
        error_pages(site),
        _probes(),
        *(_common(prefix, site) for prefix in _COMMON_PREFIXES),
        *(_of_variant(service, site) for service in site.services),
        *(_of_split(split, site) for split in site.splits),
        *(_up(service) for service in site.services),
        _refused(),
        _instead() if any(service.instead for service in site.services) else "",
        error_locations(site),
        "location / {\n    set $asked $uri;\n    return 404;\n}",
    ]
    return f"server {{\n{indented(chr(10).join(parts))}\n}}"


def status(site: Site) -> str:
    """What the exporter beside nginx reads: of this pod alone, since it is on loopback."""
    if site.status_port is None:
        return ""
    return f"""\
server {{
    listen 127.0.0.1:{site.status_port};
    access_log off;
    location = {STATUS_PATH} {{
        stub_status;
    }}
    location / {{
        return 404;
    }}
}}"""


def _listen(site: Site) -> str:
    # A client that vanished without a word is found out after four minutes.
    tls = " ssl" if site.tls else ""
    return "\n".join(
        f"listen {address}{site.listen_port}{tls} so_keepalive=60s:30s:6;"
        for address in ("", "[::]:")
    )


def _headers(site: Site) -> str:
    always = [
        ("X-Request-Id", "$request_id"),
        ("Retry-After", "$retry_after"),
        ("WWW-Authenticate", "$challenge"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "\"default-src 'none'; frame-ancestors 'none'\""),
        ("Referrer-Policy", "no-referrer"),
    ]
    if site.tls:
        always.append(("Strict-Transport-Security", '"max-age=31536000"'))
    hidden = ("Server", "X-Request-Id", "Cache-Control")
    return "\n".join(
        [
            *(f"add_header {name} {value} always;" for name, value in always),
            *(f"proxy_hide_header {name};" for name in hidden),
        ]
    )


def _probes() -> str:
    # A pod that is to end says so here, and goes on answering until no one asks it any more.
    return f"""\
location = /healthz {{
    access_log off;
    if (-f {DRAINING}) {{
        return 503 '{{"status":"ends"}}';
    }}
    return 200 '{{"status":"ok"}}';
}}
location = /livez {{
    access_log off;
    return 200 '{{"status":"ok"}}';
}}
"""


def _admitted(site: Site, method: str) -> str:
    """Whoever has no key, or another method in mind, goes no further."""
    refused = "" if site.open else 'if ($key_name = "") {\n    rewrite ^ /refused last;\n}\n'
    return f"set $asked $uri;\n{refused}if ($request_method != {method}) {{\n    return 405;\n}}\n"


def _refused() -> str:
    # In the phases after `return`, so that strangers' guesses are counted before they are refused.
    return """\
location = /refused {
    internal;
    error_page 403 = /errors/401;
    error_page 404 = /errors/404;
    error_page 429 = /errors/429;
    deny all;
}
"""


def _common(prefix: str, site: Site) -> str:
    """Of all models: the one that the body names, and the list of what is up."""
    size = f"{site.routed_body_kib}k"
    chosen = "\n".join(
        f"""\
location = {prefix}/{path} {{
{indented(_admitted(site, "POST"))}
    set $path {path};
    # The whole body in memory: njs reads its `model`.
    client_max_body_size {size};
    client_body_buffer_size {size};
    js_content gateway.by_model;
}}"""
        for path in OPEN_PATHS
    )
    return f"{chosen}\n{_models(prefix, site.names, site)}"


def _models(prefix: str, names: Sequence[str], site: Site) -> str:
    variants = {service.name: service.variant for service in site.services}
    shares = {
        split.name: [variants[upstream] for upstream, _ in split.percent]
        for split in site.splits
        if split.name in names
    }
    return f"""\
location = {prefix}/models {{
{indented(_admitted(site, "GET"))}
    set $listed "{" ".join(names)}";
    set $shares '{json.dumps(shares)}';
    js_content gateway.models;
}}
"""


def _of_variant(service: Service, site: Site) -> str:
    paths = "\n".join(
        _path(service.variant, path, service.name, site, guarded=service.instead is not None)
        for path in OPEN_PATHS
    )
    return f"{paths}\n{_models(f'{API_PREFIX}/{service.variant}', [service.variant], site)}"


def _of_split(split: Split, site: Site) -> str:
    instead = {service.name for service in site.services if service.instead}
    guarded = any(name in instead for name, _ in split.percent)
    paths = "\n".join(
        _path(split.name, path, split.variable, site, guarded=guarded) for path in OPEN_PATHS
    )
    return f"{paths}\n{_models(f'{API_PREFIX}/{split.name}', [split.name], site)}"


def _path(name: str, path: str, target: str, site: Site, *, guarded: bool) -> str:
    guard = (
        f"    set $target {target};\n    set $path {path};\n"
        "    proxy_intercept_errors on;\n    error_page 429 502 503 504 = @instead;\n"
        if guarded
        else chosen(target, site)
    )
    return f"""\
location = {API_PREFIX}/{name}/{path} {{
{indented(_admitted(site, "POST"))}
{guard}    proxy_pass http://{target}/v1/{path};
}}"""


def _instead() -> str:
    # Only where nobody has begun on the request: no server was reached, or one said that it is
    # full before it said anything else. Not after a time-out or a reset: the model may be at work.
    return """\
location @instead {
    if ($substitute = "") {
        return 503;
    }
    if ($outcome = timeout) {
        return 504;
    }
    if ($outcome = ended) {
        return 502;
    }
    rewrite ^ /v1/$path break;
    proxy_pass http://$substitute;
}
"""


def _up(service: Service) -> str:
    return f"""\
location = /up/{service.variant} {{
    internal;
    access_log off;
    proxy_connect_timeout 1s;
    proxy_read_timeout 2s;
    proxy_pass http://{service.name}/health;
}}
"""
