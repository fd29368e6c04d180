"""The Pulumi program: the stack's configuration, parsed once and declared."""

from pathlib import Path

import pulumi
from r1_on_eks import (
    DoesNotFit,
    NotPinned,
    StackConfigError,
    declare,
    parse_stack_config,
    read_decisions,
)

stack = pulumi.get_stack()
stacks = Path(__file__).parent.parent / "stacks"
wanted = pulumi.Config("r1-on-eks").require_object("stack")
try:
    declare(parse_stack_config({"name": stack} | wanted), read_decisions(stacks, stack))
except (StackConfigError, NotPinned, DoesNotFit) as error:
    raise pulumi.RunError(f"Pulumi.{stack}.yaml\n{error}") from None
