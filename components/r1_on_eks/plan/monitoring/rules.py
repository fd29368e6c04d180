"""The groups of a PrometheusRule: the plan's figures, what is recorded, and the alerts."""

from collections.abc import Sequence
from typing import Any

from r1_on_eks.plan import Plan
from r1_on_eks.plan.monitoring.alert import Alert
from r1_on_eks.plan.monitoring.cluster_alerts import cluster_alerts
from r1_on_eks.plan.monitoring.expectations import expectations
from r1_on_eks.plan.monitoring.gateway_alerts import GATEWAY_ALERTS
from r1_on_eks.plan.monitoring.gpu_alerts import GPU_ALERTS
from r1_on_eks.plan.monitoring.latency_alerts import LATENCY_ALERTS
from r1_on_eks.plan.monitoring.measured import measured
from r1_on_eks.plan.monitoring.model_alerts import MODEL_ALERTS
from r1_on_eks.plan.monitoring.quality_alerts import QUALITY_ALERTS
from r1_on_eks.plan.monitoring.scaling_alerts import SCALING_ALERTS
from r1_on_eks.plan.monitoring.storage_alerts import STORAGE_ALERTS

_RECORDED_EVERY = "30s"


def rule_groups(plan: Plan) -> list[dict[str, Any]]:
    """`spec.groups` of the stack's PrometheusRule."""
    groups = {
        "r1-plan": expectations(plan),
        "r1-measured": measured(plan),
        **{
            name: [alert.rule(plan.stack) for alert in of_one]
            for name, of_one in alert_groups(plan).items()
        },
    }
    return [
        {"name": name, "interval": _RECORDED_EVERY, "rules": rules}
        for name, rules in groups.items()
        if rules
    ]


def alert_groups(plan: Plan) -> dict[str, Sequence[Alert]]:
    """Every alert of the stack, by group."""
    has_gpus = any(not model.placement.on_cpu for model in plan.models)
    return {
        "r1-models": MODEL_ALERTS,
        "r1-latency": LATENCY_ALERTS,
        "r1-gateway": GATEWAY_ALERTS,
        "r1-cluster": cluster_alerts(autoscaled=plan.autoscaled, gpus=has_gpus),
        "r1-gpus": GPU_ALERTS if has_gpus else (),
        "r1-storage": STORAGE_ALERTS if plan.storage else (),
        "r1-scaling": SCALING_ALERTS if plan.autoscaled else (),
        "r1-quality": QUALITY_ALERTS if plan.quality else (),
    }
