"""The hub, or a mirror that speaks as it does: files, hashes, and ranges of their bytes.

urllib3, which boto3 brings along, and not huggingface_hub: that library downloads to disks, and
what is wanted here are ranges of a file in memory, each of which goes on to S3.
"""

import collections
import json
import os
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import urllib3

from r1_on_eks.operations.weights.hashes import GIT, SHA256, CannotSync, Stopped, WeightFile

HUB = "https://huggingface.co"
_TIMEOUT = urllib3.Timeout(connect=10, read=60)
# Tries of one range that bring no byte; waits between them double from a second to half a minute.
_TRIES = 8
_LONGEST_WAIT_S = 30.0
# A source that asks for more patience than this is asked again by a person.
_MOST_PATIENCE_S = 600.0
_CHUNK = 1 << 18
_PASSING = (408, 425, 429, 500, 502, 503, 504)
# Signed addresses of the hub's storage end after an hour or so.
_EXPIRED = (401, 403, 410)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a source has of one checkpoint.

    Attributes:
        revision: The commit; "" where the source doesn't know it.
        licence: Of the model card; "" where the source doesn't know it.
        files: All files.
    """

    revision: str
    licence: str
    files: tuple[WeightFile, ...]


class Hub:
    """One repository at one revision.

    Args:
        repository: `owner/name`.
        revision: A commit, or `main` where nobody pinned one.
        address: Of the hub, or of a mirror.
        stopping: Set when somebody ends it.
        connections: Ranges that are read at a time.
    """

    def __init__(
        self,
        repository: str,
        revision: str,
        address: str,
        stopping: threading.Event,
        connections: int,
    ) -> None:
        self.told = address.rstrip("/")
        self._repository, self._wanted, self._stopping = repository, revision, stopping
        self._revision = revision
        self._pool = _pool(self.told, connections)
        # As huggingface_hub calls it; it is handed to the hub alone, never to its storage.
        token = os.environ.get("HF_TOKEN", "")
        self._token = {"Authorization": f"Bearer {token}"} if token else {}
        self._stored_at: dict[str, str] = {}
        self._asking: dict[str, threading.Lock] = collections.defaultdict(threading.Lock)

    def listing(self) -> Listing:
        """Asks for the commit, its licence and its files.

        Source: Hugging Face Hub API, `/api/models/{repo}/revision/{rev}` and `…/tree/{rev}`.

        Raises:
            CannotSync: it didn't answer, or refused.
        """
        repository = quote(self._repository)
        about = self._json(f"{self.told}/api/models/{repository}/revision/{self._wanted}")[0]
        self._revision = str(about.get("sha") or self._wanted)
        url = f"{self.told}/api/models/{repository}/tree/{self._revision}?recursive=true"
        files: list[WeightFile] = []
        while url:
            entries, link = self._json(url)
            files += [_file(one) for one in entries if one.get("type") == "file"]
            url = urljoin(url, link) if link else ""
        card = about.get("cardData") or {}
        licence = card.get("license_name") or card.get("license") or ""
        return Listing(revision=self._revision, licence=str(licence), files=tuple(files))

    def read(self, file: WeightFile, start: int, length: int) -> bytearray:
        """Bytes of a file; a connection that is cut goes on where it was cut.

        Raises:
            CannotSync: it refuses, or brought no byte for several tries.
            Stopped: somebody ended it.
        """
        content = bytearray()
        tries = _Tries(f"{self.told}: {file.name}", self._stopping)
        while len(content) < length:
            before = len(content)
            answer = None
            try:
                answer, stored_at = self._ranged(file, start + before, start + length - 1)
                if answer.status in (200, 206):
                    _fill(content, answer, length, self._stopping)
                elif answer.status in _EXPIRED and stored_at:
                    # Another range may have asked for a new one meanwhile: that one stays.
                    if self._stored_at.get(file.name) == stored_at:
                        self._stored_at.pop(file.name, None)
                    tries.again("its address ended")
                    continue
                elif answer.status not in _PASSING:
                    raise CannotSync(_refused(self._repository, file.name, answer.status))
            except (urllib3.exceptions.HTTPError, OSError) as error:
                tries.cut(error)
            finally:
                if answer is not None and len(content) < length:
                    answer.close()
                elif answer is not None:
                    answer.release_conn()
            if len(content) > before:
                tries.fresh()
            if len(content) < length:
                tries.wait(answer)
        return content

    def _ranged(self, file: WeightFile, first: int, last: int) -> tuple[Any, str]:
        """The answer, and the address that gave it; "" where the hub itself did."""
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity"}
        # Asked once for each file and not for each range: the hub counts these questions.
        with self._asking[file.name]:
            stored_at = self._stored_at.get(file.name)
            if stored_at is None:
                url = f"{self.told}/{quote(self._repository)}/resolve/{self._revision}/"
                answer = self._asked(url + quote(file.name), headers | self._token)
                if answer.status not in (301, 302, 303, 307, 308):
                    return _of_range(answer, first), ""
                stored_at = urljoin(url, answer.headers.get("Location", ""))
                answer.drain_conn()
                answer.release_conn()
                self._stored_at[file.name] = stored_at
        if urlsplit(stored_at).netloc == urlsplit(self.told).netloc:
            headers |= self._token
        return _of_range(self._asked(stored_at, headers), first), stored_at

    def _asked(self, url: str, headers: dict[str, str]) -> Any:
        return self._pool.request(
            "GET", url, headers=headers, preload_content=False, redirect=False,
            enforce_content_length=True,
        )  # fmt: skip

    def _json(self, url: str) -> tuple[Any, str]:
        """The answer, and where the next page is."""
        tries = _Tries(url, self._stopping)
        while True:
            answer = None
            try:
                answer = self._pool.request("GET", url, headers=self._token, redirect=True)
                if answer.status == 200:
                    return json.loads(answer.data), _next(answer.headers.get("Link", ""))
                if answer.status not in _PASSING:
                    raise CannotSync(_refused(self._repository, "", answer.status))
            except (urllib3.exceptions.HTTPError, OSError) as error:
                tries.cut(error)
            except ValueError:
                raise CannotSync(
                    f"{url} answered no JSON; is it a hub, or a mirror of it?"
                ) from None
            tries.wait(answer)


def _pool(address: str, connections: int) -> Any:
    """Connections, through the proxy of the environment where it names one."""
    where = urlsplit(address)
    proxy = urllib.request.getproxies().get(where.scheme)
    settings: dict[str, Any] = {
        "maxsize": connections, "block": False, "retries": False, "timeout": _TIMEOUT,
    }  # fmt: skip
    if proxy is None or urllib.request.proxy_bypass(where.hostname or ""):
        return urllib3.PoolManager(**settings)
    return urllib3.ProxyManager(proxy, **settings)


def _file(entry: dict[str, Any]) -> WeightFile:
    large = entry.get("lfs")
    if large:
        digest = f"{SHA256}:{str(large['oid']).removeprefix('sha256:')}"
        return WeightFile(name=entry["path"], size=int(large["size"]), digest=digest)
    return WeightFile(name=entry["path"], size=int(entry["size"]), digest=f"{GIT}:{entry['oid']}")


def _next(link: str) -> str:
    for part in link.split(","):
        address, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return address.strip(" <>")
    return ""


def _of_range(answer: Any, first: int) -> Any:
    if answer.status == 200 and first:
        answer.close()
        raise urllib3.exceptions.ProtocolError("it does not answer ranges")
    return answer


def _patience(headers: Any) -> float | None:
    """Seconds that an answer asks to be left alone for.

    Source: RFC 9110, Retry-After; Hugging Face Hub, rate limits (`RateLimit: "…";r=0;t=55`),
    2026-11.
    """
    asked = headers.get("Retry-After", "") or headers.get("RateLimit", "").rpartition("t=")[2]
    return float(asked) if asked.isdigit() else None


def _fill(content: bytearray, answer: Any, length: int, stopping: threading.Event) -> None:
    for chunk in _chunks(answer):
        if stopping.is_set():
            answer.close()
            raise Stopped
        content += chunk[: length - len(content)]
        if len(content) >= length:
            break


def _chunks(answer: Any) -> Iterator[bytes]:
    while chunk := answer.read(_CHUNK, decode_content=False):
        yield chunk


def _refused(repository: str, name: str, status: int) -> str:
    what = f"{repository} {name}".strip()
    if status in (401, 403):
        return f"{what}: the hub answers {status}; set HF_TOKEN to a token that may read it"
    if status == 404:
        return f"{what}: the hub does not know it (404); is the pinned revision still there?"
    return f"{what}: the hub answers {status}"


class _Tries:
    """Patience with one question: as long as the source asks for, and not for ever."""

    def __init__(self, what: str, stopping: threading.Event) -> None:
        self._what, self._stopping = what, stopping
        self._fruitless, self._why, self._asked_for = 0, "it broke off", 0.0

    def fresh(self) -> None:
        """It brought something."""
        self._fruitless = 0

    def again(self, why: str) -> None:
        """Another try at once, counted."""
        self._why = why
        self._count()

    def cut(self, error: Exception) -> None:
        """The connection failed."""
        self._why = str(error) or type(error).__name__

    def wait(self, answer: Any) -> None:
        """Until the next try."""
        wait = min(2.0**self._fruitless / 2, _LONGEST_WAIT_S)
        if answer is not None and answer.status in _PASSING:
            self._why = f"it answers {answer.status}"
            if (asked := _patience(answer.headers)) is not None:
                wait = asked
                self._asked_for += max(asked, 1.0)
                # A source that says when is no source that fails.
                self._fruitless -= 1
        if self._asked_for > _MOST_PATIENCE_S:
            raise CannotSync(f"{self._what}: {self._why}, for {self._asked_for:.0f} s; try later")
        self._count()
        if self._stopping.wait(wait):
            raise Stopped

    def _count(self) -> None:
        self._fruitless += 1
        if self._fruitless >= _TRIES:
            raise CannotSync(f"{self._what}: {_TRIES} tries brought nothing: {self._why}")
