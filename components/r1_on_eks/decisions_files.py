"""The files beside a stack's own that hold what was decided once for it."""

from pathlib import Path

from r1_on_eks.pins_file import read_pinned
from r1_on_eks.placement_file import read_file_system, read_pins
from r1_on_eks.stack_config.decisions import Decisions


def read_decisions(stacks: Path, stack: str) -> Decisions:
    """What was decided for a stack, and what was looked up for all.

    Args:
        stacks: The folder of stack files.
        stack: Its name.

    Raises:
        StackConfigError: a file's name, then one line for each key that is wrong.
    """
    return Decisions(
        placements=read_pins(stacks, stack),
        file_system=read_file_system(stacks, stack),
        pinned=read_pinned(stacks),
    )
