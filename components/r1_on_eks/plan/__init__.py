"""Decisions, as pure functions of configuration, catalogue and what was decided before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from r1_on_eks.plan.autoscaling_policies import autoscaling_policies
from r1_on_eks.plan.gateway import LISTEN_PORT, GatewayPlan, also_called, gateway_of
from r1_on_eks.plan.group import Group, group_of
from r1_on_eks.plan.images import ImageSource, image_source
from r1_on_eks.plan.layout import Layout, NotPinned
from r1_on_eks.plan.monitoring.decided import MonitoringPlan, monitoring_of
from r1_on_eks.plan.monitoring.volume import volume_of
from r1_on_eks.plan.names import service_name, variant_tags
from r1_on_eks.plan.placement import DoesNotFit, Placement, place
from r1_on_eks.plan.pools import Pool, gpu_pools, pool_of, pools_of, system_pool
from r1_on_eks.plan.preload import Preload, preload_of
from r1_on_eks.plan.quality import QualityCheck, checks_of
from r1_on_eks.plan.scaling import Scaling, scaling_of
from r1_on_eks.plan.server import ModelServer, server_of
from r1_on_eks.plan.storage import Storage, storage_of
from r1_on_eks.plan.subnets import NetworkPlan, cidr_of
from r1_on_eks.plan.sync import Sync, sync_of
from r1_on_eks.plan.traffic import Policy, collector, policies_of
from r1_on_eks.plan.versions import Versions
from r1_on_eks.plan.zones import Zones, not_sold, region_of
from r1_on_eks.stack_config import FileSystem, Pin, StackConfig, Workload
from r1_on_eks.stack_config.decisions import NOTHING_DECIDED, Decisions
from r1_on_eks.stack_config.pinned import Pinned

__all__ = ["DoesNotFit", "Model", "ModelServer", "NotPinned", "Placement", "Plan", "Pool"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """One variant of a stack.

    Attributes:
        name: Of its service: `r1-1-5b`.
        workload: What is asked of it.
        placement: What it runs on, and with how much memory.
        pool: Name of the pool that it runs in, and label of its nodes.
        pools: Names of all pools of its nodes; several where each replica has its own.
        server: Its server.
        group: How a replica is laid over nodes, or None where it is on one.
        preload: How its weights come into the file system before, or None where it has none.
        scaling: How its replicas follow the requests, or None where all always stand.
        tags: What its AWS resources carry.
    """

    name: str
    workload: Workload
    placement: Placement
    pool: str
    pools: tuple[str, ...]
    server: ModelServer
    group: Group | None
    preload: Preload | None
    scaling: Scaling | None
    tags: dict[str, str]

    @property
    def arguments(self) -> tuple[str, ...]:
        """VLLM's command line, on the first node where there are several."""
        return self.group.leader_arguments if self.group else self.server.arguments


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything decided for one stack, before Pulumi.

    Attributes:
        stack: Its name, and the cluster's.
        protected: Whether a destroy is refused, and AWS and Pulumi keep what holds state or
            is everybody's way in.
        log_days: How long logs are kept.
        account: AWS account.
        region: AWS Region.
        kubernetes: Kubernetes version.
        versions: That one, and what AWS publishes for it.
        images: Where container images come from.
        admins: ARNs of the cluster's administrators.
        endpoint_from: Ranges that reach the API server from outside; none where it is private.
        network: Addresses and ways out.
        zones: Of network and control plane.
        gpu_zone: Zone of file system and GPU pools.
        bucket: Bucket of the weights.
        storage: The file system of the weights, or None where they are streamed.
        sync: How its bucket is filled from the cluster, or None where it isn't.
        system_pool: Instances without GPUs.
        gpu_pools: Instances with GPUs; a pool has one variant, or several that share it.
        autoscaled: Whether a cluster autoscaler sizes them.
        models: One per variant.
        gateway: The gateway in front of all models.
        policies: Who may talk to whom among the pods of gateway and models.
        quality: Which questions are put to the models on a schedule; empty where none are.
        monitoring: What is measured, kept and told; None where nothing is.
        autoscaling_policies: Who may talk to whom among what scales; none where nothing does.
    """

    stack: str
    protected: bool
    log_days: int
    account: str
    region: str
    kubernetes: str
    versions: Versions
    images: ImageSource
    admins: tuple[str, ...]
    endpoint_from: tuple[str, ...]
    network: NetworkPlan
    zones: Zones
    gpu_zone: str
    bucket: str
    storage: Storage | None
    sync: Sync | None
    system_pool: Pool
    gpu_pools: tuple[Pool, ...]
    autoscaled: bool
    models: tuple[Model, ...]
    gateway: GatewayPlan
    policies: tuple[Policy, ...]
    quality: tuple[QualityCheck, ...]
    monitoring: MonitoringPlan | None
    autoscaling_policies: tuple[Policy, ...]

    @property
    def scaled(self) -> tuple[Model, ...]:
        """The models whose replicas follow the requests."""
        return tuple(model for model in self.models if model.scaling)

    @property
    def spans_nodes(self) -> bool:
        """Whether a replica of some variant is on several nodes."""
        return any(model.group for model in self.models)

    def served_by(self, pool: Pool) -> tuple[str, ...]:
        """Names of the models that run in a pool."""
        return tuple(model.name for model in self.models if pool.name in model.pools)

    @classmethod
    def of(cls, config: StackConfig, decisions: Decisions = NOTHING_DECIDED) -> Self:
        """Decides a stack: what its file leaves open was decided once before.

        Args:
            config: What is wanted.
            decisions: What was decided.

        Raises:
            NotPinned: one line for each variant whose placement nobody has decided, or for zones.
            DoesNotFit: one line for each variant that does not fit where it was put, or on the
                file system that does not fit the weights.
        """
        pinned = decisions.pinned
        zones = Zones.of(config, pinned)
        placements = placements_of(config, decisions.placements)
        storage = _stored(config, placements, decisions.file_system)
        _check_sold(config, placements, zones, pinned)
        models = tuple(_model(config, placement) for placement in placements)
        servers = [model.server for model in models]
        gateway = gateway_of(config, placements, [one.scaling for one in models if one.scaling])
        pools = gpu_pools(config.name, placements, protected=_protected(config))
        system = system_pool(config.name, protected=_protected(config))
        return cls(
            stack=config.name,
            protected=_protected(config),
            log_days=_LOG_DAYS if config.production else _LOG_DAYS_OF_A_TEST,
            account=config.owner,
            region=config.region,
            kubernetes=config.kubernetes,
            versions=Versions.of(config, pinned),
            images=image_source(config, pinned),
            admins=config.admins,
            endpoint_from=() if config.endpoint == "private" else config.endpoint.public_from,
            network=NetworkPlan.of(config, zones.network),
            zones=zones,
            gpu_zone=zones.gpu,
            bucket=config.weights.bucket,
            storage=storage,
            sync=sync_of(config.weights, placements, pinned, config.region),
            system_pool=system,
            gpu_pools=pools,
            autoscaled=config.cluster_autoscaler,
            models=models,
            gateway=gateway,
            policies=policies_of(
                gateway.clients,
                LISTEN_PORT,
                servers,
                streamed=config.weights.streamed,
                synced=config.weights.sync_from is not None,
                cidr=cidr_of(config),
                watched=config.monitoring
                and collector(cidr_of(config), managed=config.monitoring.managed),
                checked=config.quality is not None,
            ),
            quality=checks_of(config, placements, servers),
            monitoring=_monitoring(config, servers, pools, system, gateway),
            autoscaling_policies=_autoscaling_policies(config),
        )


def _autoscaling_policies(config: StackConfig) -> tuple[Policy, ...]:
    if not config.cluster_autoscaler:
        return ()
    return autoscaling_policies(cidr_of(config), scales=config.scales)


def _monitoring(
    config: StackConfig,
    servers: Sequence[ModelServer],
    pools: Sequence[Pool],
    system: Pool,
    gateway: GatewayPlan,
) -> MonitoringPlan | None:
    if config.monitoring is None:
        return None
    return monitoring_of(
        config.monitoring,
        anomaly_usd=config.budget.anomaly_usd,
        cidr=cidr_of(config),
        servers=servers,
        gpu_pools=pools,
        volume=volume_of(
            servers,
            pools,
            system,
            answers=gateway.answers,
            days=config.monitoring.retention_days,
        ),
        file_system=config.weights.storage == "fsx",
        scales=config.scales,
    )


def placements_of(config: StackConfig, pins: Mapping[str, Pin]) -> tuple[Placement, ...]:
    """Where the variants of a stack stand.

    Raises:
        NotPinned: one line for each variant whose placement nobody has decided.
        DoesNotFit: one line for each variant that does not fit where it was put.
    """
    return _placed(_layouts(config, pins))


def _stored(
    config: StackConfig, placements: tuple[Placement, ...], pinned: FileSystem | None
) -> Storage | None:
    try:
        return storage_of(config.weights, placements, pinned)
    except NotPinned as error:
        raise NotPinned(f"{error}; r1 plan {config.name} --refresh decides it") from None
    except DoesNotFit as error:
        if config.weights.fsx and config.weights.fsx.capacity_gib:
            raise
        raise DoesNotFit(f"{error}; r1 plan {config.name} --refresh grows it") from None


# A year, as auditors ask for; a test is forgotten sooner.
_LOG_DAYS = 365
_LOG_DAYS_OF_A_TEST = 30


def _check_sold(
    config: StackConfig, placements: tuple[Placement, ...], zones: Zones, pinned: Pinned
) -> None:
    types = sorted({placement.instance.name for placement in placements})
    if wrong := not_sold(types, zones.gpu, region_of(config, pinned)):
        raise DoesNotFit("\n".join(wrong))


def _protected(config: StackConfig) -> bool:
    said = config.deletion_protection
    return config.production if said is None else said


def _layouts(config: StackConfig, pins: Mapping[str, Pin]) -> dict[str, Layout]:
    found, open_ones = {}, []
    for variant, wanted in config.variants.items():
        try:
            found[variant] = Layout.of(variant, wanted, pins.get(variant))
        except NotPinned as error:
            open_ones.append(str(error))
    if open_ones:
        decide = f"r1 plan {config.name} --refresh decides it"
        raise NotPinned("\n".join(f"{line}; {decide}" for line in open_ones))
    return found


def _placed(layouts: Mapping[str, Layout]) -> tuple[Placement, ...]:
    placed, refused = [], []
    for variant, layout in layouts.items():
        try:
            placed.append(place(variant, layout))
        except DoesNotFit as error:
            refused.append(str(error))
    if refused:
        raise DoesNotFit("\n".join(refused))
    return tuple(placed)


def _model(config: StackConfig, placement: Placement) -> Model:
    variant = placement.variant.name
    server = server_of(placement, config.weights, also_called(variant, config.gateway_section))
    wanted = config.variants[variant]
    return Model(
        name=service_name(variant),
        workload=wanted.workload,
        placement=placement,
        pool=pool_of(placement),
        pools=pools_of(placement),
        server=server,
        group=group_of(placement, server),
        preload=preload_of(placement, config.weights),
        scaling=wanted.scale
        and scaling_of(placement, wanted.workload, wanted.scale, server.timeline),
        tags=variant_tags(config.name, variant),
    )
