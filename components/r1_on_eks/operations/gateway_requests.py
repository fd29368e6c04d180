"""Requests to a stack's gateway, as somebody who looks after it makes them."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from time import monotonic
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What came back of one request.

    Attributes:
        status: HTTP's; 0 where nothing came.
        told: The body, or why nothing came.
        seconds: Until then.
    """

    status: int
    told: str
    seconds: float


def asked(url: str, body: Any = None, key: str | None = None, seconds: float = 4.0) -> Answer:
    """One request; whoever signed the certificate is believed.

    Args:
        url: Whole.
        body: Sent as JSON, by POST; None for GET.
        key: Of the gateway.
        seconds: For which an answer is waited for.
    """
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    content = None if body is None else json.dumps(body).encode()
    # By the balancer's own name no certificate of yours is valid.
    believing = ssl.create_default_context()
    believing.check_hostname, believing.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(url, data=content, headers=headers)
    began = monotonic()
    try:
        with urllib.request.urlopen(request, timeout=seconds, context=believing) as answer:
            told = answer.read().decode(errors="replace")
            return Answer(answer.status, told, monotonic() - began)
    except urllib.error.HTTPError as refused:
        with refused:
            told = refused.read().decode(errors="replace")
            return Answer(refused.code, told, monotonic() - began)
    except OSError as error:
        reason = getattr(error, "reason", error)
        silent = f"no answer within {seconds:g} s"
        told = silent if isinstance(reason, TimeoutError) else str(reason)
        return Answer(0, told, monotonic() - began)
    except http.client.HTTPException as error:
        return Answer(0, f"what answers speaks no HTTP: {error!r}", monotonic() - began)
