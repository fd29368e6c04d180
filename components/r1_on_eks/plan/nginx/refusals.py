"""What is answered in place of a model: errors as OpenAI's clients read them."""

import json
from dataclasses import dataclass

from r1_on_eks.plan.nginx.settings import Site
from r1_on_eks.plan.nginx.waking import may_sleep

# Seconds after which one may ask again.
_RETRY_AFTER = {429: 5, 502: 2, 503: 10, 504: 30}


@dataclass(frozen=True)
class Refusal:
    """One status with what its body says."""

    status: int
    kind: str
    code: str
    message: str

    @property
    def body(self) -> str:
        """JSON, without the quote that would end nginx's string."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": None,
            "code": self.code,
        }
        return json.dumps({"error": error}, ensure_ascii=False).replace("'", "’")


def refusals(site: Site) -> tuple[Refusal, ...]:
    """All of them."""
    request, server = "invalid_request_error", "server_error"
    known = ", ".join(site.names)
    longest = f"{site.longest_answer_seconds} s"
    return (
        Refusal(400, request, "bad_request", "this is no HTTP request that is understood"),
        Refusal(401, "authentication_error", "invalid_api_key",
                "no key that is known here; send Authorization: Bearer r1-…"),
        Refusal(403, request, "forbidden", "this is not open"),
        Refusal(404, request, "model_not_found",
                f"no such model or path; the models here are {known}"),
        Refusal(405, request, "method_not_allowed", "this path takes another method"),
        Refusal(408, request, "request_timeout", "the request did not arrive in time"),
        Refusal(411, request, "length_required", "the request has no length"),
        Refusal(413, request, "request_too_large", f"{_too_large(site)}"),
        Refusal(414, request, "uri_too_long", "the address is too long"),
        Refusal(429, "rate_limit_error", "rate_limit_exceeded",
                "too many requests of this caller; ask again in some seconds"),
        Refusal(431, request, "headers_too_large", "the headers are too long"),
        Refusal(500, server, "internal_error", "the gateway failed"),
        Refusal(501, server, "not_implemented", "this transfer coding is not understood"),
        Refusal(502, server, "bad_gateway",
                "the model’s server ended the connection before it answered"),
        Refusal(503, "service_unavailable", "model_unavailable",
                "the model does not answer now; ask again in some seconds"),
        Refusal(504, server, "timeout", f"the model said nothing for {longest}"),
    )  # fmt: skip


def refusal_headers(site: Site) -> str:
    """Headers that go with some statuses alone; an empty one is not sent."""
    after = "".join(f"    {status} {seconds};\n" for status, seconds in _RETRY_AFTER.items())
    source = "$status"
    if may_sleep(site):
        source = '"$status$asleep"'
        after += "    503asleep $again_in;\n"
    return f"""\
map {source} $retry_after_status {{
    default "";
{after}}}
map $upstream_http_retry_after $retry_after {{
    "" $retry_after_status;
    default "";
}}
map $status $challenge {{
    default "";
    401 Bearer;
}}
"""


def error_pages(site: Site) -> str:
    """What leads to them."""
    lines = [f"error_page {one.status} = /errors/{one.status};" for one in refusals(site)]
    # Wrong in TLS alone: its own statuses, told as one.
    return "\n".join([*lines, "error_page 494 = /errors/431;", "error_page 497 = /errors/400;"])


def error_locations(site: Site) -> str:
    """One location for each; none can be asked for from outside."""
    return "\n".join(_location(one, site) for one in refusals(site))


# nginx writes the sentence in.
_ASLEEP = Refusal(503, "service_unavailable", "model_asleep", "$told_asleep")


def _location(one: Refusal, site: Site) -> str:
    unreached = next(r for r in refusals(site) if r.status == 503)
    # No server was reached, or it was full: nobody has begun on the request.
    asleep = (
        f"    if ($asleep) {{\n        return 503 '{_ASLEEP.body}';\n    }}\n"
        if may_sleep(site) and one.status in (502, 503, 504)
        else ""
    )
    instead = (
        f"    if ($outcome = untouched) {{\n        return 503 '{unreached.body}';\n    }}\n"
        if one.status in (502, 504)
        else ""
    )
    return (
        f"location = /errors/{one.status} {{\n    internal;\n{asleep}{instead}"
        f"    return {one.status} '{one.body}';\n}}"
    )


def _too_large(site: Site) -> str:
    return (
        f"a request is {site.body_mib} MiB at most, and {site.routed_body_kib} KiB where the"
        " model is chosen by its name"
    )
