"""What `r1 cost`, `r1 cost-comment` and `r1 prices` do: read, price, print."""

import argparse
import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from r1_on_eks.cost.compare import Limit, compare, limit_from, verdicts
from r1_on_eks.cost.preview import NotAPreview, read_preview
from r1_on_eks.cost.states import (
    Misuse,
    aws_client,
    declared_at,
    declared_states,
    planned,
    working,
)
from r1_on_eks.cost.study import States, Study, study
from r1_on_eks.cost.trees import DoesNotDeclare, NoSuchRevision
from r1_on_eks.screen import screen
from r1_on_eks.stack_config import ApiPrice, Budget, StackConfig, StackConfigError
from r1_on_eks.stack_file import STACKS, StackNotFound, read_stack


def run(arguments: argparse.Namespace) -> int:
    """`r1 cost`, `r1 cost-comment` or `r1 prices`.

    Returns:
        0 fine, 1 a limit is exceeded or a price could not be told, 2 misuse.
    """
    try:
        return _COMMANDS[arguments.subcommand](arguments)
    except (
        Misuse, NotAPreview, NoSuchRevision, StackNotFound, StackConfigError, DoesNotDeclare,
    ) as error:  # fmt: skip
        print(f"r1 {arguments.subcommand}: {error}", file=sys.stderr)
        return 2


def run_cost(arguments: argparse.Namespace) -> int:
    """`r1 cost`."""
    limit = _limit(arguments.fail_over)
    api = _api(arguments.api_price)
    stack, states, before = _read(arguments)
    config, plan = planned(stack)
    if api and config:
        config = config.model_copy(update={"api_price": api})
    found = study(stack, states, config=config, plan=plan, limit=limit)
    if before is not None:
        found = _against_file(found, before, config, limit)
    if arguments.actual:
        found = replace(found, actual=_actual(stack))
    _print(found, "json" if arguments.json else arguments.format)
    return 0 if found.kept else 1


def _read(arguments: argparse.Namespace) -> tuple[str, States, Any]:
    """The stack's name, its states, and the bill of a file that it is compared with."""
    against = arguments.against
    file = Path(against) if against and Path(against).is_file() else None
    told = _printed_before(file) if file else None
    if arguments.preview:
        stack, states = _of_preview(arguments)
        if against and told is None:
            with working():
                before = declared_at(against, [stack])[stack]
            states = replace(states, before=before, against=against)
        return stack, states, told
    if arguments.stack is None:
        raise Misuse("name a STACK, or a --preview FILE")
    read_stack(arguments.stack, STACKS)
    with working():
        stacks = declared_states([arguments.stack], against if told is None else None)
        states = stacks[arguments.stack]
    return arguments.stack, states, told


def _of_preview(arguments: argparse.Namespace) -> tuple[str, States]:
    name = arguments.preview
    if name == "-":
        text, name = sys.stdin.read(), "standard input"
    else:
        try:
            text = Path(name).read_text()
        except OSError as error:
            raise Misuse(f"--preview {name}: {error.strerror}") from None
    found = read_preview(text, name)
    stack = arguments.stack or found.stack or "preview"
    if arguments.stack and found.stack and arguments.stack != found.stack:
        raise Misuse(f"{name} is of {found.stack}, not of {arguments.stack}")
    return stack, States(
        after=found.after,
        before=found.before,
        changes=found.changes,
        against="what stands",
        warnings=found.warnings,
    )


def _printed_before(file: Path) -> Any:
    from r1_on_eks.cost.as_json import FORMAT, bill_from

    try:
        told = json.loads(file.read_text())
        if told.get("format") != FORMAT:
            raise ValueError("it has another format")
        return bill_from(told)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Misuse(
            f"--against {file}: not what `r1 cost STACK --format json` prints ({error})"
        ) from None


def _against_file(
    found: Study, before: Any, config: StackConfig | None, limit: Limit | None
) -> Study:
    compared = compare(before, found.compared.after, found.compared.changes)
    budget = config.budget if config else Budget()
    return replace(
        found,
        compared=compared,
        against=f"the bill of {before.day}",
        verdicts=verdicts(compared, budget, limit),
    )


def _limit(text: str | None) -> Limit | None:
    try:
        return limit_from(text) if text else None
    except ValueError as error:
        raise Misuse(f"--fail-over: {error}") from None


def _api(text: str | None) -> ApiPrice | None:
    if text is None:
        return None
    try:
        usd_in, usd_out = (float(part) for part in text.split(","))
        return ApiPrice(input_usd=usd_in, output_usd=usd_out)
    except ValueError:
        raise Misuse(
            f"--api-price {text}: write dollars per million tokens in and out, 0.55,2.19"
        ) from None


def _actual(stack: str) -> Any:
    from r1_on_eks.cost.actual import NotTold, read_actual

    try:
        return read_actual(stack, date.today(), aws_client())
    except NotTold as error:
        raise Misuse(f"--actual: {error}") from None


def _print(found: Study, how: str) -> None:
    if how == "json":
        from r1_on_eks.cost.as_json import as_json

        print(as_json(found))
    elif how == "markdown":
        from r1_on_eks.cost.markdown import comment

        print(comment([found]))
    else:
        from r1_on_eks.cost.tables import print_study

        print_study(found, screen())


def run_comment(arguments: argparse.Namespace) -> int:
    """`r1 cost-comment`."""
    from r1_on_eks.cost.pull_request import comment_on

    return comment_on(arguments, _limit(arguments.fail_over))


def run_prices(arguments: argparse.Namespace) -> int:
    """`r1 prices`."""
    from r1_on_eks.cost import price_commands

    return price_commands.run(arguments)


_COMMANDS = {"cost": run_cost, "cost-comment": run_comment, "prices": run_prices}
