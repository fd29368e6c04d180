"""The program: configuration → plan → components, joined as in the README's picture."""

from datetime import date

import pulumi
from pulumi import Resource, ResourceOptions

from r1_on_eks import inputs, providers
from r1_on_eks.autoscaling_program import Scaled, scale
from r1_on_eks.monitoring_program import Watched, watch
from r1_on_eks.plan import Plan
from r1_on_eks.plan.images import images_in
from r1_on_eks.plan.names import HOW_TO_LIFT_PROTECTION
from r1_on_eks.plan.storage import replacement_told
from r1_on_eks.plan.upgrades import is_due, upgrade_told
from r1_on_eks.plan.versions import pins_of, refuse_unpinned
from r1_on_eks.resources.accelerators import Accelerators
from r1_on_eks.resources.cluster import Cluster
from r1_on_eks.resources.gateway import Gateway
from r1_on_eks.resources.gpu_node_pool import GpuNodePool
from r1_on_eks.resources.image_mirror import ImageMirror
from r1_on_eks.resources.interconnect import Interconnect
from r1_on_eks.resources.leader_worker_sets import LeaderWorkerSets
from r1_on_eks.resources.model_service import ModelService
from r1_on_eks.resources.model_storage import ModelStorage
from r1_on_eks.resources.network import Network
from r1_on_eks.resources.protection import Protection, ProtectionArgs
from r1_on_eks.resources.quality_checks import QualityChecks
from r1_on_eks.resources.serving_namespace import ServingNamespace
from r1_on_eks.resources.stack_key import StackKey
from r1_on_eks.resources.system_pool import SystemPool
from r1_on_eks.resources.weights_preload import WeightsPreload
from r1_on_eks.resources.weights_reader import WeightsReader
from r1_on_eks.resources.weights_sync import WeightsSync
from r1_on_eks.stack_config import StackConfig
from r1_on_eks.stack_config.decisions import NOTHING_DECIDED, Decisions
from r1_on_eks.wanted import wanted


def declare(config: StackConfig, decisions: Decisions = NOTHING_DECIDED) -> None:
    """Declares one stack.

    Args:
        config: What is wanted.
        decisions: What was decided for it once: placements, file system, zones, versions.

    Raises:
        NotPinned: nobody has decided where a variant or its weights stand, or looked up what a
            production stack runs.
        DoesNotFit: a variant or its weights do not fit where they were put.
    """
    plan = Plan.of(config, decisions)
    refuse_unpinned(config, pins_of(plan.versions, plan.images, images_in(config)))
    _warn(plan)
    _declare(plan)


def _declare(plan: Plan) -> None:
    account = providers.account(plan)
    on_aws = ResourceOptions(providers=[account])
    key = StackKey("stack", inputs.key(plan), on_aws)
    network = Network("network", inputs.network(plan, key), on_aws)
    cluster = Cluster("cluster", inputs.cluster(plan, network, key), on_aws)
    mirror = wanted(ImageMirror, "mirror", inputs.mirror(plan, cluster, key), on_aws)
    system = SystemPool("system", inputs.system_pool(plan, network, cluster), on_aws)

    inside = providers.inside(plan, account, cluster, after=[cluster, *mirror])
    gpus = Accelerators("accelerators", inputs.accelerators(cluster), inside)
    fabric = wanted(
        Interconnect, "interconnect", inputs.interconnect(plan, network, cluster), inside
    )
    groups = wanted(
        LeaderWorkerSets, "leader-worker-sets", inputs.groups(plan, cluster, system), inside
    )
    serving = ServingNamespace("serving", inputs.serving(plan, cluster), inside)
    storage = wanted(
        ModelStorage, "storage", inputs.storage(plan, network, cluster, key, serving), inside
    )
    # Nothing reads the bucket before it is complete.
    synced = wanted(WeightsSync, "weights", inputs.sync(plan, cluster, serving, system), inside)
    filled = {
        model.name: WeightsPreload(f"{model.name}-preload", args, inside)
        for model in plan.models
        for args in inputs.preload(model, cluster, serving, storage, [system, *synced])
    }

    pools: dict[str, GpuNodePool] = {}
    for pool in plan.gpu_pools:
        # A p4d costs $22 an hour: it starts when the weights that it serves are there.
        full = [filled[name] for name in plan.served_by(pool) if name in filled]
        after = [system, *synced, *full]
        nodes = inputs.gpu_pool(plan, pool, network, cluster, fabric, after)
        pools[pool.name] = GpuNodePool(pool.name, nodes, on_aws)
    models: list[Resource] = []
    for model in plan.models:
        reader = wanted(
            WeightsReader, f"{model.name}-weights", inputs.reader(plan, model, cluster), on_aws
        )
        after = [gpus, *reader, *(pools[name] for name in model.pools)]
        after += [*fabric, *groups] if model.group else []
        server = inputs.model_service(model, cluster, serving, storage, after)
        models += [*reader, ModelService(model.name, server, inside)]
    gateway = Gateway("gateway", inputs.gateway(plan, network, cluster, system, serving), inside)

    asks = wanted(QualityChecks, "quality", inputs.quality(plan, cluster, serving, system), inside)
    seen = Watched(
        network=network, cluster=cluster, system=system, serving=serving, storage=storage
    )
    scaled = Scaled(cluster=cluster, system=system, serving=serving, models=models)

    everything = [key, network, cluster, *mirror, system, gpus, *fabric, *groups, serving]
    everything += [*storage, *synced, *filled.values(), *pools.values(), *models, gateway]
    everything += [*asks, *watch(plan, seen, on_aws, inside), *scale(plan, scaled, inside)]
    Protection(
        HOW_TO_LIFT_PROTECTION, ProtectionArgs(protected=plan.protected, everything=everything)
    )
    _export(plan, cluster, gateway)


def _export(plan: Plan, cluster: Cluster, gateway: Gateway) -> None:
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
