"""What the series of a plan are to say, read off the plan itself."""

from alert_cases import PLAN
from promtool_files import FIGURES
from r1_on_eks.plan.outlook import outlooks

_OUTLOOKS = {one.placement.variant.name: one for one in outlooks(PLAN.models, PLAN.region)}
_MODELS = {model.server.variant: model for model in PLAN.models}
_CHECKS = {check.variant: check for check in PLAN.quality}
_STORAGE = PLAN.storage
assert _STORAGE


def figure(rule):
    """The value that a rule's series is to have."""
    labels = rule.get("labels", {})
    _, what, which = f"{rule['record']}:".split(":")[:3]
    if "variant" in labels:
        return _of_variant(labels["variant"], what, which)
    if "pool" in labels:
        return next(pool.nodes for pool in PLAN.gpu_pools if pool.name == labels["pool"])
    gib = _STORAGE.file_system.capacity_gib
    return {"file_system_bytes": gib * 2**30,
            "file_system_bytes_per_second": gib / 1024 * 500e6}[what]  # fmt: skip


def _of_variant(variant, what, which):
    model, outlook = _MODELS[variant], _OUTLOOKS[variant]
    workload, placement = model.workload, model.placement
    said = {
        ("first_token_seconds", "limit"): workload.first_token_s,
        ("per_token_seconds", "limit"): workload.per_token_s,
        ("requests_per_second", "asked"): workload.rate,
        ("requests_per_second", "most"): outlook.most_rate,
        ("concurrent_requests", "most"): placement.concurrency * placement.replicas,
        ("start_seconds", "limit"): model.server.timeline.start_seconds + 900,
        ("quality_seconds", "limit"): _CHECKS[variant].limit_seconds
        if variant in _CHECKS
        else None,
        ("replicas", "most"): placement.replicas,
        ("memory_bytes", "most"): placement.instance.memory_gib * 2**30,
        ("output_tokens_per_second", "full"): outlook.full.output_per_s.likely
        * placement.replicas,
        ("usd_per_node_hour", ""): outlook.usd_per_hour / placement.nodes,
        ("usd_per_million_tokens", "asked"): outlook.usd_per_million_asked,
        ("usd_per_million_tokens", "full"): outlook.usd_per_million_full,
    }
    ranges = {"first_token_seconds": "first_token_s", "per_token_seconds": "per_token_s"}
    if (what, which) not in said:
        return getattr(getattr(outlook.asked, ranges[what]), which)
    return said[what, which]


FIGURE_VALUES = [(rule, figure(rule)) for rule in FIGURES]
