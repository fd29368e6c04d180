"""What the server of one variant is given."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from r1_on_eks.plan.group import Group
from r1_on_eks.plan.server import ModelServer


@dataclass(frozen=True, kw_only=True)
class ModelServiceArgs:
    """Inputs of `ModelService`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Kubernetes namespace.
        server: Command line, size and limits on the start.
        scaled: Whether an autoscaler decides how many replicas there are.
        group: How a replica is laid over nodes, or None where it is on one.
        pool: Label value of the nodes that it runs on.
        server_key_secret: Secret with the key that it asks for.
        claim_name: Claim that holds the weights, or None where they are streamed.
        after: What its pods need: nodes, GPUs, permissions.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    server: ModelServer
    scaled: bool = False
    group: Group | None = None
    pool: str
    server_key_secret: pulumi.Input[str]
    claim_name: pulumi.Input[str] | None
    after: Sequence[pulumi.Resource]
