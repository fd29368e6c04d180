"""What AWS still holds of a stack that Pulumi no longer knows; and how it goes."""

from collections.abc import Callable
from dataclasses import dataclass

from r1_on_eks.operations.account import FAILURES, Account
from r1_on_eks.operations.inventory import KINDS, Thing
from r1_on_eks.operations.inventory.strangers import BLOCKS, strangers
from r1_on_eks.operations.monthly import usd_per_month
from r1_on_eks.operations.recovery import Unsettled, delete_and_wait
from r1_on_eks.plan.names import NAME_TAG

# No list of them helps anybody.
_PARTS = ("Rule",)
_PENDING_DELETION = "PendingDeletion"


@dataclass(frozen=True)
class Leftover:
    """One thing that was left.

    Attributes:
        thing: What it is.
        ours: Whether it carries the stack's tag, so that it may be deleted.
        usd_per_month: Without traffic; None where no price is known.
        blocks: What a destroy can't delete because of it.
        remove: For what isn't ours: what a person types.
    """

    thing: Thing
    ours: bool
    usd_per_month: float | None
    blocks: tuple[str, ...] = ()
    remove: str = ""

    @property
    def name(self) -> str:
        """The program's name of it, or what AWS describes it as."""
        tags, about = self.thing.tags, self.thing.about
        told = about.get("Description") or about.get("GroupName") or about.get("LoadBalancerName")
        return tags.get(NAME_TAG) or str(told or "")

    @property
    def goes_by_itself(self) -> bool:
        """Whether it is a key that KMS deletes after its window: the usual residue."""
        return self.thing.status == _PENDING_DELETION


def leftovers(account: Account, stack: str, known: set[str]) -> list[Leftover]:
    """What is left, in the order in which it can be deleted.

    Args:
        account: Where.
        stack: Whose.
        known: Ids that Pulumi's state holds: those are no leftovers.
    """
    region = account.region
    ours = [
        Leftover(thing, True, usd_per_month(thing, region))
        for kind in KINDS.values()
        if not kind.token.endswith(_PARTS)
        for thing in kind.things(account, stack)
        if thing.id not in known
    ]
    others = [
        Leftover(
            thing, False, usd_per_month(thing, region), BLOCKS[thing.kind].what,
            BLOCKS[thing.kind].remove.format(id=thing.id),
        )
        for thing in strangers(account, stack)
        if thing.id not in known
    ]  # fmt: skip
    return [*ours, *others]


def parts(account: Account, stack: str) -> list[Leftover]:
    """Rules of security groups, also of groups that aren't ours.

    They go before all else: EKS leaves a cluster's own group behind that one of ours names, or
    that names one of ours, and then neither group nor the network can be deleted.
    """
    return [
        Leftover(thing, True, 0.0)
        for kind in KINDS.values()
        if kind.token.endswith(_PARTS)
        for thing in kind.things(account, stack)
    ]


def delete(found: list[Leftover], account: Account, say: Callable[[str], None]) -> list[str]:
    """Deletes what is ours, kind by kind; what AWS refuses is told, and the rest goes on.

    Security groups that name each other go in a second round, and what waits for them after it.

    Returns one line for each refusal; afterwards it can be asked for again.
    """
    left = [one for one in found if one.ours and not one.goes_by_itself]
    while left:
        refused: dict[str, str] = {}
        for number, one in enumerate(left, start=1):
            say(f"[{number}/{len(left)}] deleting {one.thing.kind} {one.thing.id}")
            try:
                delete_and_wait(one.thing, account)
            except (*FAILURES, Unsettled) as error:
                refused[one.thing.id] = f"{one.thing.kind} {one.thing.id}: {error}"
        still = [one for one in left if one.thing.id in refused]
        if len(still) == len(left):
            return [*refused.values()]
        left = still
    return []
