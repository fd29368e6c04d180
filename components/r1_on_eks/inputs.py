"""What each component is given: by the plan, and by the components before it.

What not every stack has comes in sequences of one or none, as its inputs do.
"""

from collections.abc import Sequence

from pulumi import Resource

from r1_on_eks.catalog.images import every_image
from r1_on_eks.plan import Model, Plan, Pool
from r1_on_eks.plan.autoscaling import node_template
from r1_on_eks.plan.images import caches_of
from r1_on_eks.plan.names import (
    NAMESPACE,
    cluster_log_group,
    cluster_name,
    flow_log_group,
    stack_tags,
)
from r1_on_eks.resources.accelerators import AcceleratorsArgs
from r1_on_eks.resources.cluster import Cluster, ClusterArgs
from r1_on_eks.resources.gateway import GatewayArgs
from r1_on_eks.resources.gpu_node_pool import GpuNodePoolArgs
from r1_on_eks.resources.image_mirror import ImageMirrorArgs
from r1_on_eks.resources.interconnect import Interconnect, InterconnectArgs
from r1_on_eks.resources.leader_worker_sets import LeaderWorkerSetsArgs
from r1_on_eks.resources.model_service import ModelServiceArgs
from r1_on_eks.resources.model_storage import ModelStorage, ModelStorageArgs
from r1_on_eks.resources.network import Network, NetworkArgs
from r1_on_eks.resources.quality_checks import QualityChecksArgs
from r1_on_eks.resources.serving_namespace import ServingNamespace, ServingNamespaceArgs
from r1_on_eks.resources.stack_key import StackKey, StackKeyArgs
from r1_on_eks.resources.system_pool import SystemPool, SystemPoolArgs
from r1_on_eks.resources.weights_preload import WeightsPreloadArgs
from r1_on_eks.resources.weights_reader import WeightsReaderArgs
from r1_on_eks.resources.weights_sync import WeightsSyncArgs


def key(plan: Plan) -> StackKeyArgs:
    """Of the key of logs, volumes and secrets."""
    return StackKeyArgs(
        stack=plan.stack,
        account=plan.account,
        region=plan.region,
        log_groups=[cluster_log_group(plan.stack), flow_log_group(plan.stack)],
        protected=plan.protected,
    )


def network(plan: Plan, key: StackKey) -> NetworkArgs:
    """Of the network, made or given."""
    return NetworkArgs(
        stack=plan.stack,
        account=plan.account,
        region=plan.region,
        network=plan.network,
        key_arn=key.arn,
        log_days=plan.log_days,
    )


def mirror(plan: Plan, cluster: Cluster, key: StackKey) -> Sequence[ImageMirrorArgs]:
    """Of the copy of all images, where the stack file wants one."""
    if plan.images.mirror is None:
        return ()
    args = ImageMirrorArgs(
        account=plan.account,
        region=plan.region,
        caches=caches_of(plan.images.mirror, every_image()),
        key_arn=key.arn,
        node_role=cluster.node_role_name,
    )
    return (args,)


def cluster(plan: Plan, network: Network, key: StackKey) -> ClusterArgs:
    """Of the control plane and its add-ons."""
    return ClusterArgs(
        stack=cluster_name(plan.stack),
        region=plan.region,
        versions=plan.versions,
        key_arn=key.arn,
        log_days=plan.log_days,
        subnet_ids={zone: network.private_subnet_ids[zone] for zone in plan.zones.control_plane},
        endpoint_from=plan.endpoint_from,
        admins=plan.admins,
        protected=plan.protected,
    )


def system_pool(plan: Plan, network: Network, cluster: Cluster) -> SystemPoolArgs:
    """Of the nodes without GPUs."""
    return SystemPoolArgs(
        stack=plan.stack,
        cluster_name=cluster.resource.name,
        node_role_arn=cluster.node_role_arn,
        subnet_ids=network.private_subnet_ids,
        pool=plan.system_pool,
        versions=plan.versions,
        lustre=plan.storage is not None,
        after=[network, cluster],
    )


def gpu_pool(
    plan: Plan,
    pool: Pool,
    network: Network,
    cluster: Cluster,
    fabric: Sequence[Interconnect],
    after: Sequence[Resource],
) -> GpuNodePoolArgs:
    """Of the nodes of one pool."""
    return GpuNodePoolArgs(
        cluster_name=cluster.resource.name,
        node_role_arn=cluster.node_role_arn,
        subnet_id=network.private_subnet_ids[plan.gpu_zone],
        pool=pool,
        versions=plan.versions,
        node_template=node_template(pool, cluster_name(plan.stack)) if plan.autoscaled else {},
        security_group_ids=[
            cluster.security_group_id,
            *(one.security_group_id for one in fabric),
        ],
        after=after,
    )


def accelerators(cluster: Cluster) -> AcceleratorsArgs:
    """Of what makes GPUs known to the scheduler."""
    return AcceleratorsArgs(cluster=cluster.resource)


