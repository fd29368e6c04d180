"""The program: configuration → plan → components, joined as in the README's picture."""

from collections.abc import Mapping, Sequence
from datetime import date

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import Resource, ResourceOptions

from r1_on_eks.catalog.images import every_image
from r1_on_eks.monitoring_program import Surroundings, declare_monitoring
from r1_on_eks.plan import Model, Plan, Pool
from r1_on_eks.plan.autoscaling import node_template
from r1_on_eks.plan.images import caches_of, in_pods
from r1_on_eks.plan.names import (
    HOW_TO_LIFT_PROTECTION,
    NAMESPACE,
    cluster_log_group,
    cluster_name,
    flow_log_group,
    stack_tags,
)
from r1_on_eks.plan.storage import replacement_told
from r1_on_eks.plan.upgrades import is_due, upgrade_told
from r1_on_eks.plan.versions import pins_of, refuse_unpinned
from r1_on_eks.resources.accelerators import Accelerators, AcceleratorsArgs
from r1_on_eks.resources.cluster import Cluster, ClusterArgs
from r1_on_eks.resources.gateway import Gateway, GatewayArgs
from r1_on_eks.resources.gpu_node_pool import GpuNodePool, GpuNodePoolArgs
from r1_on_eks.resources.image_mirror import ImageMirror, ImageMirrorArgs
from r1_on_eks.resources.interconnect import Interconnect, InterconnectArgs
from r1_on_eks.resources.leader_worker_sets import LeaderWorkerSets, LeaderWorkerSetsArgs
from r1_on_eks.resources.model_service import ModelService, ModelServiceArgs
from r1_on_eks.resources.model_storage import ModelStorage, ModelStorageArgs
from r1_on_eks.resources.network import Network, NetworkArgs
from r1_on_eks.resources.protection import Protection, ProtectionArgs
from r1_on_eks.resources.serving_namespace import ServingNamespace, ServingNamespaceArgs
from r1_on_eks.resources.stack_key import StackKey, StackKeyArgs
from r1_on_eks.resources.system_pool import SystemPool, SystemPoolArgs
from r1_on_eks.resources.weights_preload import WeightsPreload, WeightsPreloadArgs
from r1_on_eks.resources.weights_reader import WeightsReader, WeightsReaderArgs
from r1_on_eks.stack_config import FileSystem, Pin, StackConfig
from r1_on_eks.stack_config.pinned import NOTHING_PINNED, Pinned

_BetweenNodes = tuple[Interconnect, LeaderWorkerSets] | tuple[()]


def declare(
    config: StackConfig,
    pins: Mapping[str, Pin],
    file_system: FileSystem | None = None,
    *,
    pinned: Pinned = NOTHING_PINNED,
) -> None:
    """Declares one stack.

    Args:
        config: What is wanted.
        pins: Placements by variant, as they were decided once.
        file_system: The file system of the weights, as it was decided once.
        pinned: Zones, versions and digests, as they were looked up once.

    Raises:
        NotPinned: nobody has decided where a variant or its weights stand, or looked up what a
            production stack runs.
        DoesNotFit: a variant or its weights do not fit where they were put.
    """
    plan = Plan.of(config, pins, file_system, pinned=pinned)
    refuse_unpinned(config, pins_of(plan.versions, plan.images, every_image()))
    _warn(plan)
    _declare(plan)


