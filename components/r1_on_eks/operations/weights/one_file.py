"""One file into the bucket: hashed on the way, or read back where it came in several pieces."""

import collections
import concurrent.futures
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from r1_on_eks.operations.weights.bucket import (
    CHECKSUM,
    MIB,
    Folder,
    Object,
    Upload,
    UploadGone,
    part_size,
)
from r1_on_eks.operations.weights.hashes import CannotSync, Hasher, Stopped, WeightFile
from r1_on_eks.operations.weights.manifest import Entry
from r1_on_eks.operations.weights.progress import Progress
from r1_on_eks.operations.weights.sources import Source

_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much is under way at a time; memory is `files` × (`parts` + 1) × `part`.

    Attributes:
        files: Files at a time.
        parts: Parts of each file at a time; one more is being hashed.
        part: Bytes of a part.
    """

    files: int = 4
    parts: int = 3
    part: int = 16 * MIB

    @property
    def connections(self) -> int:
        """Parts under way, and what the files ask S3 for besides."""
        return self.files * self.parts + self.files

    @property
    def memory(self) -> int:
        """Bytes, at most."""
        return self.files * (self.parts + 1) * self.part


class Files:
    """Brings files of one checkpoint, several at a time.

    Args:
        source: Where they are read.
        folder: Where they go.
        progress: Hears how far it is.
        pace: How much at a time.
        stopping: Set when somebody ends it.
    """

    def __init__(
        self,
        source: Source,
        folder: Folder,
        *,
        progress: Progress,
        pace: Pace,
        stopping: threading.Event,
    ) -> None:
        self._source, self._folder = source, folder
        self._progress, self._pace, self._stopping = progress, pace, stopping
        self._parts = concurrent.futures.ThreadPoolExecutor(pace.files * pace.parts)
        self._lock = threading.Lock()
        self._held: dict[str, bytes] = {}
        self.described: Mapping[str, str] = {}
        """What each object says of itself, ASCII."""
        self.read = 0
        """Bytes that were read at the source."""

    def close(self) -> None:
        """Waits for what is under way."""
        self._parts.shutdown(wait=True, cancel_futures=True)

    def bring(self, file: WeightFile, there: Object | None, upload: Upload | None) -> Entry:
        """Brings one file and verifies it.

        Args:
            file: Which.
            there: The object of its name, if there is one.
            upload: An earlier try at it that S3 keeps, if there is one.

        Raises:
            CannotSync: the source does not give it, or never with its hash.
            Stopped: somebody ended it.
        """
        for _ in range(_TRIES):
            if self._stopping.is_set():
                raise Stopped
            self._progress.again(file.name)
            try:
                if there is None or there.size != file.size:
                    etag, sha256 = self._brought(file, upload)
                else:
                    etag, sha256 = there.etag, None
                    self._progress.did(file.name, file.size)
                if sha256 is None:
                    sha256 = self._read_back(file)
            except UploadGone:
                there = self._folder.objects().get(file.name)
                upload = None
                continue
            if sha256:
                return Entry(
                    name=file.name,
                    size=file.size,
                    sha256=sha256,
                    source_digest=file.digest,
                    etag=etag,
                )
            self._progress.say(f"{file.name}: its hash is not the one that the source says")
            self._folder.delete(file.name)
            there = upload = None
        raise CannotSync(
            f"{file.name}: {_TRIES} times its bytes did not have the hash that {self._source.told}"
            f" says ({file.digest}); what was brought is deleted"
        )

    def _brought(self, file: WeightFile, upload: Upload | None) -> tuple[str, str | None]:
        """Makes an object; its hash is None where it was not seen from the first byte to the last.

        An object whose hash does not agree is not made.
        """
        if file.size <= self._pace.part:
            return self._brought_small(file)
        size = part_size(file.size, self._pace.part)
        if upload and not _fits(upload, file, size):
            self._folder.abort(upload)
            upload = None
        upload = upload or self._folder.begin(file.name, self.described)
        there, parts = upload.parts, dict(upload.parts)
        self._progress.did(file.name, sum(upload.sizes.values()))
        hasher = Hasher(file)

        def bring(number: int) -> tuple[int, dict[str, Any], bytes | bytearray]:
            start = (number - 1) * size
            content = self._from_source(file, start, min(size, file.size - start))
            part = self._folder.put_part(upload, number, content)
            self._progress.did(file.name, len(content))
            return number, part, content

        missing = [one for one in range(1, -(-file.size // size) + 1) if one not in there]
        for number, part, content in self._in_order(bring, missing):
            parts[number] = part
            hasher.update(content)
        if there:
            return self._folder.complete(upload, parts), None
        if hasher.agrees:
            return self._folder.complete(upload, parts), hasher.sha256
        self._folder.abort(upload)
        return "", ""

    def _brought_small(self, file: WeightFile) -> tuple[str, str]:
        content = self._from_source(file, 0, file.size) if file.size else b""
        hasher = Hasher(file)
        hasher.update(content)
        self._progress.did(file.name, file.size)
        if not hasher.agrees:
            return "", ""
        return self._folder.put(file.name, content, self.described), hasher.sha256

    def hold(self, file: WeightFile) -> bytes:
        """Content of a small file, which is not read again when it is brought."""
        content = bytes(self._from_source(file, 0, file.size))
        self._held[file.name] = content
        return content

    def _from_source(self, file: WeightFile, start: int, length: int) -> bytes | bytearray:
        if (held := self._held.get(file.name)) is not None:
            return held[start : start + length]
        content = self._source.read(file, start, length)
        with self._lock:
            self.read += length
        return content

    def _read_back(self, file: WeightFile) -> str:
        """The hash of what lies in the bucket, or nothing where it does not agree."""
        self._progress.say(f"{file.name}: reading it back from S3 to verify it")
        size, hasher = max(part_size(file.size, self._pace.part), 1), Hasher(file)

        def read(number: int) -> bytes:
            start = number * size
            return self._folder.read(file.name, start, min(size, file.size - start))

        for content in self._in_order(read, list(range(-(-file.size // size)))):
            hasher.update(content)
        return hasher.sha256 if hasher.agrees else ""

    def _in_order(self, work: Callable[[int], Any], numbers: list[int]) -> Iterator[Any]:
        """Results in the order of the numbers, some of which are worked on at a time."""
        waiting = collections.deque[concurrent.futures.Future[Any]]()
        left = iter(numbers)
        try:
            while True:
                while len(waiting) < self._pace.parts:
                    number = next(left, None)
                    if number is None:
                        break
                    waiting.append(self._parts.submit(work, number))
                if not waiting:
                    return
                result = waiting.popleft().result()
                if self._stopping.is_set():
                    raise Stopped
                yield result
        except concurrent.futures.CancelledError:
            raise Stopped from None
        finally:
            for one in waiting:
                one.cancel()


def _fits(upload: Upload, file: WeightFile, size: int) -> bool:
    """Whether the parts of an upload are those that would be made now."""
    return upload.checksum == CHECKSUM and all(
        held == min(size, file.size - (number - 1) * size) for number, held in upload.sizes.items()
    )
