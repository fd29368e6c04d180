"""`r1 recover`, `r1 sweep`, `r1 expire`, `r1 extend`: from parsed words to printed lines."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from r1_on_eks.operations import recovery
from r1_on_eks.operations.account import FAILURES, Account
from r1_on_eks.operations.deployment import Deployment
from r1_on_eks.operations.pulumi_cli import Pulumi, PulumiFailed

# What a person can act on; anything else is a defect and keeps its traceback.
_PLAIN_FAILURES = (PulumiFailed, recovery.Unsettled, LookupError, *FAILURES)


def run(arguments: argparse.Namespace) -> int:
    """Carries out one command; returns the exit status."""
    carry_out: dict[str, Callable[[argparse.Namespace], int]] = {"recover": _recover}
    try:
        return carry_out[arguments.subcommand](arguments)
    except _PLAIN_FAILURES as failure:
        print(f"r1 {arguments.subcommand}: {failure}", file=sys.stderr)
        return 1


def say(line: str) -> None:
    """One line of progress."""
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
    deployment = Deployment(pulumi.export())
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


def _nothing_to_recover(arguments: argparse.Namespace) -> int:
    print("[]" if arguments.json else f"{arguments.stack}: nothing to recover")
    return 0


def _step(one: recovery.Step) -> dict[str, Any]:
    return {"what": one.what, "type": one.kind, "name": one.name, "id": one.id, "why": one.why}
