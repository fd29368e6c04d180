"""What a project's `infra/__main__.py` runs: one stack, from its file to its declaration."""

import gc
from pathlib import Path

# Thousands of classes are loaded from here on, and all of them stay: a quarter of the time would
# go into looking for garbage among them.
_COLLECTS_AFTER = (50_000, 20, 20)


def declare_stack(stacks: Path) -> None:
    """Declares the stack that the engine runs, from its configuration and what was decided for it.

    Args:
        stacks: The folder of stack files, with `placements/` and the pins.

    Raises:
        pulumi.RunError: the file's name, then one line for each thing that is wrong.
    """
    gc.set_threshold(*_COLLECTS_AFTER)
    import pulumi

    from r1_on_eks.decisions_files import read_decisions
    from r1_on_eks.plan import DoesNotFit, NotPinned
    from r1_on_eks.program import declare
    from r1_on_eks.stack_config import StackConfigError, parse_stack_config

    stack = pulumi.get_stack()
    wanted = pulumi.Config("r1-on-eks").require_object("stack")
    try:
        config = parse_stack_config({"name": stack} | wanted)
        declare(config, read_decisions(stacks, stack))
    except (StackConfigError, NotPinned, DoesNotFit) as error:
        raise pulumi.RunError(f"Pulumi.{stack}.yaml\n{error}") from None
