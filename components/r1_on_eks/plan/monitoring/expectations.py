"""The plan as series: limits, predictions, sizes and prices, beside which things are measured.

Alerts and panels compare with these by name, so that no rule has a number of one stack in it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from r1_on_eks.plan import Model, Plan
from r1_on_eks.plan.estimate import Estimate, Range
from r1_on_eks.plan.monitoring.alert import record
from r1_on_eks.plan.names import POOL_LABEL
from r1_on_eks.plan.outlook import Outlook, outlooks
from r1_on_eks.plan.storage import GIB, Storage, read_mbps

Rule = dict[str, Any]
_MB = 1e6


def expectations(plan: Plan) -> list[Rule]:
    """One recording rule for each figure of the plan."""
    models, figures = plan.models, outlooks(plan.models, plan.region)
    return [
        *(rule for model in models for rule in _limits(model, _most_replicas(plan, model))),
        *(rule for one, figure in zip(models, figures, strict=True) for rule in _speed(figure)),
        *(
            rule
            for one, figure in zip(models, figures, strict=True)
            for rule in _price(one, figure)
        ),
        *(
            _figure("r1_plan:nodes:wanted", nodes, pool=label)
            for label, nodes in _nodes_by_label(plan).items()
        ),
        *(
            _figure("r1_plan:quality_seconds:limit", check.limit_seconds, variant=check.variant)
            for check in plan.quality
        ),
        *(_storage(plan.storage) if plan.storage else ()),
    ]


def _limits(model: Model, most_replicas: int) -> Iterator[Rule]:
    workload, placement, variant = model.workload, model.placement, model.server.variant
    memory = placement.instance.memory_gib * placement.node_share * GIB
    at_a_time = placement.concurrency * placement.replicas
    scaling, timeline = model.scaling, model.server.timeline
    start = scaling.limit_seconds if scaling else timeline.from_schedule_seconds
    rows = (
        ("r1_plan:first_token_seconds:limit", workload.first_token_s),
        ("r1_plan:per_token_seconds:limit", workload.per_token_s),
        ("r1_plan:requests_per_second:asked", workload.rate),
        ("r1_plan:concurrent_requests:most", at_a_time),
        ("r1_plan:start_seconds:limit", start),
        ("r1_plan:replicas:most", most_replicas),
        ("r1_plan:memory_bytes:most", memory),
    )
    for name, value in rows:
        yield _figure(name, value, variant=variant)


def _speed(outlook: Outlook) -> Iterator[Rule]:
    variant = outlook.placement.variant.name
    if outlook.most_rate is not None:
        yield _figure("r1_plan:requests_per_second:most", outlook.most_rate, variant=variant)
    if outlook.full is not None:
        full = outlook.full.output_per_s.likely * outlook.placement.replicas
        yield _figure("r1_plan:output_tokens_per_second:full", full, variant=variant)
    if outlook.asked is not None:
        yield from _predicted(outlook.asked, variant)


def _predicted(estimate: Estimate, variant: str) -> Iterator[Rule]:
    ranges: Sequence[tuple[str, Range]] = (
        ("first_token_seconds", estimate.first_token_s),
        ("per_token_seconds", estimate.per_token_s),
    )
    for what, found in ranges:
        for end in ("low", "likely", "high"):
            yield _figure(f"r1_plan:{what}:{end}", getattr(found, end), variant=variant)


def _price(model: Model, outlook: Outlook) -> Iterator[Rule]:
    variant = model.server.variant
    if outlook.usd_per_hour is not None:
        per_node = outlook.usd_per_hour / model.placement.nodes
        yield _figure("r1_plan:usd_per_node_hour", per_node, variant=variant, pool=model.pool)
    for name, value in (
        ("r1_plan:usd_per_million_tokens:asked", outlook.usd_per_million_asked),
        ("r1_plan:usd_per_million_tokens:full", outlook.usd_per_million_full),
    ):
        if value is not None:
            yield _figure(name, value, variant=variant)


def _storage(storage: Storage) -> Iterator[Rule]:
    capacity = storage.file_system.capacity_gib * GIB
    yield _figure("r1_plan:file_system_bytes:capacity", capacity)
    steady = read_mbps(storage.file_system) * _MB
    yield _figure("r1_plan:file_system_bytes_per_second:steady", steady)


def _nodes_by_label(plan: Plan) -> dict[str, int]:
    """Nodes by the label that they carry: pools of several groups of one variant share it."""
    nodes: dict[str, int] = {}
    for pool in plan.gpu_pools:
        label = pool.labels[POOL_LABEL]
        nodes[label] = nodes.get(label, 0) + pool.nodes
    return nodes


def _most_replicas(plan: Plan, model: Model) -> int:
    """As many as its pools hold when they are as large as they may become."""
    if model.placement.pool is not None:
        return model.placement.replicas
    most = sum(pool.most for pool in plan.gpu_pools if pool.name in model.pools)
    return max(1, model.placement.replicas * most // model.placement.nodes)


def _figure(name: str, value: float, **labels: str) -> Rule:
    return record(name, f"vector({value:.9g})", **labels)
