"""What a cluster autoscaler reads of a group that has no node yet."""

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.plan.group import EFA_RESOURCE, HUGE_PAGES
from r1_on_eks.plan.interfaces import EFA
from r1_on_eks.plan.pools import Pool

_TEMPLATE = "k8s.io/cluster-autoscaler/node-template"


def node_template(pool: Pool) -> dict[str, str]:
    """Tags of its Auto Scaling group: labels, taint, GPUs and adapters that a node would have.

    Source: kubernetes/autoscaler cluster-autoscaler/cloudprovider/aws/README.md, "Scaling a node
    group to 0", 2026-11. EKS itself adds the tags by which the autoscaler finds the group.
    """
    labels = {f"{_TEMPLATE}/label/{key}": value for key, value in pool.labels.items()}
    taints = {f"{_TEMPLATE}/taint/{key}": "true:NoSchedule" for key in pool.taints}
    gpus = INSTANCE_TYPES[pool.instance_type].gpus
    resources = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    if adapters := [one for one in pool.interfaces if one.kind == EFA]:
        resources |= {EFA_RESOURCE: str(len(adapters)), **HUGE_PAGES}
    offered = {f"{_TEMPLATE}/resources/{key}": value for key, value in resources.items()}
    return {**labels, **taints, **offered}
