"""`r1 weights`: from parsed words to printed lines."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from r1_on_eks.catalog.model_shapes import Checkpoint
from r1_on_eks.operations.account import FAILURES, Account
from r1_on_eks.operations.commands import project
from r1_on_eks.operations.weights import job
from r1_on_eks.operations.weights.hashes import CannotSync, Stopped
from r1_on_eks.operations.weights.journey import Journey, journey_of
from r1_on_eks.operations.weights.one_file import Pace
from r1_on_eks.operations.weights.presence import COMPLETE, Presence, weights_present
from r1_on_eks.operations.weights.progress import Progress
from r1_on_eks.operations.weights.transfer import Outcome
from r1_on_eks.pins_file import read_pinned
from r1_on_eks.plan import DoesNotFit, NotPinned, Plan
from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_file import StackNotFound, plan_of

_UNPINNED = "unpinned"
# What a person can act on; anything else is a defect and keeps its traceback.
_PLAIN_FAILURES = (LookupError, NotPinned, DoesNotFit, CannotSync, *FAILURES)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One variant in its precision.

    Attributes:
        variant: The word of routes.
        checkpoint: What it serves.
        licence: Of the weights, by the catalogue.
        revision: The pinned commit, or `unpinned`.
        presence: What is in the bucket; None where nobody could be asked.
        journey: What its way takes.
    """

    variant: str
    checkpoint: Checkpoint
    licence: str
    revision: str
    presence: Presence | None
    journey: Journey


def run(arguments: argparse.Namespace) -> int:
    """Carries out the command; returns the exit status."""
    words = list(arguments.words)
    syncs = words[:1] == ["sync"]
    if len(words) != (2 if syncs else 1):
        print("r1 weights: name one stack: r1 weights [sync] STACK", file=sys.stderr)
        return 2
    try:
        return (_sync if syncs else _show)(words[-1], arguments)
    except (StackNotFound, StackConfigError) as wrong:
        print(f"r1 weights: {wrong}", file=sys.stderr)
        return 2
    except _PLAIN_FAILURES as failure:
        print(f"r1 weights: {failure}", file=sys.stderr)
        return 1
    except Stopped:
        print("r1 weights: stopped; what is whole stays, and the same command goes on from there",
              file=sys.stderr)  # fmt: skip
        return 1


def _show(stack: str, arguments: argparse.Namespace) -> int:
    stacks = project() / "stacks"
    plan, refusal = plan_of(stack, stacks), ""
    account, rows = Account(plan.region), []
    pinned = read_pinned(stacks).revisions
    for model in plan.models:
        checkpoint, presence = model.placement.checkpoint, None
        if not refusal:
            try:
                presence = weights_present(account, plan.bucket, checkpoint)
            except FAILURES as error:
                refusal = f"s3://{plan.bucket}: {error}"
        rows.append(
            Row(
                variant=model.placement.variant.name,
                checkpoint=checkpoint,
                licence=model.placement.variant.licences,
                revision=pinned.get(checkpoint.repository, _UNPINNED),
                presence=presence,
                journey=journey_of(plan, model, arguments.gbps),
            )
        )
    if arguments.json:
        print(json.dumps([_as_json(row, plan.bucket) for row in rows], indent=2))
    else:
        _print_rows(rows, plan, arguments.gbps)
    if refusal:
        print(f"r1 weights: {refusal}", file=sys.stderr)
    whole = all(row.presence and row.presence.state == COMPLETE for row in rows)
    return 0 if whole else 1


def _as_json(row: Row, bucket: str) -> dict[str, Any]:
    return {
        "variant": row.variant,
        "precision": row.checkpoint.precision,
        "repository": row.checkpoint.repository,
        "revision": row.revision,
        "bytes": row.checkpoint.weight_bytes,
        "bytes_are": row.checkpoint.standing,
        "licence": row.licence,
        "where": f"s3://{bucket}/{row.checkpoint.folder}/",
        "in_bucket": asdict(row.presence) if row.presence else None,
        "journey": asdict(row.journey),
    }


def _print_rows(rows: list[Row], plan: Plan, gbps: float) -> None:
    for row in rows:
        print(f"{row.variant} {row.checkpoint.precision}  {row.checkpoint.repository}"
              f" @ {row.revision}")  # fmt: skip
        for what, told in _lines(row, plan, gbps):
            print(f"  {what:15}{told}")
    if any(row.revision == _UNPINNED for row in rows):
        print("unpinned: what the hub has when it is asked; r1 pins refresh pins it")


