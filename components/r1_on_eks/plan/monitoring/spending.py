"""Which costs are a stack's, for AWS's detection of unusual ones."""

from typing import Any

from r1_on_eks.plan.names import STACK_TAG


def spending_of(stack: str) -> dict[str, Any]:
    """An expression of Cost Explorer: all that carries the stack's tag.

    The tag counts once it is activated as a cost allocation tag, as for `r1 cost --actual`.
    """
    return {"Tags": {"Key": STACK_TAG, "Values": [stack], "MatchOptions": ["EQUALS"]}}
