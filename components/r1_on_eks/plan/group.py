"""One replica over several nodes: pods that start, work and end together.

vLLM's own way over nodes, without Ray: every node runs the same command with its rank; the first
one answers requests, the others are headless. Tensor parallelism stays inside a node, where GPUs
have NVLink; between nodes are pipeline stages, which pass on little.
"""

from dataclasses import dataclass

from r1_on_eks.plan.placement import Placement
from r1_on_eks.plan.server import ModelServer

# PyTorch's rendezvous on the leader; vLLM's own default, said since workers ask for it too.
RENDEZVOUS_PORT = 29501
# Every node of a pool carries it, and a pool of nodes that share a replica is one placement group.
TOPOLOGY_KEY = "eks.amazonaws.com/nodegroup"
EFA_RESOURCE = "vpc.amazonaws.com/efa"
# libfabric's buffers; what AWS's own EFA manifests ask for (awslabs/awsome-distributed-ai), and
# less than the EKS image sets aside.
HUGE_PAGES = {"hugepages-2Mi": "5120Mi"}
# What LeaderWorkerSet sets in every container of a group.
_LEADER, _RANK = "$(LWS_LEADER_ADDRESS)", "$(LWS_WORKER_INDEX)"
# A worker is needed until the leader's last answer is out: then its rendezvous closes.
_UNTIL_THE_LEADER_ENDS = (
    f"while (: < /dev/tcp/$LWS_LEADER_ADDRESS/{RENDEZVOUS_PORT}) 2> /dev/null; do sleep 2; done"
)


@dataclass(frozen=True, kw_only=True)
class Group:
    """What a LeaderWorkerSet holds beyond the server of one node.

    Attributes:
        name: Of the LeaderWorkerSet. Not the server's: it becomes a headless Service of all pods.
        size: Pods of a group, one for each node.
        leader_arguments: vLLM's command line on the first node.
        worker_arguments: The same on all others.
        worker_stop: What a worker does before it is ended.
        devices: Extended resources of each pod: EFA adapters and the pages that they pin.
        topology_key: Node label; a group is on nodes with one value of it, and alone there.
    """

    name: str
    size: int
    leader_arguments: tuple[str, ...]
    worker_arguments: tuple[str, ...]
    worker_stop: tuple[str, ...]
    devices: dict[str, str]
    topology_key: str


def group_of(placement: Placement, server: ModelServer) -> Group | None:
    """The group of each replica, or None where a replica is on one node."""
    if placement.stages == 1:
        return None
    together = (
        *server.arguments,
        "--distributed-executor-backend", "mp",
        "--nnodes", str(placement.stages),
        "--node-rank", _RANK,
        "--master-addr", _LEADER,
        "--master-port", str(RENDEZVOUS_PORT),
        # The first node waits for the image of the last.
        "--distributed-timeout-seconds", str(server.timeline.progress_deadline_seconds),
    )  # fmt: skip
    adapters = placement.instance.efa_interfaces
    return Group(
        name=f"{server.name}-group",
        size=placement.stages,
        leader_arguments=together,
        worker_arguments=(*together, "--headless"),
        worker_stop=("bash", "-c", _UNTIL_THE_LEADER_ENDS),
        devices={EFA_RESOURCE: str(adapters), **HUGE_PAGES} if adapters else {},
        topology_key=TOPOLOGY_KEY,
    )
