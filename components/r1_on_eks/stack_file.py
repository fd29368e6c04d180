"""The file of a stack, `stacks/Pulumi.<stack>.yaml`, as commands beside Pulumi read it."""

import difflib
import re
from pathlib import Path
from typing import Any

import yaml

from r1_on_eks.decisions_files import read_decisions
from r1_on_eks.plan import Plan
from r1_on_eks.stack_config import StackConfig, StackConfigError, parse_stack_config

STACKS = Path("stacks")


class StackNotFound(LookupError):
    """There is no file of that stack here; says which there are."""


def stack_names(stacks: Path = STACKS) -> list[str]:
    """Names of the stacks that have a file, sorted."""
    return sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        for path in stacks.glob("Pulumi.*.yaml")
    )


def not_found(stack: str, stacks: Path = STACKS) -> StackNotFound:
    """That there is no file of a stack, and which one was probably meant."""
    path, known = stacks / f"Pulumi.{stack}.yaml", stack_names(stacks)
    if near := difflib.get_close_matches(stack, known, n=1):
        return StackNotFound(f"no {path}; did you mean {near[0]}?")
    here = f"; there are {', '.join(known)}" if known else f": run it where {stacks}/ is"
    return StackNotFound(f"no {path}{here}")


def read_stack(stack: str, stacks: Path = STACKS) -> StackConfig:
    """What the file of a stack asks for.

    Raises:
        StackNotFound: there is no such file.
        StackConfigError: the file's name, then one line for each key that is wrong.
    """
    path = stacks / f"Pulumi.{stack}.yaml"
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except FileNotFoundError:
        raise not_found(stack, stacks) from None
    except yaml.YAMLError as error:
        raise StackConfigError(f"{path}\n{error}") from None
    settings = content.get("config", {}).get("r1-on-eks:stack")
    if settings is None:
        raise StackConfigError(f"{path}\nconfig has no r1-on-eks:stack")
    try:
        return parse_stack_config({"name": stack, **settings})
    except StackConfigError as error:
        raise StackConfigError(f"{path}\n{error}") from None


def settings_of(stack: str, stacks: Path = STACKS) -> dict[str, Any] | None:
    """What is written under `r1-on-eks:stack`, unchecked; None where there is no such file."""
    path = stacks / f"Pulumi.{stack}.yaml"
    if not path.exists():
        return None
    content = yaml.safe_load(path.read_text()) or {}
    return (content.get("config") or {}).get("r1-on-eks:stack") or {}


def lifetime_written(stack: str, lifetime: str, stacks: Path = STACKS) -> None:
    """Changes the one line of a stack's file that says how long it lives; all else stays.

    Raises:
        StackConfigError: there is no such line.
    """
    path = stacks / f"Pulumi.{stack}.yaml"
    text, count = re.subn(
        r"^(\s+lifetime:\s*)[\"']?\w+[\"']?", rf"\g<1>{lifetime}", path.read_text(), flags=re.M
    )
    if count != 1:
        raise StackConfigError(f"{path}\nlifetime: write it on a line of its own, lifetime: 8h")
    path.write_text(text)


def plan_of(stack: str, stacks: Path = STACKS) -> Plan:
    """Everything decided for a stack: its file and its pinned placements.

    Raises:
        StackNotFound: there is no such file.
        StackConfigError: one line for each key that is wrong, of either file.
        NotPinned: one line for each variant whose placement nobody has decided.
        DoesNotFit: one line for each variant that does not fit where it was put.
    """
    config = read_stack(stack, stacks)
    return Plan.of(config, read_decisions(stacks, config.name))
