"""The program: configuration → plan → components, joined as in the README's picture."""

from collections.abc import Mapping
from datetime import date

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from r1_on_eks.plan import DoesNotFit, Model, Plan, Pool
from r1_on_eks.plan.names import HOW_TO_LIFT_PROTECTION, NAMESPACE, cluster_name, stack_tags
from r1_on_eks.plan.upgrades import is_due, upgrade_told
from r1_on_eks.resources.accelerators import Accelerators, AcceleratorsArgs
from r1_on_eks.resources.cluster import Cluster, ClusterArgs
from r1_on_eks.resources.gateway import Gateway, GatewayArgs
from r1_on_eks.resources.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from r1_on_eks.resources.model_service import ModelService, ModelServiceArgs
from r1_on_eks.resources.model_storage import ModelStorage, ModelStorageArgs
from r1_on_eks.resources.network import Network, NetworkArgs
from r1_on_eks.resources.protection import Protection, ProtectionArgs
from r1_on_eks.resources.serving_namespace import ServingNamespace, ServingNamespaceArgs
from r1_on_eks.resources.system_pool import SystemPool, SystemPoolArgs
from r1_on_eks.resources.weights_reader import WeightsReader, WeightsReaderArgs
from r1_on_eks.stack_config import FileSystem, Pin, StackConfig


def declare(
    config: StackConfig, pins: Mapping[str, Pin], file_system: FileSystem | None = None
) -> None:
    """Declares one stack.

    Args:
        config: What is wanted.
        pins: Placements by variant, as they were decided once.
        file_system: The file system of the weights, as it was decided once.

    Raises:
        NotPinned: nobody has decided where a variant or its weights stand.
        DoesNotFit: a variant or its weights do not fit where they were put.
    """
    plan = Plan.of(config, pins, file_system)
    _refuse_what_spans_nodes(plan)
    if is_due(plan.kubernetes, date.today()):
        pulumi.warn(upgrade_told(plan.kubernetes, date.today()))
    account = _account(plan)
    on_aws = ResourceOptions(providers=[account])
    network = Network("network", _network(plan), on_aws)
    cluster = Cluster("cluster", _cluster(plan, network), on_aws)
    system = SystemPool("system", _system_pool(plan, network, cluster), on_aws)

    inside = ResourceOptions(providers=[account, _kubernetes(cluster)])
    gpus = Accelerators("accelerators", AcceleratorsArgs(cluster=cluster.resource), inside)
    serving = ServingNamespace("serving", _serving(plan, cluster), inside)
    storage = _storage(plan, network, cluster, serving, system, inside)
    # A p4d costs $22 an hour: it starts when all that it waits for stands.
    before: list[pulumi.Resource] = [system, storage] if storage else [system]
    pools = {
        pool.name: GpuNodePool(pool.name, _gpu_pool(plan, network, cluster, pool, before), on_aws)
        for pool in plan.gpu_pools
    }
    everything = [network, cluster, gpus, serving, *before, *pools.values()]
    for model in plan.models:
        readers = _weights_readers(plan, model, cluster, on_aws)
        service = ModelService(
            model.name,
            ModelServiceArgs(
                cluster=cluster.resource,
                namespace=serving.namespace,
                server=model.server,
                pool=model.pool,
                claim_name=storage.claim_name if storage else None,
                after=[pools[model.pool], gpus, *readers],
            ),
            inside,
        )
        everything = [*everything, *readers, service]
    gateway = Gateway("gateway", _gateway(plan, network, cluster, system, serving), inside)
    Protection(
        HOW_TO_LIFT_PROTECTION,
        ProtectionArgs(protected=plan.protected, everything=[*everything, gateway]),
    )

    pulumi.export("cluster", cluster.resource.name)
    pulumi.export("gateway", gateway.url)
    pulumi.export("routes", plan.gateway.paths)


def _refuse_what_spans_nodes(plan: Plan) -> None:
    # A Deployment's pod is on one node.
    for model in plan.models:
        if model.placement.stages > 1:
            raise DoesNotFit(
                f"variants.{model.placement.variant.name}.stages: {model.placement.stages};"
                " replicas over several nodes are planned, but cannot be declared yet"
            )


