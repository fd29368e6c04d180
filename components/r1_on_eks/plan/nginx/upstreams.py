"""The servers behind the gateway, which of them a split draws, and which answers instead."""

from r1_on_eks.plan.nginx.settings import Service, Site, Split
from r1_on_eks.plan.nginx.text import indented

# vLLM closes an idle connection after 5 s (VLLM_HTTP_TIMEOUT_KEEP_ALIVE in vllm/envs.py): a POST
# that met the closing would be lost, so the gateway closes it first.
_IDLE_SECONDS = 4


def upstreams(site: Site) -> str:
    """One upstream per variant, the draws, and the map of substitutes."""
    return "\n".join(
        [
            *(_upstream(service) for service in site.services),
            *(_draw(split) for split in site.splits),
            *_substitutes(site),
            "js_set $outcome gateway.outcome;",
            "",
        ]
    )


def _substitutes(site: Site) -> list[str]:
    pairs = [f"{one.name} {one.instead};" for one in site.services if one.instead]
    lines = "\n".join(['default "";', *pairs])
    return [f"map $target $substitute {{\n{indented(lines)}\n}}"] if pairs else []


def _upstream(service: Service) -> str:
    return f"""\
upstream {service.name} {{
    zone {service.name} 64k;
    least_conn;
    # Each pod by its own address: a cluster address would pin kept connections to one of them.
    server {service.host}:{service.port} resolve max_fails=3 fail_timeout=10s;
    keepalive 64;
    keepalive_timeout {_IDLE_SECONDS}s;
}}
"""


def _draw(split: Split) -> str:
    # The same words give the same draw on every pod and after every change of the configuration.
    source = "$caller$http_x_session_id" if split.sticky else "$request_id"
    *others, (last, _) = split.percent
    shares = [f"{percent}% {name};" for name, percent in others] + [f"* {last};"]
    return f'split_clients "{source}" {split.variable} {{\n{indented(chr(10).join(shares))}\n}}\n'
