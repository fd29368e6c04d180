"""What the commands about money begin with: the states of stacks, as they are declared here."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from r1_on_eks.cost.declared import Declaration
from r1_on_eks.cost.stateful import foreseen
from r1_on_eks.cost.study import States
from r1_on_eks.cost.trees import Declaring, DoesNotDeclare, has_stack, tree_at
from r1_on_eks.plan import DoesNotFit, NotPinned, Plan
from r1_on_eks.stack_config import StackConfig
from r1_on_eks.stack_file import STACKS, StackNotFound, plan_of, read_stack

_HERE = Path()


class Misuse(ValueError):
    """The command line can't be carried out; one line says what can."""


def declared_states(
    stacks: Sequence[str], revision: str | None, project: Path = _HERE
) -> dict[str, States]:
    """What the program declares for each stack now, and at a revision; both run at a time.

    Of a tree that has no such stack nothing is declared.

    Raises:
        NoSuchRevision: git doesn't know it.
        DoesNotDeclare: a program refuses a stack.
    """
    now = Declaring(project, [stack for stack in stacks if has_stack(project, stack)])
    try:
        before = declared_at(revision, stacks, project) if revision else {}
        after = now.declarations()
    finally:
        now.stop()
    return {
        stack: _states(after.get(stack, Declaration({})), before.get(stack), revision or "")
        for stack in stacks
    }


def _states(after: Declaration, before: Declaration | None, revision: str) -> States:
    changes = foreseen(before, after) if before is not None and len(before) else ()
    return States(after=after, before=before, changes=changes, against=revision)


def declared_at(
    revision: str, stacks: Sequence[str], project: Path = _HERE
) -> dict[str, Declaration]:
    """What the program of a revision declares; nothing for a stack that it doesn't have."""
    with tree_at(revision, project) as tree:
        there = [stack for stack in stacks if has_stack(tree, stack)]
        running = Declaring(tree, there)
        try:
            found = running.declarations()
        except DoesNotDeclare as error:
            raise DoesNotDeclare(f"at {revision}: {error}") from None
        finally:
            running.stop()
    return {stack: found.get(stack, Declaration({})) for stack in stacks}


def planned(stack: str) -> tuple[StackConfig | None, Plan | None]:
    """The stack's file and plan, as far as they are here."""
    try:
        config = read_stack(stack, STACKS)
    except StackNotFound:
        return None, None
    try:
        return config, plan_of(stack, STACKS)
    except (NotPinned, DoesNotFit):
        return config, None


def aws_client() -> Any:
    """`boto3.client`.

    Raises:
        Misuse: boto3 isn't installed.
    """
    try:
        import boto3
    except ModuleNotFoundError:
        raise Misuse("boto3 is not installed: pip install 'r1-on-eks[operations]'") from None
    return boto3.client


@contextlib.contextmanager
def working() -> Iterator[None]:
    """Shows on a terminal that something is under way: the first run takes seconds."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status("running the program as it declares"):
        yield
