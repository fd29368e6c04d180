"""A backend of files: where it is, and what an engine that was killed leaves torn in it."""

from pathlib import Path
from urllib.parse import urlsplit


def folder_of(backend: str) -> Path | None:
    """The folder of a backend; None where it isn't one of files.

    Args:
        backend: Its URL, as `pulumi whoami` tells it.
    """
    where = urlsplit(backend)
    if where.scheme != "file":
        return None
    # file:///absolute, file://~ and file://./relative all begin after the slashes.
    return Path(f"{where.netloc}{where.path}").expanduser()


def remove_torn(backend: str, stack: str) -> list[Path]:
    """Removes the empty files of attributes beside a stack's state, and returns them.

    The state itself is replaced in one step, its attributes aren't (gocloud.dev fileblob/attrs.go:
    created, then written): after a kill between the two every command fails with `EOF`. Without
    the file it reads the state with attributes by default; nothing is lost.
    """
    folder = folder_of(backend)
    if folder is None:
        return []
    beside = (folder / ".pulumi" / "stacks").rglob(f"{stack}.json*.attrs")
    torn = [one for one in beside if one.stat().st_size == 0]
    for one in torn:
        one.unlink()
    return torn
