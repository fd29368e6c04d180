"""`r1 status STACK`: one screen, what is wrong first."""

import argparse
import os
import sys
import time
from collections.abc import Iterable

from rich.console import Console

from r1_on_eks.gateway_words import WrongGatewayWord, address_of, authority_of, key_of
from r1_on_eks.operations.account import FAILURES
from r1_on_eks.operations.commands import project
from r1_on_eks.operations.pulumi_cli import Pulumi
from r1_on_eks.operations.readiness.checks import check
from r1_on_eks.operations.readiness.commands import ground_of
from r1_on_eks.operations.readiness.finding import Finding, Standing, is_ready
from r1_on_eks.operations.readiness.telling import Words, as_json, print_findings
from r1_on_eks.operations.status.questions import QUESTIONS
from r1_on_eks.operations.status.routes import (
    ADDRESS_VARIABLE,
    AUTHORITY_VARIABLE,
    KEY_VARIABLE,
)
from r1_on_eks.operations.status.scene import Scene
from r1_on_eks.screen import screen
from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_file import StackNotFound

WORDS = Words(
    "well", {Standing.LACKING: "wrong", Standing.UNKNOWN: "unknown", Standing.READY: "well"}
)
# From the first question to the last answer; Pulumi takes the longest.
SECONDS = 8.0
_ORDER = (Standing.LACKING, Standing.UNKNOWN, Standing.READY)


def run(arguments: argparse.Namespace) -> int:
    """`r1 status STACK`.

    Returns:
        0 where nothing is known to be wrong, 1 where something is, 2 for misuse.
    """
    try:
        scene = scene_of(arguments.stack, arguments.gateway, arguments.ca)
    except (StackNotFound, StackConfigError, WrongGatewayWord, LookupError, *FAILURES) as error:
        print(f"r1 status: {error}", file=sys.stderr)
        return 2
    began = time.monotonic()
    with Console(stderr=True).status("asking") as status:
        found = worst_first(check(scene, QUESTIONS, told=status.update, seconds=SECONDS))
    seconds = time.monotonic() - began
    if arguments.json:
        print(as_json(scene, found, seconds, WORDS))
    else:
        print_findings(screen(), scene, found, seconds, WORDS)
    return 0 if is_ready(found) else 1


def scene_of(stack: str, gateway: str | None = None, authority: str | None = None) -> Scene:
    """What the questions about a stack stand on.

    Args:
        stack: Its name.
        gateway: Where its gateway is reached, if not at the address that it exports.
        authority: File of its certificate, or of who signed it.

    Raises:
        StackNotFound: there is no such stack.
        StackConfigError: its file is wrong.
        LookupError: there is no Pulumi project here.
        WrongGatewayWord: its address, key or certificate is none.
    """
    address = gateway or os.environ.get(ADDRESS_VARIABLE)
    named = "--gateway" if gateway else ADDRESS_VARIABLE
    ground = ground_of(stack)
    return Scene(
        config=ground.config, pinned=ground.pinned, decided=ground.decided,
        account=ground.account, now=ground.now,
        pulumi=Pulumi(stack, project(), SECONDS),
        gateway=address_of(address, named) if address else None,
        key=key_of(os.environ.get(KEY_VARIABLE), KEY_VARIABLE),
        authority=authority_of(
            authority or os.environ.get(AUTHORITY_VARIABLE),
            "--ca" if authority else AUTHORITY_VARIABLE,
        ),
    )  # fmt: skip


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """What is wrong, then what isn't known, then what is well."""
    return sorted(found, key=lambda one: _ORDER.index(one.standing))
