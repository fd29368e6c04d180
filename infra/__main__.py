"""The Pulumi program: the stack's configuration, parsed once and declared."""

import gc
from pathlib import Path

import pulumi
import r1_on_eks

# Thousands of classes are loaded from here on, and all of them stay: a quarter of the time would
# go into looking for garbage among them.
gc.set_threshold(50_000, 20, 20)

stack = pulumi.get_stack()
stacks = Path(__file__).parent.parent / "stacks"
wanted = pulumi.Config("r1-on-eks").require_object("stack")
try:
    config = r1_on_eks.parse_stack_config({"name": stack} | wanted)
    r1_on_eks.declare(config, r1_on_eks.read_decisions(stacks, stack))
except (r1_on_eks.StackConfigError, r1_on_eks.NotPinned, r1_on_eks.DoesNotFit) as error:
    raise pulumi.RunError(f"Pulumi.{stack}.yaml\n{error}") from None
