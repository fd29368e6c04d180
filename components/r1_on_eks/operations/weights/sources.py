"""Where weights are read: the hub, a mirror of it, a folder of this machine, another bucket."""

import threading
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from r1_on_eks.operations.weights.bucket import Folder
from r1_on_eks.operations.weights.hashes import (
    GIT,
    MANIFEST,
    SHA256,
    CannotSync,
    WeightFile,
    is_wanted,
)
from r1_on_eks.operations.weights.manifest import Manifest, parse_manifest
from r1_on_eks.operations.weights.over_http import HUB, Hub, Listing


class Source(Protocol):
    """Where one checkpoint is read."""

    told: str
    """Its name in lines and manifests."""

    def listing(self) -> Listing:
        """All its files, with their hashes."""
        ...

    def read(self, file: WeightFile, start: int, length: int) -> bytes | bytearray:
        """Bytes of one; `CannotSync` where they can't be had."""
        ...


def source_of(
    given: str,
    repository: str,
    revision: str,
    client: Any,
    stopping: threading.Event,
    connections: int,
) -> Source:
    """What a person's words name.

    Args:
        given: "" for the hub, `https://…` for a mirror that speaks as it does, `s3://bucket/prefix`
            or a folder; the last two hold the checkpoint's folder, or are it.
        repository: `owner/name`.
        revision: A commit, or `main`.
        client: boto3's of S3.
        stopping: Set when somebody ends it.
        connections: Ranges that are read at a time.

    Raises:
        CannotSync: there is no such folder.
    """
    folder = repository.rpartition("/")[2]
    if not given or given.startswith(("http://", "https://")):
        return Hub(repository, revision, given or HUB, stopping, connections)
    if given.startswith("s3://"):
        bucket, _, prefix = given.removeprefix("s3://").partition("/")
        where = "/".join(filter(None, (prefix.strip("/"), folder)))
        if prefix.rstrip("/").rpartition("/")[2] == folder:
            where = prefix.strip("/")
        return OtherBucket(Folder(client, bucket, where))
    root = Path(given)
    inside = root / folder
    if not (inside if inside.is_dir() else root).is_dir():
        raise CannotSync(f"{given}: no such folder; write --from DIR, s3://BUCKET or https://…")
    return LocalFolder(inside if inside.is_dir() else root)


class LocalFolder:
    """A folder that `hf download --local-dir`, its cache or a copy of our bucket filled."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.told = folder, folder.resolve().as_uri()

    def listing(self) -> Listing:
        """Its files, with the hashes that the folder keeps beside them."""
        path = self._folder / MANIFEST
        manifest = parse_manifest(path.read_bytes()) if path.is_file() else None
        files = tuple(
            WeightFile(
                name=one.name,
                size=one.stat().st_size,
                digest=_recorded(manifest, one.name) or self._downloaded(one),
            )
            for one in sorted(self._folder.iterdir())
            if one.is_file() and is_wanted(one.name)
        )
        return Listing(
            revision=manifest.revision if manifest else self._commit(),
            licence=manifest.licence if manifest else "",
            files=files,
        )

    def read(self, file: WeightFile, start: int, length: int) -> bytes:
        """Bytes of one."""
        try:
            with (self._folder / file.name).open("rb") as opened:
                opened.seek(start)
                content = opened.read(length)
        except OSError as error:
            raise CannotSync(f"{self._folder / file.name}: {error.strerror}") from None
        if len(content) < length:
            raise CannotSync(f"{self._folder / file.name} has become shorter")
        return content

    def _downloaded(self, path: Path) -> str:
        """The hub's hash, where huggingface_hub wrote it down.

        In a cache, files are links to blobs that are named by it; beside `--local-dir`, it is the
        second line of a file (huggingface_hub 2.4, `_local_folder.py`).
        """
        blob = path.resolve().name if path.is_symlink() else ""
        lines = self._metadata(path.name)
        return _digest(blob if path.is_symlink() else lines[1] if len(lines) > 1 else "")

    def _metadata(self, name: str) -> list[str]:
        path = self._folder / ".cache" / "huggingface" / "download" / f"{name}.metadata"
        return path.read_text().split() if path.is_file() else []

    def _commit(self) -> str:
        if self._folder.parent.name == "snapshots":
            return self._folder.name
        lines = self._metadata("config.json")
        return lines[0] if lines else ""


class OtherBucket:
    """A folder of a bucket, such as one that this command filled elsewhere."""

    def __init__(self, folder: Folder) -> None:
        self._folder, self.told = folder, folder.told

    def listing(self) -> Listing:
        """Its files, with the hashes of its manifest."""
        try:
            manifest, objects = self._folder.manifest(), self._folder.objects()
        except (BotoCoreError, ClientError) as error:
            raise CannotSync(f"{self.told}: {error}") from None
        files = tuple(
            WeightFile(name=name, size=one.size, digest=_recorded(manifest, name))
            for name, one in sorted(objects.items())
            if is_wanted(name)
        )
        return Listing(
            revision=manifest.revision if manifest else "",
            licence=manifest.licence if manifest else "",
            files=files,
        )

    def read(self, file: WeightFile, start: int, length: int) -> bytes:
        """Bytes of one."""
        try:
            content = self._folder.read(file.name, start, length)
        except (BotoCoreError, ClientError) as error:
            raise CannotSync(f"{self.told}/{file.name}: {error}") from None
        if len(content) < length:
            raise CannotSync(f"{self.told}/{file.name} has become shorter")
        return content


def _recorded(manifest: Manifest | None, name: str) -> str:
    """Of a manifest that was itself checked against a hub; other hashes prove nothing."""
    entry = manifest.files.get(name) if manifest else None
    return f"{SHA256}:{entry.sha256}" if entry and entry.source_digest else ""


def _digest(etag: str) -> str:
    etag = etag.strip('"')
    kind = {64: SHA256, 40: GIT}.get(len(etag))
    return f"{kind}:{etag}" if kind else ""
