"""What the sections of a stack file are made of."""

import difflib
import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
)

# Fewer choices than this are all named; of more, the nearest.
_LISTED = 5


def row_of(rows: Mapping[str, object], what: str) -> AfterValidator:
    """Accepts the keys of a table of the catalogue alone."""

    def check(value: str) -> str:
        if value in rows:
            return value
        nearest = difflib.get_close_matches(value, rows, n=1) if len(rows) > _LISTED else []
        known = ", ".join(list(rows)[:_LISTED])
        more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
        hint = f"did you mean {nearest[0]}?" if nearest else f"known are {known}{more}"
        raise ValueError(f"is not {what} of the catalogue; {hint}")

    return AfterValidator(check)


def _network(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError("is no IPv4 range; write 203.0.113.0/24") from None
    if str(network) != value:
        raise ValueError(f"is not how that range is written; write {network}")
    if network.prefixlen == 0:
        raise ValueError("opens it to everybody; name the ranges that you call from")
    return value


def pattern(expression: str) -> StringConstraints:
    """Accepts what a regular expression describes."""
    return StringConstraints(pattern=expression)


Network = Annotated[str, AfterValidator(_network)]


class Section(BaseModel):
    """A mapping of a stack file: frozen, and without keys that nobody knows."""

    # Deferred: a program builds the validators of what it parses, not those of every section.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class PublicFrom(Section):
    """Reachable from these IPv4 ranges of the internet."""

    public_from: Annotated[tuple[Network, ...], Field(min_length=1, strict=False)]
    """IPv4 ranges, 203.0.113.0/24; never the whole internet."""


def word_or_section(value: Any) -> str:
    """Which branch of `Either` a value takes: a word, or a mapping."""
    return "_section" if isinstance(value, Mapping | Section) else "_word"


Ranges = Annotated[PublicFrom, Tag("_section")]
Either = Discriminator(word_or_section)
