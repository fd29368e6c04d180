"""Decisions, as pure functions of configuration and catalogue: `Plan.of(config)`."""

from dataclasses import dataclass
from typing import Self

from r1_on_eks.plan.gateway import GatewayPlan, gateway_of
from r1_on_eks.plan.names import service_name, variant_tags
from r1_on_eks.plan.placement import DoesNotFit, Placement, place
from r1_on_eks.plan.pools import Pool, gpu_pool, system_pool
from r1_on_eks.plan.server import ModelServer, server_of
from r1_on_eks.plan.subnets import ZoneBlocks, blocks_of
from r1_on_eks.stack_config import FileSystem, StackConfig

__all__ = ["DoesNotFit", "Model", "ModelServer", "Placement", "Plan", "Pool"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """One variant of a stack.

    Attributes:
        name: Of its service, its pool and their labels: `r1-1-5b`.
        placement: What it runs on, and with how much memory.
        pool: Its instances.
        server: Its server.
        tags: What its AWS resources carry.
    """

    name: str
    placement: Placement
    pool: Pool
    server: ModelServer
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything decided for one stack, before Pulumi.

    Attributes:
        stack: Its name, and the cluster's.
        protected: Whether AWS refuses to delete cluster and load balancer.
        region: AWS Region.
        kubernetes: Kubernetes version.
        admins: ARNs of the cluster's administrators.
        endpoint_from: Ranges that reach the API server from outside; none where it is private.
        blocks: Address blocks per zone.
        gpu_zone: Zone of file system and GPU pools.
        bucket: Bucket of the weights.
        file_system: Where pods read weights, or None where they are streamed.
        system_pool: Instances without GPUs.
        models: One per variant.
        gateway: The gateway in front of all models.
    """

    stack: str
    protected: bool
    region: str
    kubernetes: str
    admins: tuple[str, ...]
    endpoint_from: tuple[str, ...]
    blocks: tuple[ZoneBlocks, ...]
    gpu_zone: str
    bucket: str
    file_system: FileSystem | None
    system_pool: Pool
    models: tuple[Model, ...]
    gateway: GatewayPlan

    @classmethod
    def of(cls, config: StackConfig) -> Self:
        """Decides a stack.

        Raises:
            DoesNotFit: one line for each variant that does not fit where it was put.
        """
        models = tuple(_model(config, placement) for placement in _placements(config))
        return cls(
            stack=config.name,
            protected=_protected(config),
            region=config.region,
            kubernetes=config.kubernetes,
            admins=config.admins,
            endpoint_from=() if config.endpoint == "private" else config.endpoint.public_from,
            blocks=blocks_of(config.zones),
            gpu_zone=config.gpu_zone,
            bucket=config.weights.bucket,
            file_system=config.weights.fsx,
            system_pool=system_pool(config.name),
            models=models,
            gateway=gateway_of(config, [model.server for model in models]),
        )


def _protected(config: StackConfig) -> bool:
    said = config.deletion_protection
    return config.production if said is None else said


def _placements(config: StackConfig) -> tuple[Placement, ...]:
    placed, refused = [], []
    for variant, wanted in config.variants.items():
        try:
            placed.append(place(variant, wanted))
        except DoesNotFit as error:
            refused.append(str(error))
    if refused:
        raise DoesNotFit("\n".join(refused))
    return tuple(placed)


def _model(config: StackConfig, placement: Placement) -> Model:
    variant = placement.variant.name
    return Model(
        name=service_name(variant),
        placement=placement,
        pool=gpu_pool(config.name, placement),
        server=server_of(placement, config.weights),
        tags=variant_tags(config.name, variant),
    )
