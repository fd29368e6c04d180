"""From routes to the text of nginx.conf: pure, so that every word of it can be tested.

Needs nginx 1.27.3 or newer, where `resolve` in an upstream came to the open-source edition.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

API_PREFIX = "/api/v1"
# What an OpenAI client calls. All else of vLLM (metrics, health, adapters, sleep) stays inside.
OPEN_PATHS = ("chat/completions", "completions", "models")


@dataclass(frozen=True, kw_only=True)
class Route:
    """A public path and the model service behind it.

    Attributes:
        variant: Last part of the path, `70b`.
        service: Name of the headless Service.
        namespace: Its namespace.
        port: Port of its pods.
        served_model_name: What the server calls the model.
    """

    variant: str
    service: str
    namespace: str
    port: int
    served_model_name: str

    @property
    def upstream(self) -> str:
        """Name of the upstream block."""
        return self.service

    @property
    def host(self) -> str:
        """What the cluster's DNS knows the pods by."""
        return f"{self.service}.{self.namespace}.svc.cluster.local"


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """What holds for all routes.

    Attributes:
        listen_port: Port of the gateway's pods.
        resolver: Address of the cluster's DNS.
        read_timeout_seconds: Longest silence of a server: an answer that is not streamed sends
            nothing until it is complete, and a reasoning model thinks for minutes.
        max_body_mib: Longest request.
        drain_seconds: How long running answers may go on after a reload.
    """

    listen_port: int
    resolver: str
    read_timeout_seconds: int = 3600
    max_body_mib: int = 16
    drain_seconds: int = 600


def nginx_configuration(routes: Sequence[Route], settings: GatewaySettings) -> str:
    """The whole of nginx.conf."""
    blocks = [
        _process(settings),
        "http {",
        _indented(_http(settings)),
        *(_indented(_upstream(route)) for route in routes),
        _indented(_server(routes, settings)),
        "}",
    ]
    return "\n".join(blocks) + "\n"


def _process(settings: GatewaySettings) -> str:
    return f"""\
worker_processes auto;
worker_shutdown_timeout {settings.drain_seconds}s;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {{
    worker_connections 4096;
}}
"""


def _http(settings: GatewaySettings) -> str:
    # The root file system is read-only; what nginx writes goes to /tmp.
    folders = "\n".join(
        f"{kind}_temp_path /tmp/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
{folders}
server_tokens off;
default_type application/json;

log_format requests escape=json '{{"time":"$time_iso8601","id":"$request_id",'
    '"client":"$remote_addr","method":"$request_method","uri":"$uri","status":$status,'
    '"bytes":$bytes_sent,'
    '"seconds":$request_time,"upstream":"$upstream_addr","upstream_status":"$upstream_status",'
    '"connect":"$upstream_connect_time","first_byte":"$upstream_header_time"}}';
access_log /dev/stdout requests;

resolver {settings.resolver} valid=10s;
client_max_body_size {settings.max_body_mib}m;
send_timeout {settings.read_timeout_seconds}s;
keepalive_timeout {settings.read_timeout_seconds}s;
"""


def _upstream(route: Route) -> str:
    return f"""\
upstream {route.upstream} {{
    zone {route.upstream} 64k;
    least_conn;
    # Each pod by its own address: a cluster address would pin kept connections to one of them.
    server {route.host}:{route.port} resolve max_fails=3 fail_timeout=10s;
    keepalive 64;
}}
"""


def _server(routes: Sequence[Route], settings: GatewaySettings) -> str:
    known = [route.variant for route in routes]
    listed = json.dumps(
        {
            "object": "list",
            "data": [
                {"id": r.served_model_name, "object": "model", "path": f"{API_PREFIX}/{r.variant}"}
                for r in routes
            ],
        }
    )
    locations = "\n".join(_location(r, path, settings) for r in routes for path in OPEN_PATHS)
    return f"""\
server {{
    listen {settings.listen_port};
    add_header X-Request-Id $request_id always;

    location = /healthz {{
        access_log off;
        return 200 '{{"status":"ok"}}';
    }}
    location = {API_PREFIX}/models {{
        return 200 '{listed}';
    }}
{_indented(locations)}
    location / {{
        return 404 '{_error(404, f"no such path; the models here are {', '.join(known)}")}';
    }}

    error_page 413 @too_large;
    error_page 502 503 504 =503 @unavailable;
    location @too_large {{
        return 413 '{_error(413, f"the request is longer than {settings.max_body_mib} MiB")}';
    }}
    location @unavailable {{
        add_header Retry-After 10 always;
        add_header X-Request-Id $request_id always;
        return 503 '{_error(503, "the model does not answer now; try again in some seconds")}';
    }}
}}"""


def _location(route: Route, path: str, settings: GatewaySettings) -> str:
    return f"""\
location = {API_PREFIX}/{route.variant}/{path} {{
    proxy_pass http://{route.upstream}/v1/{path};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host {route.upstream};
    proxy_set_header X-Request-Id $request_id;
    # The gateway's keys are not the model's business.
    proxy_set_header Authorization "";
    proxy_buffering off;
    proxy_request_buffering on;
    proxy_connect_timeout 5s;
    proxy_read_timeout {settings.read_timeout_seconds}s;
    proxy_send_timeout 60s;
    # A POST that was sent is not sent again: without non_idempotent nginx keeps to that.
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 2;
    proxy_next_upstream_timeout 10s;
}}
"""


def _error(status: int, message: str) -> str:
    """As OpenAI's clients expect an error; without the quote that would end nginx's string."""
    kind = "invalid_request_error" if status < 500 else "service_unavailable"
    body = {"error": {"message": message, "type": kind, "code": status}}
    return json.dumps(body).replace("'", "’")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())
