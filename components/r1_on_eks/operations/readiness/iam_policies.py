"""What a role has to be allowed, by what it is for: no more than that asks of AWS."""

from collections.abc import Callable, Mapping

from r1_on_eks.operations.readiness.actions import READING, actions_of, types_of
from r1_on_eks.operations.readiness.checks import CHECKS
from r1_on_eks.plan import Plan


def previewing(plan: Plan) -> list[str]:
    """IAM actions of `pulumi preview`, with `--refresh` or without, sorted."""
    return sorted({action for token in types_of(plan) for action in READING[token]})


def checking(_: Plan) -> list[str]:
    """IAM actions of `r1 check`, sorted."""
    return sorted({action for one in CHECKS for action in one.permissions})


PURPOSES: Mapping[str, Callable[[Plan], list[str]]] = {
    "up": actions_of,
    "preview": previewing,
    "check": checking,
}
"""What somebody may want to do, and the actions of it."""


def policy_of(plan: Plan, purpose: str) -> dict[str, object]:
    """An IAM policy for `aws iam put-role-policy`.

    Args:
        plan: Of the stack.
        purpose: One of `PURPOSES`.
    """
    statement = {"Effect": "Allow", "Action": PURPOSES[purpose](plan), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
