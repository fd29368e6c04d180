"""A row of the table, and reasons that several of them have."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edge:
    """`later` is made after `earlier`, and deleted before it.

    Attributes:
        later: `TYPE NAME` of Pulumi, by its last word and with wildcards: `Addon cluster-*`.
        earlier: The same of what it waits for.
        why: What happens otherwise.
    """

    later: str
    earlier: str
    why: str


NAMES_IT = "it is made with the other's id; AWS refuses to delete what another one names"
NAMESPACE = "the API server takes objects of a namespace that exists"
