"""Why one resource comes before another: every edge of the program, with its reason.

An `up` takes as long as the longest path of these edges, and a destroy goes them backwards: so no
edge may be there without a reason. A test holds the program to the table and the table to it.
Where one edge follows from others, the others need the reason.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from r1_on_eks.plan.order.edge import Edge
from r1_on_eks.plan.order.in_cluster import IN_CLUSTER
from r1_on_eks.plan.order.on_aws import ON_AWS
from r1_on_eks.plan.order.watching import WATCHING

EDGES = (*ON_AWS, *IN_CLUSTER, *WATCHING)


def edge_of(later: str, earlier: str, edges: Iterable[Edge] = EDGES) -> Edge | None:
    """The row that explains why `later` waits for `earlier`, None where none does.

    Args:
        later: `TYPE NAME`, `NodeGroup system`.
        earlier: The same.
        edges: The table.
    """
    return next(
        (
            edge
            for edge in edges
            if fnmatchcase(later, edge.later) and fnmatchcase(earlier, edge.earlier)
        ),
        None,
    )
