"""The process, and what holds for all of HTTP."""

from r1_on_eks.plan.nginx.settings import Site

FOLDER = "/etc/nginx"
SERVER_KEY_FOLDER = f"{FOLDER}/server-key"
# Of the server key's Secret.
HEADER_FILE = "header.conf"
TLS_FOLDER = f"{FOLDER}/tls"

# Where nginx.org's packages, and so the official image, put modules.
_MODULE = "/usr/lib/nginx/modules/ngx_http_js_module.so"
_CONNECTIONS = 8192


def process(site: Site) -> str:
    """Modules, workers, files."""
    return f"""\
load_module {_MODULE};
worker_processes auto;
worker_rlimit_nofile {2 * _CONNECTIONS};
# After a reload or a SIGQUIT, running answers end on the workers of before.
worker_shutdown_timeout {site.longest_answer_seconds}s;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;

events {{
    worker_connections {_CONNECTIONS};
}}
"""


def key_header(key: str) -> str:
    """What `HEADER_FILE` holds, of the key that the model servers ask for."""
    return f'proxy_set_header Authorization "Bearer {key}";\n'


def http(site: Site) -> str:
    """Time-outs, logs, TLS, and how requests are passed on."""
    return "\n".join([_files(), _log(), _clients(), _proxy(site), _tls() if site.tls else ""])


def _files() -> str:
    # The root file system is read-only; what nginx writes goes to /tmp.
    folders = "\n".join(
        f"{kind}_temp_path /tmp/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
{folders}
server_tokens off;
default_type application/json;
# QuickJS would hold a context of 200 KiB for every running stream, and take 1 ms to make it
# (benchmarks/gateway.py); this engine's is a tenth of it.
js_engine njs;
js_import gateway from {FOLDER}/gateway.js;
# A request that is refused before its location is known has no $asked.
uninitialized_variable_warn off;
"""


def _log() -> str:
    # No arguments of the address: somebody may write a key there.
    return """\
log_format requests escape=json '{"time":"$time_iso8601","id":"$request_id",'
    '"client":"$remote_addr","key":"$key_name","method":"$request_method","path":"$asked",'
    '"status":$status,"bytes_in":$request_length,"bytes":$bytes_sent,"seconds":$request_time,'
    '"upstream":"$upstream_addr","upstream_status":"$upstream_status",'
    '"connect":"$upstream_connect_time","first_byte":"$upstream_header_time",'
    '"upstream_seconds":"$upstream_response_time"}';
access_log /dev/stdout requests buffer=32k flush=1s;
"""


def _clients() -> str:
    # A client that says nothing costs memory alone, no worker; still it is let go.
    return """\
client_header_timeout 15s;
# A head and a prompt of some pages then come in one read (benchmarks/gateway.py: 0.72 to 0.80 of a
# bare nginx's throughput), for 7 KiB more of each running answer.
client_header_buffer_size 8k;
client_body_timeout 60s;
send_timeout 60s;
reset_timedout_connection on;
keepalive_timeout 75s;
# A worker that ends leaves an idle connection open for so long: a request that is on its way to
# it is answered, not reset.
keepalive_min_timeout 60s;
"""


def _proxy(site: Site) -> str:
    return f"""\
resolver {site.resolver} valid=10s;
client_max_body_size {site.body_mib}m;
client_body_buffer_size 128k;
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $proxy_host;
proxy_set_header X-Request-Id $request_id;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme;
# Compressed, a stream would arrive in lumps.
proxy_set_header Accept-Encoding "";
proxy_set_header Cookie "";
# In place of the client's key, which is not the model's business: the gateway's own.
include {SERVER_KEY_FOLDER}/{HEADER_FILE};
# A body is read to its end before a server is asked: a slow client holds none.
proxy_request_buffering on;
proxy_buffering off;
proxy_socket_keepalive on;
proxy_connect_timeout 5s;
proxy_send_timeout 60s;
proxy_read_timeout {site.longest_answer_seconds}s;
# To the next pod of the same variant, where none was reached: without non_idempotent, a POST that
# was sent is never sent again.
proxy_next_upstream error timeout;
proxy_next_upstream_tries 3;
proxy_next_upstream_timeout 15s;
"""


def _tls() -> str:
    return f"""\
ssl_certificate {TLS_FOLDER}/tls.crt;
ssl_certificate_key {TLS_FOLDER}/tls.key;
ssl_protocols TLSv1.2 TLSv1.3;
ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384;
ssl_prefer_server_ciphers off;
ssl_session_cache shared:tls:10m;
ssl_session_tickets off;
"""
