"""The file of a stack, `stacks/Pulumi.<stack>.yaml`, as commands beside Pulumi read it."""

from pathlib import Path

import yaml

from r1_on_eks.pins_file import read_pinned
from r1_on_eks.placement_file import read_file_system, read_pins
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
        known = ", ".join(stack_names(stacks))
        here = f"; there are {known}" if known else f": run it where {stacks}/ is"
        raise StackNotFound(f"no {path}{here}") from None
    except yaml.YAMLError as error:
        raise StackConfigError(f"{path}\n{error}") from None
    settings = content.get("config", {}).get("r1-on-eks:stack")
    if settings is None:
        raise StackConfigError(f"{path}\nconfig has no r1-on-eks:stack")
    try:
        return parse_stack_config({"name": stack, **settings})
    except StackConfigError as error:
        raise StackConfigError(f"{path}\n{error}") from None


def plan_of(stack: str, stacks: Path = STACKS) -> Plan:
    """Everything decided for a stack: its file and its pinned placements.

    Raises:
        StackNotFound: there is no such file.
        StackConfigError: one line for each key that is wrong, of either file.
        NotPinned: one line for each variant whose placement nobody has decided.
        DoesNotFit: one line for each variant that does not fit where it was put.
    """
    config = read_stack(stack, stacks)
    pins, file_system = read_pins(stacks, config.name), read_file_system(stacks, config.name)
    return Plan.of(config, pins, file_system, pinned=read_pinned(stacks))
