"""Locks of updates: as `pulumi` tells of them when refused one, and as backends keep them."""

import contextlib
import json
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from r1_on_eks.operations.file_backend import folder_of

_HOLDER = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


# pulumi/pulumi pkg/backend/diy/lock.go at v3.259.0.
_LOCKS = ".pulumi/locks/organization"


@dataclass(frozen=True, kw_only=True)
class Lock:
    """An update that holds a stack, or held it when it died.

    Attributes:
        user: Who began it.
        host: On which machine.
        pid: Of the engine there.
        since: When.
    """

    user: str
    host: str
    pid: int
    since: datetime

    @property
    def is_from_here(self) -> bool:
        """Whether this machine can tell if its process lives."""
        return self.host == socket.gethostname()

    @property
    def lives(self) -> bool:
        """Whether there is such a process here."""
        return self.is_from_here and _runs(self.pid)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, pid {self.pid}, since {self.since:%Y-%m-%d %H:%M} UTC"


def locks_of(backend: str, project: str, stack: str, session: Any) -> list[Lock] | None:
    """Who holds a stack; None where the backend keeps no locks that can be read here.

    Args:
        backend: Its URL, as `pulumi whoami` tells it.
        project: Name of the project.
        stack: Name of the stack.
        session: boto3's, for a backend on S3.

    Raises:
        BotoCoreError: S3 was not reached.
        ClientError: it refused.
    """
    where = urlsplit(backend)
    folder = f"{_LOCKS}/{project}/{stack}"
    if root := folder_of(backend):
        texts = list(_in_folder(root / folder))
    elif where.scheme == "s3":
        below = "/".join(filter(None, (where.path.strip("/"), folder)))
        texts = list(_in_bucket(session.client("s3"), where.netloc, below))
    else:
        return None
    return [_lock(json.loads(text)) for text in texts]


def _in_folder(folder: Path) -> Iterator[str]:
    for one in sorted(folder.glob("*.json")):
        # An update that ends meanwhile takes its lock away.
        with contextlib.suppress(FileNotFoundError):
            yield one.read_text()


def _in_bucket(s3: Any, bucket: str, below: str) -> Iterator[str]:
    for one in s3.list_objects_v2(Bucket=bucket, Prefix=f"{below}/").get("Contents", ()):
        # The same.
        with contextlib.suppress(s3.exceptions.NoSuchKey):
            yield s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().decode()


def _lock(told: dict[str, Any]) -> Lock:
    return Lock(
        user=told["username"],
        host=told["hostname"],
        pid=told["pid"],
        since=datetime.fromisoformat(told["timestamp"]).astimezone(UTC),
    )


def is_locked(told: str) -> bool:
    """Whether `pulumi` failed because another update holds the stack."""
    return "currently locked" in told or "Another update is currently in progress" in told


def is_dead(told: str, host: str | None = None) -> bool:
    """Whether every holder of the lock was a process of this machine that is gone.

    Args:
        told: What `pulumi` printed.
        host: This machine's name.
    """
    holders = list(_HOLDER.finditer(told))
    here = host or socket.gethostname()
    return bool(holders) and all(
        one["host"] == here and not _runs(int(one["pid"])) for one in holders
    )


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
