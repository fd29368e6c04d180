"""One thing that exists in AWS, and what is known of its kind."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from r1_on_eks.operations.account import Account


@dataclass(frozen=True)
class Thing:
    """Something in AWS.

    Attributes:
        kind: Pulumi's type, `aws:ec2/vpc:Vpc`.
        id: As Pulumi knows it.
        tags: All of them.
        status: AWS's own word, where it has one.
        created: When, where AWS tells.
        about: AWS's whole answer.
    """

    kind: str
    id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    created: datetime | None = None
    about: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Kind:
    """One kind of thing.

    Attributes:
        token: Pulumi's type.
        things: Those of a stack that carry its tag.
        delete: Removes one; AWS may take minutes after it.
        working: Statuses in which AWS has not decided yet.
        broken: Statuses in which it is of no use.
    """

    token: str
    things: Callable[[Account, str], Iterable[Thing]]
    delete: Callable[[Account, Thing], Any]
    working: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def tags_of(pairs: Iterable[Mapping[str, str]] | Mapping[str, str] | None) -> dict[str, str]:
    """Tags as a mapping, however the service writes them."""
    if isinstance(pairs, Mapping):
        return cast("dict[str, str]", dict(pairs))
    return {
        pair.get("Key", pair.get("TagKey", "")): pair.get("Value", pair.get("TagValue", ""))
        for pair in pairs or ()
    }