def _lines(row: Row, plan: Plan, gbps: float) -> Iterator[tuple[str, str]]:
    way = row.journey
    yield "where", f"s3://{plan.bucket}/{row.checkpoint.folder}/"
    yield "in the bucket", row.presence.told if row.presence else "not known: see below"
    if row.presence and row.presence.revision not in ("", row.revision):
        yield "", f"of revision {row.presence.revision}"
    yield "size", f"{way.gib:.1f} GiB, {row.checkpoint.standing}"
    yield "licence", row.licence
    yield "from the hub", f"{way.hub_minutes:.0f} min at {gbps:g} Gbit/s"
    if way.fetch_minutes_at_most is not None:
        yield "onto FSx", f"{way.fetch_minutes_at_most:.0f} min at most, before any GPU is started"
    reader = "from FSx, all variants at once" if plan.storage else "as a stream from S3"
    yield "to the GPUs", f"{way.read_minutes:.1f} min {reader}"
    yield "costs", _costs(way)
    if plan.sync and plan.network.nat and not plan.sync.other_bucket:
        yield "", f"the cluster's Job brings it through NAT, once: {_nat(way)}"


def _costs(way: Journey) -> str:
    stored = "not priced" if way.usd_stored is None else f"${way.usd_stored:.2f}"
    unsure = "; prices remembered, not read" if way.remembered else ""
    free = f"{stored} a month in S3; S3's gateway endpoint $0"
    return f"{free}, through NAT {_nat(way)} each time{unsure}"


def _nat(way: Journey) -> str:
    return "not priced" if way.usd_through_nat is None else f"${way.usd_through_nat:.2f}"


def _sync(stack: str, arguments: argparse.Namespace) -> int:
    stacks = project() / "stacks"
    plan, pinned = plan_of(stack, stacks), read_pinned(stacks).revisions
    wanted = {
        model.placement.checkpoint.repository: model
        for model in plan.models
        if arguments.variant in (None, model.placement.variant.name)
    }
    if not wanted:
        there = ", ".join(model.placement.variant.name for model in plan.models)
        raise LookupError(f"--variant {arguments.variant}: {stack} has {there}")
    pace = Pace(files=arguments.at_a_time)
    client = job.client_of(plan.region, pace.connections)
    done = []
    with _stopping() as stopping, _bars(sys.stderr.isatty()) as bars:
        for repository, model in wanted.items():
            variant = model.placement.variant.name
            ahead = _ahead(journey_of(plan, model, arguments.gbps), arguments.gbps)
            checkpoint = job.Checkpoint(
                repository=repository, revision=pinned.get(repository, "main")
            )
            progress: Progress = (
                _Bar(bars, variant, ahead) if bars else job.Lines(checkpoint.folder, ahead)
            )
            if repository not in pinned and not arguments.source:
                progress.say("unpinned: takes the newest revision; r1 pins refresh pins one")
            outcome = job.bring(
                checkpoint, plan.bucket, arguments.source, client=client, progress=progress,
                stopping=stopping, pace=pace, replace=arguments.replace,
            )  # fmt: skip
            progress.say(job.completed(outcome))
            done.append((variant, outcome))
    if arguments.json:
        print(json.dumps([_outcome(variant, one) for variant, one in done], indent=2))
    return 0


def _ahead(way: Journey, gbps: float) -> str:
    stored = "not priced" if way.usd_stored is None else f"${way.usd_stored:.2f} a month"
    return (
        f"{way.gib:.1f} GiB where nothing is there yet: {way.hub_minutes:.0f} min at {gbps:g}"
        f" Gbit/s, then {stored} in S3"
    )


def _outcome(variant: str, outcome: Outcome) -> dict[str, Any]:
    manifest = outcome.manifest
    return {
        "variant": variant,
        "repository": manifest.repository,
        "revision": manifest.revision,
        "licence": manifest.licence,
        "files": len(manifest.files),
        "bytes": manifest.size,
        "bytes_read_now": outcome.read,
        "unverified": list(manifest.unverified),
    }


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Set by Ctrl-C: what is under way ends at its next piece, and nothing whole is lost."""
    stopping = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stopping.set())
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bars(wanted: bool) -> Iterator[Bars | None]:
    if not wanted:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True),
               TransferSpeedColumn(), TimeRemainingColumn())  # fmt: skip
    with Bars(*columns, console=Console(stderr=True)) as bars:
        yield bars


class _Bar(Progress):
    def __init__(self, bars: Bars, name: str, ahead: str) -> None:
        super().__init__(ahead)
        self._bars, self._name = bars, name
        self._task = bars.add_task(name, total=None)

    def begin(self, total: int) -> None:
        super().begin(total)
        self._bars.update(self._task, total=total)

    def did(self, name: str, count: int) -> None:
        super().did(name, count)
        self._bars.update(self._task, completed=self.done)

    def say(self, line: str) -> None:
        self._bars.console.print(f"{self._name}: {line}", highlight=False)
