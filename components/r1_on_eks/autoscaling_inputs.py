"""What each component of autoscaling is given, as inputs.py says it of all others."""

from collections.abc import Sequence

from pulumi import Resource

from r1_on_eks.catalog.images import CLUSTER_AUTOSCALERS
from r1_on_eks.plan import Plan
from r1_on_eks.plan.autoscaling import autoscaler_arguments
from r1_on_eks.plan.names import cluster_name
from r1_on_eks.plan.scaled_objects import scaled_object_spec
from r1_on_eks.resources.autoscaling_namespace import (
    AutoscalingNamespace,
    AutoscalingNamespaceArgs,
)
from r1_on_eks.resources.cluster import Cluster
from r1_on_eks.resources.cluster_autoscaler import ClusterAutoscalerArgs
from r1_on_eks.resources.keda import KedaArgs
from r1_on_eks.resources.replica_scaling import ReplicaScalingArgs
from r1_on_eks.resources.serving_namespace import ServingNamespace
from r1_on_eks.resources.system_pool import SystemPool


def namespace(plan: Plan, cluster: Cluster) -> AutoscalingNamespaceArgs:
    """Of where it runs."""
    return AutoscalingNamespaceArgs(cluster=cluster.resource, policies=plan.autoscaling_policies)


def autoscaler(
    plan: Plan, cluster: Cluster, space: AutoscalingNamespace, system: SystemPool
) -> ClusterAutoscalerArgs:
    """Of what sizes the pools."""
    tag = cluster_name(plan.stack)
    return ClusterAutoscalerArgs(
        stack=plan.stack,
        account=plan.account,
        region=plan.region,
        cluster=cluster.resource,
        cluster_name=cluster.resource.name,
        namespace=space.namespace,
        tag=tag,
        image=CLUSTER_AUTOSCALERS[plan.kubernetes],
        arguments=autoscaler_arguments(tag, plan.gpu_pools, plan.system_pool),
        after=[system],
    )


def keda(
    plan: Plan,
    cluster: Cluster,
    space: AutoscalingNamespace,
    serving: ServingNamespace,
    system: SystemPool,
) -> Sequence[KedaArgs]:
    """Of what scales replicas, where some are."""
    if not plan.scaled:
        return ()
    args = KedaArgs(
        cluster=cluster.resource,
        namespace=space.namespace,
        serving_namespace=serving.namespace,
        after=[system],
    )
    return (args,)


def replicas(
    plan: Plan, cluster: Cluster, serving: ServingNamespace, after: Sequence[Resource]
) -> Sequence[ReplicaScalingArgs]:
    """Of how the replicas follow, where some do."""
    if not plan.scaled:
        return ()
    args = ReplicaScalingArgs(
        cluster=cluster.resource,
        namespace=serving.namespace,
        specs={
            model.name: scaled_object_spec(model.scaling) for model in plan.scaled if model.scaling
        },
        after=after,
    )
    return (args,)
