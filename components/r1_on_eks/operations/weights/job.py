"""What the cluster's Job runs, and `r1 weights sync` too: checkpoints, one after the other."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from r1_on_eks.operations.weights.bucket import Folder
from r1_on_eks.operations.weights.hashes import CannotSync, Stopped
from r1_on_eks.operations.weights.one_file import Pace
from r1_on_eks.operations.weights.progress import Progress
from r1_on_eks.operations.weights.sources import source_of
from r1_on_eks.operations.weights.transfer import Outcome, Transfer

_LINE_EVERY_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What to bring.

    Attributes:
        repository: `owner/name` on the hub.
        revision: A commit, or `main` where nobody pinned one.
    """

    repository: str
    revision: str

    @property
    def folder(self) -> str:
        """Its folder in the bucket."""
        return self.repository.rpartition("/")[2]


def client_of(region: str, connections: int) -> Any:
    """S3, patient with throttling, with a connection for each part that is under way."""
    config = Config(
        retries={"mode": "adaptive", "total_max_attempts": 10},
        max_pool_connections=connections,
    )
    return boto3.Session(region_name=region).client("s3", config=config)


def bring(
    checkpoint: Checkpoint,
    bucket: str,
    given: str,
    *,
    client: Any,
    progress: Progress,
    stopping: threading.Event,
    pace: Pace,
    replace: bool = False,
) -> Outcome:
    """Brings one checkpoint into the bucket.

    Args:
        checkpoint: Which.
        bucket: Where to.
        given: Where from, as `source_of` takes it.
        client: boto3's of S3, of `client_of`.
        progress: Hears how far it is.
        stopping: Set when somebody ends it.
        pace: How much at a time.
        replace: Whether a complete checkpoint of another revision may be overwritten.

    Raises:
        CannotSync: one line says why.
        Stopped: somebody ended it; run again, it goes on.
    """
    source = source_of(
        given,
        checkpoint.repository,
        checkpoint.revision,
        client,
        stopping,
        pace.files * pace.parts,
    )
    folder = Folder(client, bucket, checkpoint.folder)
    transfer = Transfer(
        checkpoint.repository, source, folder, progress=progress, pace=pace, stopping=stopping
    )
    return transfer.run(replace=replace)


class Lines(Progress):
    """Progress for a log: a line now and then."""

    def __init__(self, name: str, ahead: str = "") -> None:
        super().__init__(ahead)
        self._name, self._said_at = name, time.monotonic()

    def did(self, name: str, count: int) -> None:
        """So many bytes more of a file are there."""
        super().did(name, count)
        now = time.monotonic()
        if now - self._said_at >= _LINE_EVERY_S:
            self._said_at = now
            share = self.done / max(self.total, 1)
            self.say(f"{share:.0%} of {self.total / 2**30:.1f} GiB")

    def say(self, line: str) -> None:
        """Something that a person should know."""
        print(f"{self._name}: {line}", file=sys.stderr, flush=True)


def main(environment: Any = os.environ) -> int:
    """The Job: what it brings is in `R1_WEIGHTS`, as JSON.

    Returns:
        0 when all is complete, 1 when not: another pod goes on where this one was.
    """
    wanted = json.loads(environment["R1_WEIGHTS"])
    checkpoints = [Checkpoint(**one) for one in wanted["checkpoints"]]
    pace = Pace(**wanted.get("pace", {}))
    client = client_of(wanted["region"], pace.connections)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    return _all(checkpoints, wanted["bucket"], wanted["from"], client, stopping, pace)


def _all(
    checkpoints: Iterable[Checkpoint],
    bucket: str,
    given: str,
    client: Any,
    stopping: threading.Event,
    pace: Pace,
) -> int:
    for one in checkpoints:
        lines = Lines(one.folder)
        try:
            done = bring(
                one, bucket, given, client=client, progress=lines, stopping=stopping, pace=pace
            )
        except CannotSync as failure:
            lines.say(str(failure))
            return 1
        except Stopped:
            lines.say("stopped; what is whole stays, and the next run goes on")
            return 1
        lines.say(completed(done))
    return 0


def completed(done: Outcome) -> str:
    """One line for a checkpoint that is complete."""
    manifest = done.manifest
    return (
        f"complete: {len(manifest.files)} files, {manifest.size / 2**30:.1f} GiB of revision"
        f" {manifest.revision or 'unknown'}; {done.read / 2**30:.1f} GiB read now"
    )


if __name__ == "__main__":
    sys.exit(main())
