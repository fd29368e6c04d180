"""Address, key and certificate of a gateway, as somebody gave them.

What is none is refused before anything is asked of it.
"""

import ssl
from pathlib import Path
from urllib.parse import urlsplit


class WrongGatewayWord(ValueError):
    """No request could be made with it; the message never tells a key."""


def address_of(given: str, named: str) -> str:
    """An address without a slash at its end.

    Args:
        given: As `https://your.name`; a path may follow.
        named: Where it was given, `--gateway`.

    Raises:
        WrongGatewayWord: it is no address of HTTP.
    """
    try:
        parts = urlsplit(given)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole or not given.isprintable() or " " in given:
        raise WrongGatewayWord(
            f"{named}: {given}: is no address; write https://your.name, or http:// and a name"
        )
    return given.rstrip("/")


def key_of(given: str | None, named: str) -> str | None:
    """A key without blanks around it; None where none was given.

    Raises:
        WrongGatewayWord: no header of a request can hold it.
    """
    key = (given or "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise WrongGatewayWord(
            f"{named}: is no key: it has blanks, line breaks or letters that no key has; give what"
            " `r1 key new NAME` printed"
        )
    return key or None


def authority_of(given: str | None, named: str) -> Path | None:
    """A file of certificates; None where none was given.

    Raises:
        WrongGatewayWord: it holds no certificate, or can't be read.
    """
    if not given:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(given)
    except OSError as error:
        why = error.strerror if error.filename or not isinstance(error, ssl.SSLError) else None
        raise WrongGatewayWord(
            f"{named}: {given}: {why or 'holds no certificate'}; give a PEM file of the gateway's"
            " certificate, or of who signed it"
        ) from None
    return Path(given)
