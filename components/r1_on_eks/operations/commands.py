"""`r1 recover`, `r1 sweep`, `r1 expire`, `r1 extend`: from parsed words to printed lines."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from r1_on_eks.operations import advice, expiry, recovery, sweeping
from r1_on_eks.operations.account import FAILURES, Account
from r1_on_eks.operations.deployment import Deployment
from r1_on_eks.operations.file_backend import remove_torn
from r1_on_eks.operations.locks import is_locked
from r1_on_eks.operations.pulumi_cli import Pulumi, PulumiFailed, is_no_stack, stacks_of
from r1_on_eks.stack_file import (
    StackNotFound,
    lifetime_written,
    not_found,
    read_stack,
    settings_of,
)

# What a person can act on; anything else is a defect and keeps its traceback.
_PLAIN_FAILURES = (PulumiFailed, recovery.Unsettled, LookupError, *FAILURES)


def run(arguments: argparse.Namespace) -> int:
    """Carries out one command; returns the exit status."""
    carry_out: dict[str, Callable[[argparse.Namespace], int]] = {
        "recover": _recover,
        "sweep": _sweep,
        "expire": _expire,
        "extend": _extend,
    }
    try:
        return carry_out[arguments.subcommand](arguments)
    except StackNotFound as unknown:
        print(f"r1 {arguments.subcommand}: {unknown}", file=sys.stderr)
        return 2
    except _PLAIN_FAILURES as failure:
        print(f"r1 {arguments.subcommand}: {failure}", file=sys.stderr)
        return 1


def say(line: str) -> None:
    """One line of progress, after what was printed before it, also where both go to one pipe."""
    sys.stdout.flush()
    print(line, file=sys.stderr, flush=True)


def may_go_on(arguments: argparse.Namespace, question: str) -> bool:
    """Whether --yes was said, or somebody at a terminal says so now."""
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        say("nothing was changed; add --yes to do it")
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def project() -> Path:
    """The folder with Pulumi.yaml, here or above.

    Raises:
        LookupError: there is none.
    """
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise LookupError("no Pulumi.yaml here or above; run it where the stack's project is")


def _recover(arguments: argparse.Namespace) -> int:
    pulumi = Pulumi(arguments.stack, project())
    deployment = _known_to_pulumi(pulumi)
    region = deployment.region
    if region is None:
        if deployment.pending:
            raise LookupError("the stack's state names no AWS provider; nothing was made in AWS")
        return _nothing_to_recover(arguments)
    account = Account(region)
    steps = recovery.steps_of(deployment, account, arguments.stack)
    if not steps:
        return _nothing_to_recover(arguments)
    if arguments.json:
        print(json.dumps([_step(one) for one in steps], indent=2))
    else:
        for one in steps:
            print(" ".join(filter(None, (f"{one.what:7}", one.kind, one.name, one.id))))
            print(f"        {one.why}")
            for line in _to_try(arguments.stack, one):
                print(f"        try {line}")
    if any(one.what == recovery.UNKNOWN for one in steps):
        say("nothing was changed: first look after what r1 does not know")
        return 1
    if not may_go_on(arguments, "Is no other update running, and shall this be done?"):
        return 1
    # Only now, and never before somebody said so: the lock may be a living person's.
    pulumi.unlock()
    recovery.carry_out(steps, deployment, pulumi, account, say)
    say(f"recovered; `pulumi up --stack {arguments.stack}` goes on from here")
    return 0


def _known_to_pulumi(pulumi: Pulumi) -> Deployment:
    try:
        return Deployment(pulumi.export())
    except PulumiFailed as failure:
        if is_no_stack(str(failure)):
            raise not_found(pulumi.stack, project() / "stacks") from None
        torn = remove_torn(pulumi.backend(), pulumi.stack)
        if not torn:
            raise
        for one in torn:
            say(f"{one} was empty: the engine died while it wrote it. Removed; nothing is lost")
        return Deployment(pulumi.export())


def _to_try(stack: str, step: recovery.Step) -> list[str]:
    if advice.lacks_capacity(step.why):
        return advice.on_capacity(stack, step.id.partition(":")[2], project() / "stacks")
    if step.thing and advice.never_joined(step.why):
        issues = step.thing.about.get("health", {}).get("issues", [])
        return advice.on_nodes(
            step.id, [one for issue in issues for one in issue.get("resourceIds", [])]
        )
    return []


def _nothing_to_recover(arguments: argparse.Namespace) -> int:
    print("[]" if arguments.json else f"{arguments.stack}: nothing to recover")
    return 0


def _step(one: recovery.Step) -> dict[str, Any]:
    return {"what": one.what, "type": one.kind, "name": one.name, "id": one.id, "why": one.why}


def _sweep(arguments: argparse.Namespace) -> int:
    stack = arguments.stack
    known, region = _known(stack)
    region = arguments.region or region or _region_of(stack)
    account = Account(region)
    say(f"asking AWS in {region} what is left of {stack} …")
    found = sweeping.leftovers(account, stack, known)
    left = [one for one in found if not one.goes_by_itself]
    if arguments.json:
        print(json.dumps([_leftover(one) for one in found], indent=2))
    else:
        _print_leftovers(stack, found)
    if known:
        say(
            f"{stack} still stands: Pulumi knows {len(known)} resources; what is listed includes"
            " what AWS made for them"
        )
        if arguments.delete:
            say(f"nothing was deleted: first pulumi destroy --stack {stack}")
            return 1
    if not arguments.delete or not left:
        return 1 if left else 0
    if not may_go_on(arguments, f"Delete what carries the tag of {stack}?"):
        return 1
    refused = sweeping.delete([*sweeping.parts(account, stack), *found], account, say)
    for line in refused:
        say(f"refused: {line}")
    left = [one for one in sweeping.leftovers(account, stack, known) if not one.goes_by_itself]
    say(f"{len(left)} left" if left else f"nothing of {stack} is left")
    return 1 if left else 0


def _known(stack: str) -> tuple[set[str], str | None]:
    """Ids in Pulumi's state, and its Region; nothing where the stack itself is gone."""
    try:
        deployment = Deployment(Pulumi(stack, project()).export())
    except PulumiFailed as failure:
        if not is_no_stack(str(failure)):
            raise
        return set(), None
    return deployment.ids, deployment.region


