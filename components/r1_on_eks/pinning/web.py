"""Digests from container registries and revisions from the hub, over HTTPS."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from r1_on_eks.pinning.lookups import LookupFailed
from r1_on_eks.plan.images import split

_TIMEOUT_S = 20
# Docker Hub's name in images is not its address.
_ADDRESSES = {"docker.io": "https://registry-1.docker.io"}
# What several machines share comes before what is for one (OCI image and distribution
# specifications; Docker registry HTTP API V2).
_ACCEPTED = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
HUB = "https://huggingface.co"


def digest_of(image: str, addresses: Mapping[str, str] = _ADDRESSES) -> str:
    """The digest that a registry answers for an image's tag.

    Args:
        image: Named in full, `docker.io/vllm/vllm-openai:v0.33.0`.
        addresses: Registry to its address, where that is not `https://` and its name.

    Raises:
        LookupFailed: it didn't answer, or with something else.
    """
    registry, path = split(image)
    tag = image.rpartition(":")[2]
    base = addresses.get(registry, f"https://{registry}")
    url = f"{base}/v2/{path}/manifests/{tag}"
    headers = {"Accept": _ACCEPTED}
    status, answer, _ = _ask(url, headers, "HEAD")
    if status == 401:
        token = _anonymous_token(answer.get("WWW-Authenticate", ""), url)
        headers["Authorization"] = f"Bearer {token}"
        status, answer, _ = _ask(url, headers, "HEAD")
    if status != 200:
        raise LookupFailed(f"{url} answered {status}")
    found = answer.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(found):
        raise LookupFailed(f"{url} answered no digest")
    return found


def revision_of(repository: str, hub: str = HUB) -> str:
    """The commit at the head of a model repository.

    Source: Hugging Face Hub API, `GET /api/models/{repo_id}/revision/{revision}`.

    Raises:
        LookupFailed: it didn't answer, or with something else.
    """
    url = f"{hub}/api/models/{repository}/revision/main"
    found = _json(url).get("sha", "")
    if not isinstance(found, str) or not _COMMIT.fullmatch(found):
        raise LookupFailed(f"{url} answered no commit")
    return found


def _anonymous_token(challenge: str, url: str) -> str:
    """Asks whom the registry names for a token to read with (Docker token authentication)."""
    given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = given.pop("realm", "")
    if not challenge.lower().startswith("bearer ") or not realm:
        raise LookupFailed(f"{url} wants credentials")
    answer = _json(f"{realm}?{urllib.parse.urlencode(given)}")
    token = answer.get("token") or answer.get("access_token")
    if not token:
        raise LookupFailed(f"{realm} answered no token")
    return str(token)


def _json(url: str) -> dict[str, Any]:
    status, _, body = _ask(url, {}, "GET")
    if status != 200:
        raise LookupFailed(f"{url} answered {status}")
    try:
        found = json.loads(body)
    except ValueError:
        raise LookupFailed(f"{url} answered no JSON") from None
    return found if isinstance(found, dict) else {}


def _ask(url: str, headers: Mapping[str, str], method: str) -> tuple[int, Any, bytes]:
    """Status, headers and body of an answer, also of one that refuses."""
    request = urllib.request.Request(url, headers=dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, b""
    except urllib.error.URLError as error:
        raise LookupFailed(f"{url}: {error.reason}") from None
    except OSError as error:
        raise LookupFailed(f"{url}: {error or type(error).__name__}") from None
