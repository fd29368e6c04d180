"""`r1 check`: from a stack's name to printed findings."""

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

from botocore.config import Config
from rich.console import Console

from r1_on_eks.operations.account import FAILURES, Account
from r1_on_eks.operations.readiness.checks import CHECKS, IMPATIENT, check
from r1_on_eks.operations.readiness.finding import Standing, is_ready
from r1_on_eks.operations.readiness.ground import Ground, Undecided
from r1_on_eks.operations.readiness.iam_policies import policy_of
from r1_on_eks.operations.readiness.telling import Words, as_json, print_findings
from r1_on_eks.pins_file import read_pinned
from r1_on_eks.plan import DoesNotFit, NotPinned
from r1_on_eks.screen import screen
from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_file import STACKS, StackNotFound, plan_of, read_stack

WORDS = Words(
    "ready",
    {Standing.READY: "ready", Standing.LACKING: "lacking", Standing.UNKNOWN: "unknown"},
)


def run(arguments: argparse.Namespace) -> int:
    """`r1 check STACK`.

    Returns:
        0 where nothing is known to be lacking, 1 where something is, 2 for misuse.
    """
    try:
        ground = replace(ground_of(arguments.stack), deployer=arguments.role)
        if arguments.policy:
            print(json.dumps(policy_of(ground.plan, arguments.policy), indent=1))
            return 0
    except (StackNotFound, StackConfigError, Undecided, *FAILURES) as error:
        print(f"r1 check: {error}", file=sys.stderr)
        return 2
    began = time.monotonic()
    with Console(stderr=True).status("asking AWS") as status:
        found = check(ground, CHECKS, told=status.update)
    seconds = time.monotonic() - began
    if arguments.json:
        print(as_json(ground, found, seconds, WORDS))
    else:
        print_findings(screen(), ground, found, seconds, WORDS)
    return 0 if is_ready(found) else 1


def ground_of(stack: str, patience: Config = IMPATIENT) -> Ground:
    """What the checks of a stack stand on, from its file and the credentials of the environment.

    Args:
        stack: Its name.
        patience: How long AWS is waited for.

    Raises:
        StackNotFound: there is no such stack.
        StackConfigError: its file is wrong.
    """
    config = read_stack(stack)
    try:
        decided = plan_of(stack)
    except (NotPinned, DoesNotFit) as error:
        decided = str(error)
    return Ground(
        config=config,
        pinned=read_pinned(STACKS),
        decided=decided,
        account=Account(config.region, patience),
        now=_now(),
    )


def _now() -> datetime:
    return datetime.now(UTC)