def _region_of(stack: str) -> str:
    try:
        return read_stack(stack, project() / "stacks").region
    except StackNotFound as missing:
        told = f"{missing}; or say in which Region: --region us-west-2"
        raise StackNotFound(told) from None


def _leftover(one: sweeping.Leftover) -> dict[str, Any]:
    return {
        "type": one.thing.kind,
        "id": one.thing.id,
        "name": one.name,
        "ours": one.ours,
        "status": one.thing.status,
        "usd_per_month": one.usd_per_month,
        "blocks": list(one.blocks),
        "remove": one.remove,
        "expected": one.goes_by_itself,
    }


def _print_leftovers(stack: str, found: list[sweeping.Leftover]) -> None:
    left = [one for one in found if not one.goes_by_itself]
    for one in found:
        price = "not priced" if one.usd_per_month is None else f"{one.usd_per_month:9.2f} $/month"
        print(f"{price:>18}  {one.thing.kind} {one.thing.id} {one.name}".rstrip())
        if one.goes_by_itself:
            print(f"{'':20}KMS deletes it by itself after its window: nothing to do")
        elif not one.ours:
            blocks = f", blocks {' and '.join(one.blocks)}" if one.blocks else ""
            print(f"{'':20}without our tag{blocks}; by hand: {one.remove}")
    total = sum(one.usd_per_month or 0.0 for one in left)
    print(
        f"{len(left)} left of {stack}, {total:.2f} $/month as far as priced"
        if left
        else f"nothing of {stack} is left"
    )


def _expire(arguments: argparse.Namespace) -> int:
    verdicts = _verdicts()
    due = [one for one in verdicts if one.expired]
    if arguments.json:
        print(json.dumps([_verdict(one) for one in verdicts], indent=2))
    else:
        for one in verdicts:
            print(f"{'expired' if one.expired else 'stays':8}{one.stack}: {one.why}")
        print(f"{len(due)} of {len(verdicts)} stacks have expired")
    if not due:
        return 0
    if not may_go_on(arguments, f"Destroy {', '.join(one.stack for one in due)}?"):
        return 1
    failed = [one.stack for one in due if not _destroyed(one.stack)]
    say(f"destroyed {len(due) - len(failed)} of {len(due)} expired stacks")
    return 1 if failed else 0


def _verdicts() -> list[expiry.Verdict]:
    folder, now = project(), datetime.now(UTC)
    found: list[expiry.Verdict] = []
    stacks = stacks_of(folder)
    for number, row in enumerate(stacks, start=1):
        name = row["name"].rpartition("/")[2]
        settings = settings_of(name, folder / "stacks")
        if row.get("updateInProgress"):
            found.append(expiry.Verdict(name, False, "it is being updated"))
        elif row.get("resourceCount") == 0:
            found.append(expiry.Verdict(name, False, "nothing of it stands"))
        elif settings is not None and "lifetime" not in settings:
            found.append(expiry.Verdict(name, False, "it has no lifetime"))
        else:
            say(f"[{number}/{len(stacks)}] {name}")
            pulumi = Pulumi(name, folder)
            history = pulumi.history()
            wanted = expiry.last_settings(history) if settings is None else settings
            deployment = Deployment(pulumi.export())
            found.append(expiry.verdict(name, wanted, history, deployment, now))
    return found


def _destroyed(stack: str) -> bool:
    say(f"destroying {stack} …")
    try:
        Pulumi(stack, project()).destroy()
    except PulumiFailed as failure:
        told = "it is being updated" if is_locked(str(failure)) else str(failure)
        say(f"{stack} stays: {told}")
        return False
    return True


def _extend(arguments: argparse.Namespace) -> int:
    stacks = project() / "stacks"
    settings = settings_of(arguments.stack, stacks)
    if settings is None:
        raise not_found(arguments.stack, stacks)
    if "lifetime" not in settings:
        raise LookupError(f"{arguments.stack} has no lifetime: it does not expire")
    longer = expiry.duration_of(settings["lifetime"]) + arguments.by
    lifetime_written(arguments.stack, expiry.written(longer), stacks)
    before, after = settings["lifetime"], expiry.written(longer)
    if arguments.json:
        print(json.dumps({"stack": arguments.stack, "before": before, "lifetime": after}))
    else:
        print(f"{arguments.stack}: lifetime {before} → {after}; commit its file for others")
    return 0


def _verdict(one: expiry.Verdict) -> dict[str, Any]:
    expires = one.expires.isoformat() if one.expires else None
    return {"stack": one.stack, "expired": one.expired, "why": one.why, "expires": expires}
