"""One request through a gateway, as a client makes it."""

import json
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path


def ask(
    url: str, variant: str, question: str, *, key: str, authority: Path | None = None
) -> Iterator[str]:
    """Asks for a streamed answer; yields its pieces as they arrive.

    Args:
        url: The gateway's.
        variant: Whose path is asked.
        question: What the user says.
        key: One that the gateway knows.
        authority: Certificate of who signed the gateway's, where it speaks TLS.

    Raises:
        urllib.error.HTTPError: the gateway or the model refused.
    """
    body = {
        "model": variant,
        "stream": True,
        "messages": [{"role": "user", "content": question}],
    }
    request = urllib.request.Request(
        f"{url}/api/v1/{variant}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=60, context=trusting(authority)) as answer:
        for line in answer:
            event = line.decode().strip().removeprefix("data: ")
            if not event or event == "[DONE]":
                continue
            for choice in json.loads(event)["choices"]:
                if piece := choice["delta"].get("content"):
                    yield piece


def trusting(authority: Path | None) -> ssl.SSLContext | None:
    """Trusts that authority alone; None where there is no TLS."""
    return ssl.create_default_context(cafile=str(authority)) if authority else None