def _declare(plan: Plan) -> None:
    account = _account(plan)
    on_aws = ResourceOptions(providers=[account])
    key = StackKey("stack", _key(plan), on_aws)
    network = Network("network", _network(plan, key), on_aws)
    cluster = Cluster("cluster", _cluster(plan, network, key), on_aws)
    mirrors = _mirrors(plan, cluster, key, on_aws)
    system = SystemPool("system", _system_pool(plan, network, cluster), on_aws)

    inside = ResourceOptions(
        providers=[account, _kubernetes([cluster, *mirrors], cluster)],
        transformations=[_images_of(plan)],
    )
    gpus = Accelerators("accelerators", AcceleratorsArgs(cluster=cluster.resource), inside)
    between = _between_nodes(plan, network, cluster, system, inside)
    serving = ServingNamespace("serving", _serving(plan, cluster), inside)
    storage = _storage(plan, network, cluster, key, serving, inside)
    filled = {
        model.name: WeightsPreload(f"{model.name}-preload", args, inside)
        for model in plan.models
        if (args := _preload(model, cluster, serving, storage, system))
    }
    before = {pool.name: [system, *_of_pool(plan, pool, filled)] for pool in plan.gpu_pools}
    pools = {
        pool.name: GpuNodePool(
            pool.name, _gpu_pool(plan, network, cluster, pool, between, before[pool.name]), on_aws
        )
        for pool in plan.gpu_pools
    }
    services: list[Resource] = []
    for model in plan.models:
        readers = _weights_readers(plan, model, cluster, on_aws)
        runs_on = [pools[name] for name in model.pools]
        after = [*runs_on, gpus, *(between if model.group else ()), *readers]
        service = _model_service(model, cluster, serving, storage, after)
        services += [*readers, ModelService(model.name, service, inside)]
    gateway = Gateway("gateway", _gateway(plan, network, cluster, system, serving), inside)
    around = Surroundings(
        network=network, cluster=cluster, key=key, storage=storage, nodes=system,
        serving=serving, on_aws=on_aws, inside=inside,
    )  # fmt: skip
    watched = declare_monitoring(plan, around)
    Protection(
        HOW_TO_LIFT_PROTECTION,
        ProtectionArgs(
            protected=plan.protected,
            everything=[
                *(key, network, cluster, *mirrors, system, gpus, *between, serving),
                *([storage] if storage else ()),
                *(*filled.values(), *pools.values(), *services, gateway, *watched),
            ],
        ),
    )

    pulumi.export("cluster", cluster.resource.name)
    pulumi.export("gateway", gateway.url)
    pulumi.export("routes", plan.gateway.paths)


def _warn(plan: Plan) -> None:
    if is_due(plan.kubernetes, date.today()):
        pulumi.warn(upgrade_told(plan.kubernetes, date.today()))
    if plan.storage and (told := replacement_told(plan.storage)):
        pulumi.warn(told)
    if plan.gateway.nobody:
        pulumi.warn("gateway: it knows no key, so nobody gets in; r1 key new NAME makes one")


def _account(plan: Plan) -> aws.Provider:
    return aws.Provider(
        "aws",
        region=plan.region,
        # With somebody's other profile a stack would stand up where nobody looks for it.
        allowed_account_ids=[plan.account],
        default_tags={"tags": stack_tags(plan.stack)},
    )


def _key(plan: Plan) -> StackKeyArgs:
    return StackKeyArgs(
        stack=plan.stack,
        account=plan.account,
        region=plan.region,
        log_groups=[cluster_log_group(plan.stack), flow_log_group(plan.stack)],
        protected=plan.protected,
    )


def _network(plan: Plan, key: StackKey) -> NetworkArgs:
    return NetworkArgs(
        stack=plan.stack,
        account=plan.account,
        region=plan.region,
        network=plan.network,
        key_arn=key.arn,
        log_days=plan.log_days,
    )


def _mirrors(
    plan: Plan, cluster: Cluster, key: StackKey, on_aws: ResourceOptions
) -> list[ImageMirror]:
    if plan.images.mirror is None:
        return []
    args = ImageMirrorArgs(
        account=plan.account,
        region=plan.region,
        caches=caches_of(plan.images.mirror, every_image()),
        key_arn=key.arn,
        node_role=cluster.node_role_name,
    )
    return [ImageMirror("mirror", args, on_aws)]


