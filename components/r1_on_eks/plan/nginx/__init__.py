"""The gateway's nginx.conf: pure, so that every word of it can be tested.

Needs nginx 1.30.4 or newer (`resolve` in an upstream, `keepalive_min_timeout`) with njs 0.8.10 or
newer. The official image of 1.30.4 has njs 1.0.1 (docker-nginx, stable/debian/Dockerfile).
"""

from importlib.resources import files

from r1_on_eks.plan.nginx.answers import counting, metrics
from r1_on_eks.plan.nginx.callers import callers
from r1_on_eks.plan.nginx.locations import server, status
from r1_on_eks.plan.nginx.process import http, process
from r1_on_eks.plan.nginx.refusals import refusal_headers
from r1_on_eks.plan.nginx.settings import Site
from r1_on_eks.plan.nginx.text import indented
from r1_on_eks.plan.nginx.upstreams import upstreams
from r1_on_eks.plan.nginx.waking import sleepers

SCRIPT = "gateway.js"


def configuration(site: Site) -> str:
    """The whole of nginx.conf."""
    within = [http(site), callers(site), upstreams(site), sleepers(site), counting(site)]
    within += [refusal_headers(site)]
    within += [server(site), status(site), metrics(site)]
    within = [text for text in within if text]
    return "\n".join([process(site), "http {", indented("\n".join(within)), "}"]) + "\n"


def script() -> str:
    """What njs carries out: the same for every stack."""
    return files(__name__).joinpath(SCRIPT).read_text()
