"""What says that a checkpoint lies complete in the bucket: `manifest.json`, written last."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file that was hashed and agreed.

    Attributes:
        name: Below the checkpoint's folder.
        size: In bytes.
        sha256: Of its content.
        source_digest: What the source said of it; "" where it kept no hash.
        etag: S3's word for this very object: another content has another one.
    """

    name: str
    size: int
    sha256: str
    source_digest: str
    etag: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A checkpoint as it lies in the bucket.

    Attributes:
        repository: On the hub.
        revision: The commit that the files are of; "" where the source doesn't know it.
        licence: As the hub's model card says it; "" where the source doesn't.
        source: Where the files were read.
        files: By name.
    """

    repository: str
    revision: str
    licence: str
    source: str
    files: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files.values())

    @property
    def unverified(self) -> tuple[str, ...]:
        """Files of which the source kept no hash."""
        return tuple(name for name, one in self.files.items() if not one.source_digest)

    def written(self) -> str:
        """As JSON with one line for each file, which the preload's shell reads."""
        head = {"format": _FORMAT, **asdict(self)}
        del head["files"]
        lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
        files = [f"  {json.dumps(asdict(self.files[name]))}" for name in sorted(self.files)]
        return "\n".join(("{", *lines, ' "files": [', ",\n".join(files), " ]", "}", ""))


def parse_manifest(text: str | bytes) -> Manifest | None:
    """The manifest; None where it is none that this version wrote."""
    try:
        content: dict[str, Any] = json.loads(text)
        if content.pop("format") != _FORMAT:
            return None
        entries = [Entry(**one) for one in content.pop("files")]
        return Manifest(**content, files={one.name: one for one in entries})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
