"""Decisions, as pure functions of configuration, pins and catalogue: `Plan.of(config, pins)`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from r1_on_eks.plan.gateway import LISTEN_PORT, GatewayPlan, gateway_of
from r1_on_eks.plan.layout import Layout, NotPinned
from r1_on_eks.plan.names import service_name, variant_tags
from r1_on_eks.plan.placement import DoesNotFit, Placement, place
from r1_on_eks.plan.pools import Pool, gpu_pools, pool_of, system_pool
from r1_on_eks.plan.preload import Preload, preload_of
from r1_on_eks.plan.server import ModelServer, server_of
from r1_on_eks.plan.storage import Storage, storage_of
from r1_on_eks.plan.subnets import ZoneBlocks, blocks_of, endpoint_services
from r1_on_eks.plan.traffic import Policy, policies_of
from r1_on_eks.stack_config import FileSystem, Pin, StackConfig, Workload

__all__ = ["DoesNotFit", "Model", "ModelServer", "NotPinned", "Placement", "Plan", "Pool"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """One variant of a stack.

    Attributes:
        name: Of its service: `r1-1-5b`.
        workload: What is asked of it.
        placement: What it runs on, and with how much memory.
        pool: Name of the pool that it runs in.
        server: Its server.
        tags: What its AWS resources carry.
    """

    name: str
    workload: Workload
    placement: Placement
    pool: str
    server: ModelServer
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything decided for one stack, before Pulumi.

    Attributes:
        stack: Its name, and the cluster's.
        protected: Whether a destroy is refused, and AWS and Pulumi keep what holds state or
            is everybody's way in.
        region: AWS Region.
        kubernetes: Kubernetes version.
        admins: ARNs of the cluster's administrators.
        endpoint_from: Ranges that reach the API server from outside; none where it is private.
        blocks: Address blocks per zone.
        endpoint_services: AWS services with an interface inside the network.
        gpu_zone: Zone of file system and GPU pools.
        bucket: Bucket of the weights.
        storage: The file system of the weights, or None where they are streamed.
        preload: How its files are filled before servers read them, or None where it has none.
        system_pool: Instances without GPUs.
        gpu_pools: Instances with GPUs; a pool has one variant, or several that share it.
        models: One per variant.
        gateway: The gateway in front of all models.
        policies: Who may talk to whom among the pods of gateway and models.
    """

    stack: str
    protected: bool
    region: str
    kubernetes: str
    admins: tuple[str, ...]
    endpoint_from: tuple[str, ...]
    blocks: tuple[ZoneBlocks, ...]
    endpoint_services: tuple[str, ...]
    gpu_zone: str
    bucket: str
    storage: Storage | None
    preload: Preload | None
    system_pool: Pool
    gpu_pools: tuple[Pool, ...]
    models: tuple[Model, ...]
    gateway: GatewayPlan
    policies: tuple[Policy, ...]

    @classmethod
    def of(
        cls,
        config: StackConfig,
        pins: Mapping[str, Pin],
        file_system: FileSystem | None = None,
    ) -> Self:
        """Decides a stack: what its file leaves open is read from the pins.

        Args:
            config: What is wanted.
            pins: Placements by variant, as they were decided once.
            file_system: The file system, as it was decided once.

        Raises:
            NotPinned: one line for each variant whose placement nobody has decided.
            DoesNotFit: one line for each variant that does not fit where it was put, or on the
                file system that does not fit the weights.
        """
        placements = placements_of(config, pins)
        storage = _stored(config, placements, file_system)
        models = tuple(_model(config, placement) for placement in placements)
        servers = [model.server for model in models]
        gateway = gateway_of(config, servers)
        return cls(
            stack=config.name,
            protected=_protected(config),
            region=config.region,
            kubernetes=config.kubernetes,
            admins=config.admins,
            endpoint_from=() if config.endpoint == "private" else config.endpoint.public_from,
            blocks=blocks_of(config.zones),
            endpoint_services=endpoint_services(config.private_endpoints),
            gpu_zone=config.gpu_zone,
            bucket=config.weights.bucket,
            storage=storage,
            preload=preload_of(config.weights, placements),
            system_pool=system_pool(config.name, protected=_protected(config)),
            gpu_pools=gpu_pools(config.name, placements, protected=_protected(config)),
            models=models,
            gateway=gateway,
            policies=policies_of(
                gateway.clients, LISTEN_PORT, servers, streamed=config.weights.streamed
            ),
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
    return Model(
        name=service_name(variant),
        workload=config.variants[variant].workload,
        placement=placement,
        pool=pool_of(placement),
        server=server_of(placement, config.weights),
        tags=variant_tags(config.name, variant),
    )
