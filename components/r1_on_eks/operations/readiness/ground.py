"""What every check stands on: a stack, its plan, an account, a day."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from r1_on_eks.operations.account import FAILURES, Account, is_gone
from r1_on_eks.operations.inventory.thing import tags_of
from r1_on_eks.plan import Plan
from r1_on_eks.plan.names import STACK_TAG, cluster_name
from r1_on_eks.stack_config import StackConfig
from r1_on_eks.stack_config.pinned import Pinned


class Unasked(LookupError):
    """A check has nothing to ask, for want of what another one tells about."""

    without = "without an answer"


class Undecided(Unasked):
    """The stack has no plan: its placements do not fit, or nobody has decided them."""

    without = "without a plan"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What is checked, and where.

    Attributes:
        config: The stack's file.
        pinned: What was looked up once.
        decided: The plan, or why there is none.
        account: Where it would stand.
        now: The time of the check.
        deployer: ARN of the role that runs `pulumi up`, where who asks is another.
    """

    config: StackConfig
    pinned: Pinned
    decided: Plan | str
    account: Account
    now: datetime
    deployer: str | None = None

    @property
    def plan(self) -> Plan:
        """Everything decided.

        Raises:
            Undecided: nothing is.
        """
        if isinstance(self.decided, str):
            raise Undecided(self.decided)
        return self.decided

    @property
    def stack(self) -> str:
        """Its name."""
        return self.config.name

    def is_own(self, thing: Any) -> bool:
        """Whether something that EC2 describes is the stack's already."""
        return tags_of(thing.get("Tags")).get(STACK_TAG) == self.stack

    @cached_property
    def caller(self) -> dict[str, Any]:
        """Whose credentials these are, as STS answers."""
        return self.account.client("sts").get_caller_identity()

    def cluster(self) -> dict[str, Any] | None:
        """EKS's description of the stack's cluster; None where there is none yet."""
        try:
            name = cluster_name(self.stack)
            return self.account.client("eks").describe_cluster(name=name)["cluster"]
        except FAILURES as error:
            if is_gone(error):
                return None
            raise