def _account(plan: Plan) -> aws.Provider:
    return aws.Provider("aws", region=plan.region, default_tags={"tags": stack_tags(plan.stack)})


def _network(plan: Plan) -> NetworkArgs:
    return NetworkArgs(
        region=plan.region, blocks=plan.blocks, endpoint_services=plan.endpoint_services
    )


def _cluster(plan: Plan, network: Network) -> ClusterArgs:
    return ClusterArgs(
        stack=cluster_name(plan.stack),
        region=plan.region,
        version=plan.kubernetes,
        subnet_ids=network.private_subnet_ids,
        endpoint_from=plan.endpoint_from,
        admins=plan.admins,
        protected=plan.protected,
    )


def _system_pool(plan: Plan, network: Network, cluster: Cluster) -> SystemPoolArgs:
    return SystemPoolArgs(
        stack=plan.stack,
        cluster_name=cluster.resource.name,
        node_role_arn=cluster.node_role_arn,
        subnet_ids=network.private_subnet_ids,
        pool=plan.system_pool,
        lustre=plan.storage is not None,
        after=[network, cluster],
    )


def _gpu_pool(
    plan: Plan,
    network: Network,
    cluster: Cluster,
    pool: Pool,
    before: list[pulumi.Resource],
) -> GpuNodePoolArgs:
    return GpuNodePoolArgs(
        cluster_name=cluster.resource.name,
        node_role_arn=cluster.node_role_arn,
        subnet_id=network.private_subnet_ids[plan.gpu_zone],
        pool=pool,
        after=before,
    )


def _kubernetes(cluster: Cluster) -> kubernetes.Provider:
    return kubernetes.Provider(
        "kubernetes",
        kubeconfig=cluster.kubeconfig,
        cluster_identifier=cluster.resource.arn,
        # The gateway's ConfigMap has a name that people know; it is changed, not replaced.
        enable_config_map_mutable=True,
        # Its admins must be let in before anything is asked of it.
        opts=ResourceOptions(depends_on=[cluster]),
    )


def _serving(plan: Plan, cluster: Cluster) -> ServingNamespaceArgs:
    return ServingNamespaceArgs(cluster=cluster.resource, policies=plan.policies)


def _storage(
    plan: Plan,
    network: Network,
    cluster: Cluster,
    serving: ServingNamespace,
    system: SystemPool,
    inside: ResourceOptions,
) -> ModelStorage | None:
    if plan.storage is None or plan.preload is None:
        return None
    args = ModelStorageArgs(
        cluster=cluster.resource,
        vpc_id=network.vpc_id,
        subnet_id=network.private_subnet_ids[plan.gpu_zone],
        client_security_group_id=cluster.security_group_id,
        bucket=plan.bucket,
        file_system=plan.storage.file_system,
        namespace=serving.namespace,
        preload=plan.preload,
        after=[system],
        protected=plan.protected,
    )
    return ModelStorage("storage", args, inside)


def _weights_readers(
    plan: Plan, model: Model, cluster: Cluster, on_aws: ResourceOptions
) -> list[WeightsReader]:
    """None where weights come from the file system."""
    if plan.storage is not None:
        return []
    args = WeightsReaderArgs(
        stack=plan.stack,
        cluster_name=cluster.resource.name,
        bucket=plan.bucket,
        namespace=NAMESPACE,
        service_account=model.name,
        tags=model.tags,
    )
    return [WeightsReader(f"{model.name}-weights", args, on_aws)]


def _gateway(
    plan: Plan, network: Network, cluster: Cluster, system: SystemPool, serving: ServingNamespace
) -> GatewayArgs:
    return GatewayArgs(
        cluster=cluster.resource,
        namespace=serving.namespace,
        gateway=plan.gateway,
        vpc_id=network.vpc_id,
        subnet_ids=network.private_subnet_ids
        if plan.gateway.internal
        else network.public_subnet_ids,
        node_security_group_id=cluster.security_group_id,
        autoscaling_group_name=system.autoscaling_group_name,
        protected=plan.protected,
        after=[system],
    )
