"""What Pulumi knows of a stack that stands, as something that can be priced."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from r1_on_eks.cost.declared import Declaration, Declared
from r1_on_eks.cost.preview import declared_in

_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"


def declaration_of(
    resources: Iterable[Mapping[str, Any]], nodes: Mapping[str, int]
) -> Declaration:
    """The resources of a deployment.

    Args:
        resources: As `pulumi stack export` tells them.
        nodes: How many each node group has now, by AWS's name of it; others as declared.
    """
    found = [declared_in(one["urn"], one) for one in resources]
    return Declaration({one.urn: _as_it_is(one, nodes) for one in found})


def _as_it_is(one: Declared, nodes: Mapping[str, int]) -> Declared:
    now = nodes.get(str(one.get("nodeGroupName")))
    if one.type != _NODE_GROUP or now is None:
        return one
    scaling = {**(one.get("scalingConfig") or {}), "desiredSize": now}
    return replace(one, inputs={**one.inputs, "scalingConfig": scaling})
