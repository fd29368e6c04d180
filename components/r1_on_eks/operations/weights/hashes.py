"""Files of a checkpoint, and the hashes that the hub keeps of them."""

import hashlib
from dataclasses import dataclass
from typing import Any

SHA256 = "sha256"
GIT = "git-sha1"


class Stopped(Exception):
    """Somebody ended it; what is whole stays."""


class CannotSync(Exception):
    """The weights can't be brought into the bucket; one line says why, and what would help."""


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """One file, as its source describes it.

    Attributes:
        name: In the repository, and in the bucket below the checkpoint's folder.
        size: In bytes.
        digest: `sha256:…` of large files, `git-sha1:…` (a git blob's) of small ones; "" where the
            source keeps no hash.
    """

    name: str
    size: int
    digest: str = ""


def is_wanted(name: str) -> bool:
    """Whether a server needs it: safetensors, configuration, tokenizer, licence.

    Nothing that could be run (`.py`, `.bin` and other pickles), no second copy in another
    folder (`original/`), no pictures.
    """
    if "/" in name or name.startswith("."):
        return False
    return name.upper().startswith(("LICENSE", "LICENCE", "NOTICE")) or (
        name.endswith((".safetensors", ".json", ".jinja", ".txt", ".model"))
        and name not in OWN_FILES
    )


MANIFEST = "manifest.json"
PROGRESS = "manifest.partial.json"
OWN_FILES = (MANIFEST, PROGRESS)


class Hasher:
    """Hashes one file as it passes by, once from its first byte to its last."""

    def __init__(self, file: WeightFile) -> None:
        self._kind, _, self._expected = file.digest.partition(":")
        self._sha256 = hashlib.sha256()
        self._git = None
        if self._kind == GIT:
            self._git = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)

    def update(self, content: Any) -> None:
        """The next bytes."""
        self._sha256.update(content)
        if self._git:
            self._git.update(content)

    @property
    def sha256(self) -> str:
        """Of what passed so far."""
        return self._sha256.hexdigest()

    @property
    def agrees(self) -> bool:
        """Whether it is what the source says; true where it says nothing."""
        found = self._git.hexdigest() if self._git else self.sha256
        return not self._expected or found == self._expected
