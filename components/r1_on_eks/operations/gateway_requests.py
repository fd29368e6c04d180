"""Requests to a stack's gateway, as somebody who looks after it makes them."""

import http.client
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH.
_OF_ANOTHER_NAME = (62, 64)
# X509_V_ERR_CERT_HAS_EXPIRED.
_EXPIRED = 10
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


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


def asked(
    url: str,
    body: Any = None,
    key: str | None = None,
    seconds: float = 4.0,
    authority: Path | None = None,
) -> Answer:
    """One request; a key is sent to nobody whose certificate isn't believed.

    Without a key whoever signed the certificate is believed, for nothing is given away.

    Args:
        url: Whole.
        body: Sent as JSON, by POST; None for GET.
        key: Of the gateway.
        seconds: For which an answer is waited for.
        authority: As of `disbelief`.
    """
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=content, headers=headers)
    began = monotonic()
    try:
        opened = _believed(request, seconds, authority) if key else _anybody(request, seconds)
        with opened as answer:
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


def disbelief(url: str, seconds: float, authority: Path | None) -> ssl.SSLError | None:
    """Why the certificate of an address is not believed; None where it is, or nothing answers.

    Args:
        url: Whole; of clear text nothing is said.
        seconds: For which an answer is waited for.
        authority: File with those who may sign it, beside whom this machine knows; or with the
            certificate itself, which is believed by whatever name it is reached.
    """
    return _refusal(_believed(urllib.request.Request(url), seconds, authority))


def has_expired(url: str, seconds: float, authority: Path | None) -> bool:
    """Whether the certificate of an address is too old, by whatever name it is reached.

    Args:
        url: Whole.
        seconds: For which an answer is waited for.
        authority: As of `disbelief`.
    """
    context = _context(authority)
    context.check_hostname = False
    refusal = _refusal(_anybody(urllib.request.Request(url), seconds, context))
    return getattr(refusal, "verify_code", 0) == _EXPIRED


def _refusal(asking: AbstractContextManager[Any]) -> ssl.SSLError | None:
    """Why no connection was made, where that was the certificate."""
    try:
        with asking:
            return None
    except urllib.error.HTTPError as refused:
        refused.close()
    except OSError as error:
        reason = getattr(error, "reason", error)
        return reason if isinstance(reason, ssl.SSLError) else None
    except http.client.HTTPException:
        pass
    return None


@contextmanager
def _believed(
    request: urllib.request.Request, seconds: float, authority: Path | None
) -> Iterator[Any]:
    """The answer of who has a believed certificate of the name that is asked."""
    context = _context(authority)
    pins = frozenset(
        map(ssl.PEM_cert_to_DER_cert, _PEM.findall(authority.read_text()) if authority else ())
    )
    try:
        opened = _opened(request, seconds, context)
    except urllib.error.URLError as error:
        of_another_name = getattr(error.reason, "verify_code", 0) in _OF_ANOTHER_NAME
        if not (pins and of_another_name):
            raise
        # By the balancer's own name, and through a port-forward, no certificate of yours is
        # valid: then it has to be the very one, for whoever signed it signs for others too.
        context.check_hostname = False
        opened = _opened(request, seconds, context, pins)
    with opened as answer:
        yield answer


@contextmanager
def _anybody(
    request: urllib.request.Request, seconds: float, context: ssl.SSLContext | None = None
) -> Iterator[Any]:
    """The answer of whoever is there, or whom a context believes."""
    if context is None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with _opened(request, seconds, context) as answer:
        yield answer


def _context(authority: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority is not None:
        context.load_verify_locations(authority)
        # Who is in the file is believed without who signed it, and as plainly as it was made.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _opened(
    request: urllib.request.Request,
    seconds: float,
    context: ssl.SSLContext,
    pins: frozenset[bytes] = frozenset(),
) -> Any:
    opener = urllib.request.OpenerDirector()
    # Without what follows redirects: the gateway has none, and a key must not go elsewhere.
    for handler in (
        urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), _Https(context, pins),
        urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener.open(request, timeout=seconds)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, context: ssl.SSLContext, pins: frozenset[bytes]) -> None:
        super().__init__(context=context)
        self._given, self._pins = context, pins

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, pins=self._pins), req, context=self._given)


class _Connection(http.client.HTTPSConnection):
    """Says nothing before it knows that the certificate is one of `pins`, where there are any."""

    def __init__(self, *given: Any, pins: frozenset[bytes], **named: Any) -> None:
        super().__init__(*given, **named)
        self._pins = pins

    def connect(self) -> None:
        super().connect()
        if self._pins and self.sock.getpeercert(binary_form=True) not in self._pins:
            self.close()
            raise ssl.SSLCertVerificationError("it is of another name, and not the one given")
