"""Any set of the seven DeepSeek-R1 variants on Amazon EKS.

Names load when they are first used: planning loads no Pulumi.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from r1_on_eks.decisions_files import read_decisions
    from r1_on_eks.plan import DoesNotFit, NotPinned, Plan
    from r1_on_eks.program import declare
    from r1_on_eks.stack_config import StackConfig, StackConfigError, parse_stack_config
    from r1_on_eks.stack_config.decisions import Decisions
    from r1_on_eks.stack_program import declare_stack

__all__ = [
    "Decisions",
    "DoesNotFit",
    "NotPinned",
    "Plan",
    "StackConfig",
    "StackConfigError",
    "declare",
    "declare_stack",
    "parse_stack_config",
    "read_decisions",
]

_ROOMS = {
    "Decisions": "stack_config.decisions",
    "DoesNotFit": "plan",
    "NotPinned": "plan",
    "Plan": "plan",
    "StackConfig": "stack_config",
    "StackConfigError": "stack_config",
    "declare": "program",
    "declare_stack": "stack_program",
    "parse_stack_config": "stack_config",
    "read_decisions": "decisions_files",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"r1_on_eks has no {name}")
    return getattr(import_module(f"r1_on_eks.{_ROOMS[name]}"), name)
