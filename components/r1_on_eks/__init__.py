"""Any set of the seven DeepSeek-R1 variants on Amazon EKS.

Names load when they are first used: planning loads no Pulumi.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from r1_on_eks.pins_file import read_pinned
    from r1_on_eks.placement_file import read_file_system, read_pins
    from r1_on_eks.plan import DoesNotFit, NotPinned, Plan
    from r1_on_eks.program import declare
    from r1_on_eks.stack_config import StackConfig, StackConfigError, parse_stack_config

__all__ = [
    "DoesNotFit",
    "NotPinned",
    "Plan",
    "StackConfig",
    "StackConfigError",
    "declare",
    "parse_stack_config",
    "read_file_system",
    "read_pinned",
    "read_pins",
]

_ROOMS = {
    "DoesNotFit": "plan",
    "NotPinned": "plan",
    "Plan": "plan",
    "StackConfig": "stack_config",
    "StackConfigError": "stack_config",
    "declare": "program",
    "parse_stack_config": "stack_config",
    "read_file_system": "placement_file",
    "read_pinned": "pins_file",
    "read_pins": "placement_file",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"r1_on_eks has no {name}")
    return getattr(import_module(f"r1_on_eks.{_ROOMS[name]}"), name)
