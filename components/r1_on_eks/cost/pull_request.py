"""The comment of a pull request: which stacks it changes, and what they cost more."""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from r1_on_eks.cost import github
from r1_on_eks.cost.compare import Limit
from r1_on_eks.cost.markdown import comment
from r1_on_eks.cost.preview import read_preview
from r1_on_eks.cost.states import Misuse, declared_states, planned, working
from r1_on_eks.cost.study import States, Study, study
from r1_on_eks.cost.trees import tree_at
from r1_on_eks.stack_file import STACKS, stack_names

_HERE = Path()


def comment_on(arguments: argparse.Namespace, limit: Limit | None) -> int:
    """Compares the changed stacks with the base, and tells it.

    Returns:
        0 fine, 1 a limit is exceeded.

    Raises:
        Misuse: GitHub's variables of a run are missing, and nothing says where else to tell it.
    """
    found = list(_studies(arguments.base, arguments.previews, limit))
    text = comment(found)
    if arguments.dry_run:
        print(text)
    else:
        _tell(text)
    return 0 if all(one.kept for one in found) else 1


def _studies(base: str, previews: str | None, limit: Limit | None) -> Iterator[Study]:
    for stack, states in changed_stacks(base).items():
        config, plan = planned(stack)
        told = _with_preview(states, stack, previews)
        yield study(stack, told, config=config, plan=plan, limit=limit)


def changed_stacks(base: str) -> dict[str, States]:
    """Stacks whose declaration is another than at the base, of either tree; by name.

    Whoever changes a component changes every stack that has it: files alone don't tell.
    """
    with tree_at(base, _HERE) as tree:
        names = sorted({*stack_names(STACKS), *stack_names(tree / "stacks")})
    with working():
        found = declared_states(names, base)
    return {
        name: replace(states, against=f"the base, {base}")
        for name, states in found.items()
        if states.before is None or states.before.resources != states.after.resources
    }


def _with_preview(states: States, stack: str, previews: str | None) -> States:
    file = Path(previews or "") / f"{stack}.json"
    if previews is None or not file.is_file():
        return states
    told = read_preview(file.read_text(), str(file))
    return replace(states, changes=told.changes, warnings=told.warnings)


def _tell(text: str) -> None:
    try:
        run = github.run_of(os.environ)
    except KeyError as missing:
        raise Misuse(
            f"{missing.args[0]} is not set: this runs in GitHub Actions; elsewhere use --dry-run"
        ) from None
    told = github.tell(run, text)
    print(told, file=sys.stderr)
