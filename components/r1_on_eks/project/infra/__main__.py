"""The Pulumi program: the stack's file, parsed once and declared."""

from pathlib import Path

import r1_on_eks

r1_on_eks.declare_stack(Path(__file__).parent.parent / "stacks")
