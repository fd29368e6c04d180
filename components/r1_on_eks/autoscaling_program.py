"""The program's part that scales a stack: joined as in program.py, which calls it once."""

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import Resource, ResourceOptions

from r1_on_eks import autoscaling_inputs as inputs
from r1_on_eks.plan import Plan
from r1_on_eks.resources.autoscaling_namespace import AutoscalingNamespace
from r1_on_eks.resources.cluster import Cluster
from r1_on_eks.resources.cluster_autoscaler import ClusterAutoscaler
from r1_on_eks.resources.keda import Keda
from r1_on_eks.resources.replica_scaling import ReplicaScaling
from r1_on_eks.resources.serving_namespace import ServingNamespace
from r1_on_eks.resources.system_pool import SystemPool
from r1_on_eks.wanted import wanted


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """The components that autoscaling stands in and acts on.

    Attributes:
        cluster: The cluster.
        system: Nodes of everything that serves no model.
        serving: The namespace of the models.
        models: What is scaled.
    """

    cluster: Cluster
    system: SystemPool
    serving: ServingNamespace
    models: Sequence[Resource]


def scale(plan: Plan, of: Scaled, inside: ResourceOptions) -> list[Resource]:
    """Declares the autoscaling that a stack file asks for; returns its components.

    Args:
        plan: What is decided.
        of: What it stands in and acts on.
        inside: Options of what is in the cluster.
    """
    if not plan.autoscaled:
        return []
    cluster, system, serving = of.cluster, of.system, of.serving
    space = AutoscalingNamespace("autoscaling", inputs.namespace(plan, cluster), inside)
    sizes = ClusterAutoscaler(
        "cluster-autoscaler", inputs.autoscaler(plan, cluster, space, system), inside
    )
    keda = wanted(Keda, "keda", inputs.keda(plan, cluster, space, serving, system), inside)
    follow = inputs.replicas(plan, cluster, serving, [*keda, *of.models])
    return [space, sizes, *keda, *wanted(ReplicaScaling, "scaling", follow, inside)]
