"""The route that is measured, and the few requests that are made without the load tool."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_S = 300


class NotReached(Exception):
    """The route gave no answer that can be measured; says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """A model behind OpenAI's protocol.

    Attributes:
        url: To which `/chat/completions` is added.
        model: The name that requests say.
        key: Bearer key; "" for none.
        authority: Certificate of who signed the server's; None for those of the system.
    """

    url: str
    model: str
    key: str
    authority: Path | None

    @property
    def completions(self) -> str:
        """Where requests go."""
        return f"{self.url.rstrip('/')}/chat/completions"

    def count(self, prompt: str) -> int:
        """Tokens that the server counts of `prompt`, its chat template included.

        Raises:
            NotReached: it doesn't answer, refuses, or says nothing of tokens.
        """
        body = {
            "model": self.model,
            "max_tokens": 1,
            "messages": [{"role": "user", "content": prompt}],
        }
        headers = {"Content-Type": "application/json", "User-Agent": "r1-bench"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(self.completions, json.dumps(body).encode(), headers)
        trusted = (
            ssl.create_default_context(cafile=str(self.authority)) if self.authority else None
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=trusted) as answer:
                return int(json.load(answer)["usage"]["prompt_tokens"])
        except urllib.error.HTTPError as refused:
            raise NotReached(f"{self.completions}: {_refusal(refused)}") from None
        except (KeyError, TypeError, ValueError):
            raise NotReached(
                f"{self.completions}: its answer has no usage.prompt_tokens,"
                " so that no prompt of a length can be made"
            ) from None
        except http.client.HTTPException as error:
            raise NotReached(
                f"{self.completions}: what answers speaks no HTTP: {error!r}"
            ) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            hint = (
                "; name its authority's certificate with --ca"
                if isinstance(reason, ssl.SSLCertVerificationError)
                else ""
            )
            raise NotReached(f"{self.completions}: {reason}{hint}") from None


def _refusal(refused: urllib.error.HTTPError) -> str:
    if refused.code in (401, 403):
        return f"HTTP {refused.code}: the key in R1_KEY is not accepted (r1 key new NAME)"
    text = refused.read(300).decode(errors="replace").strip()
    return f"HTTP {refused.code}: {text or refused.reason}"