def interconnect(plan: Plan, network: Network, cluster: Cluster) -> Sequence[InterconnectArgs]:
    """Of the network between GPUs, where a replica is over several nodes."""
    if not plan.spans_nodes:
        return ()
    tags = stack_tags(plan.stack)
    return (InterconnectArgs(cluster=cluster.resource, vpc_id=network.vpc_id, tags=tags),)


def groups(plan: Plan, cluster: Cluster, system: SystemPool) -> Sequence[LeaderWorkerSetsArgs]:
    """Of the controller of groups of pods, where a replica is over several nodes."""
    if not plan.spans_nodes:
        return ()
    return (LeaderWorkerSetsArgs(cluster=cluster.resource, after=[system]),)


def serving(plan: Plan, cluster: Cluster) -> ServingNamespaceArgs:
    """Of the namespace of gateway and models."""
    return ServingNamespaceArgs(cluster=cluster.resource, policies=plan.policies)


def storage(
    plan: Plan, network: Network, cluster: Cluster, key: StackKey, serving: ServingNamespace
) -> Sequence[ModelStorageArgs]:
    """Of the file system of the weights, where they are not streamed."""
    if plan.storage is None:
        return ()
    args = ModelStorageArgs(
        cluster=cluster.resource,
        vpc_id=network.vpc_id,
        subnet_id=network.private_subnet_ids[plan.gpu_zone],
        client_security_group_id=cluster.security_group_id,
        bucket=plan.bucket,
        key_arn=key.arn,
        file_system=plan.storage.file_system,
        namespace=serving.namespace,
        protected=plan.protected,
    )
    return (args,)


def sync(
    plan: Plan, cluster: Cluster, serving: ServingNamespace, system: SystemPool
) -> Sequence[WeightsSyncArgs]:
    """Of the Job that brings weights into the bucket, where a stack asks for it."""
    if plan.sync is None:
        return ()
    args = WeightsSyncArgs(
        stack=plan.stack,
        cluster=cluster.resource,
        cluster_name=cluster.resource.name,
        namespace=serving.namespace,
        sync=plan.sync,
        tags=stack_tags(plan.stack),
        after=[system],
    )
    return (args,)


def preload(
    model: Model,
    cluster: Cluster,
    serving: ServingNamespace,
    storage: Sequence[ModelStorage],
    after: Sequence[Resource],
) -> Sequence[WeightsPreloadArgs]:
    """Of the first read of one variant's weights, where a file system holds them."""
    return [
        WeightsPreloadArgs(
            cluster=cluster.resource,
            namespace=serving.namespace,
            claim_name=one.claim_name,
            variant=model.placement.variant.name,
            preload=model.preload,
            after=after,
        )
        for one in storage
        if model.preload
    ]


def reader(plan: Plan, model: Model, cluster: Cluster) -> Sequence[WeightsReaderArgs]:
    """Of the right to read one variant's weights, where they are streamed."""
    if plan.storage is not None:
        return ()
    args = WeightsReaderArgs(
        stack=plan.stack,
        cluster_name=cluster.resource.name,
        bucket=plan.bucket,
        namespace=NAMESPACE,
        service_account=model.name,
        tags=model.tags,
    )
    return (args,)


def model_service(
    model: Model,
    cluster: Cluster,
    serving: ServingNamespace,
    storage: Sequence[ModelStorage],
    after: Sequence[Resource],
) -> ModelServiceArgs:
    """Of the server of one variant."""
    return ModelServiceArgs(
        cluster=cluster.resource,
        namespace=serving.namespace,
        server=model.server,
        scaled=model.scaling is not None,
        group=model.group,
        pool=model.pool,
        server_key_secret=serving.server_key_secret,
        claim_name=next((one.claim_name for one in storage), None),
        after=after,
    )


def gateway(
    plan: Plan, network: Network, cluster: Cluster, system: SystemPool, serving: ServingNamespace
) -> GatewayArgs:
    """Of the way in."""
    return GatewayArgs(
        cluster=cluster.resource,
        namespace=serving.namespace,
        gateway=plan.gateway,
        server_key_secret=serving.server_key_secret,
        vpc_id=network.vpc_id,
        subnet_ids=network.private_subnet_ids
        if plan.gateway.internal
        else network.public_subnet_ids,
        node_security_group_id=cluster.security_group_id,
        autoscaling_group_name=system.autoscaling_group_name,
        protected=plan.protected,
        after=[system],
    )


def quality(
    plan: Plan, cluster: Cluster, serving: ServingNamespace, system: SystemPool
) -> Sequence[QualityChecksArgs]:
    """Of the questions that are put to the models, where the stack file has any."""
    if not plan.quality:
        return ()
    args = QualityChecksArgs(
        cluster=cluster.resource,
        namespace=serving.namespace,
        server_key_secret=serving.server_key_secret,
        checks=plan.quality,
        after=[system],
    )
    return (args,)