def _images_of(plan: Plan) -> pulumi.ResourceTransformation:
    """Every pod's images, of our own objects as of any chart's, are named in one place."""

    def named(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        return pulumi.ResourceTransformationResult(in_pods(args.props, plan.images), args.opts)

    return named


def _cluster(plan: Plan, network: Network, key: StackKey) -> ClusterArgs:
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


def _system_pool(plan: Plan, network: Network, cluster: Cluster) -> SystemPoolArgs:
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


def _gpu_pool(
    plan: Plan,
    network: Network,
    cluster: Cluster,
    pool: Pool,
    between: _BetweenNodes,
    before: Sequence[Resource],
) -> GpuNodePoolArgs:
    return GpuNodePoolArgs(
        cluster_name=cluster.resource.name,
        node_role_arn=cluster.node_role_arn,
        subnet_id=network.private_subnet_ids[plan.gpu_zone],
        pool=pool,
        versions=plan.versions,
        node_template=node_template(pool) if plan.autoscaled else {},
        security_group_ids=[
            cluster.security_group_id,
            *([between[0].security_group_id] if between else ()),
        ],
        after=before,
    )


def _model_service(
    model: Model,
    cluster: Cluster,
    serving: ServingNamespace,
    storage: ModelStorage | None,
    after: Sequence[Resource],
) -> ModelServiceArgs:
    return ModelServiceArgs(
        cluster=cluster.resource,
        namespace=serving.namespace,
        server=model.server,
        group=model.group,
        pool=model.pool,
        server_key_secret=serving.server_key_secret,
        claim_name=storage.claim_name if storage else None,
        after=after,
    )


def _between_nodes(
    plan: Plan, network: Network, cluster: Cluster, system: SystemPool, inside: ResourceOptions
) -> _BetweenNodes:
    """What only replicas over several nodes need."""
    if not plan.spans_nodes:
        return ()
    fabric = InterconnectArgs(
        cluster=cluster.resource, vpc_id=network.vpc_id, tags=stack_tags(plan.stack)
    )
    groups = LeaderWorkerSetsArgs(cluster=cluster.resource, after=[system])
    return (
        Interconnect("interconnect", fabric, inside),
        LeaderWorkerSets("leader-worker-sets", groups, inside),
    )


def _kubernetes(after: Sequence[Resource], cluster: Cluster) -> kubernetes.Provider:
    return kubernetes.Provider(
        "kubernetes",
        kubeconfig=cluster.kubeconfig,
        cluster_identifier=cluster.resource.arn,
        # The gateway's ConfigMap has a name that people know; it is changed, not replaced.
        enable_config_map_mutable=True,
        # Its admins must be let in before anything is asked of it.
        opts=ResourceOptions(depends_on=list(after)),
    )


def _serving(plan: Plan, cluster: Cluster) -> ServingNamespaceArgs:
    return ServingNamespaceArgs(cluster=cluster.resource, policies=plan.policies)


def _storage(
    plan: Plan,
    network: Network,
    cluster: Cluster,
    key: StackKey,
    serving: ServingNamespace,
    inside: ResourceOptions,
) -> ModelStorage | None:
    if plan.storage is None:
        return None
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
    return ModelStorage("storage", args, inside)


def _preload(
    model: Model,
    cluster: Cluster,
    serving: ServingNamespace,
    storage: ModelStorage | None,
    system: SystemPool,
) -> WeightsPreloadArgs | None:
    if storage is None or model.preload is None:
        return None
    return WeightsPreloadArgs(
        cluster=cluster.resource,
        namespace=serving.namespace,
        claim_name=storage.claim_name,
        variant=model.placement.variant.name,
        preload=model.preload,
        after=[system],
    )


def _of_pool(plan: Plan, pool: Pool, filled: Mapping[str, WeightsPreload]) -> list[WeightsPreload]:
    """A p4d costs $22 an hour: it starts when the weights that it serves are there."""
    members = (model.name for model in plan.models if pool.name in model.pools)
    return [filled[name] for name in members if name in filled]


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
