"""What KEDA is told of one variant."""

from typing import Any

from r1_on_eks.plan.names import MONITORING_NAMESPACE, NAMESPACE, service_name
from r1_on_eks.plan.nginx.answers import ANSWERS_SERIES
from r1_on_eks.plan.scaling import ASKED_SECONDS, POLL_SECONDS, Scaling
from r1_on_eks.stack_config import Hours

# The operator's Service for its Prometheus has no address of its own: connections go to the pod,
# which is what the policies name.
PROMETHEUS = f"http://prometheus-operated.{MONITORING_NAMESPACE}.svc:9090"


def scaled_object(scaling: Scaling, prometheus: str = PROMETHEUS) -> dict[str, Any]:
    """KEDA's object for one variant.

    Args:
        scaling: How it is scaled.
        prometheus: Address of what answers the queries; it has the recording rules of
            plan/monitoring/measured.py.
    """
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": service_name(scaling.variant), "namespace": NAMESPACE},
        "spec": scaled_object_spec(scaling, prometheus),
    }


def scaled_object_spec(scaling: Scaling, prometheus: str = PROMETHEUS) -> dict[str, Any]:
    """`spec` of that object."""
    name = service_name(scaling.variant)
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicaCount": scaling.least,
        "maxReplicaCount": scaling.most,
        "pollingInterval": POLL_SECONDS,
        # From one to none, where none is allowed.
        "cooldownPeriod": scaling.down_seconds,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(scaling)}},
        "triggers": [
            _trigger(
                prometheus,
                "under-way",
                under_way_query(scaling),
                scaling.under_way,
                "AverageValue",
            ),
            _trigger(
                prometheus,
                "first-token",
                first_token_query(scaling.variant),
                scaling.first_token_s,
                "Value",
                # Its mean outlasts the last answer by half an hour: within the limit it is nobody
                # who asks, and none would sleep so much later.
                active_above=scaling.first_token_s,
            ),
            *([_by_clock(scaling.hours)] if scaling.hours else ()),
            *(
                [_trigger(prometheus, "asked", asked_query(scaling.variant), 1, "AverageValue")]
                if scaling.wakes
                else ()
            ),
        ],
    }


def under_way_query(scaling: Scaling) -> str:
    """Mean of requests that wait or run; none where no server stands, so that this is no error."""
    variant, window = scaling.variant, scaling.mean_seconds
    series = ("r1:requests_waiting:sum", "r1:requests_running:sum")
    return " + ".join(
        f'(sum(avg_over_time({one}{{variant="{variant}"}}[{window}s])) or vector(0))'
        for one in series
    )


def first_token_query(variant: str) -> str:
    """Mean seconds to the first token of half an hour; none where nothing is answered."""
    return f'max(r1:first_token_seconds:mean30m{{variant="{variant}"}}) or vector(0)'


def asked_query(variant: str) -> str:
    """One where anybody asked for it at the gateway lately, whatever he was told, else none."""
    series = f'{ANSWERS_SERIES}{{variant="{variant}"}}'
    return f"clamp_max(ceil(sum(increase({series}[{ASKED_SECONDS}s]))), 1) or vector(0)"


def _trigger(
    prometheus: str, name: str, query: str, threshold: float, how: str, *, active_above: float = 0
) -> dict[str, Any]:
    return {
        "type": "prometheus",
        "name": name,
        "metricType": how,
        "metadata": {
            "serverAddress": prometheus,
            "query": query,
            "threshold": f"{threshold:g}",
            "activationThreshold": f"{active_above:g}",
        },
    }


def _by_clock(hours: Hours) -> dict[str, Any]:
    (start_hour, start_minute), (end_hour, end_minute) = (
        clock.split(":") for clock in (hours.start, hours.end)
    )
    days = _days(hours.days)
    return {
        "type": "cron",
        "name": "hours",
        "metadata": {
            "timezone": hours.zone,
            "start": f"{int(start_minute)} {int(start_hour)} * * {days}",
            "end": f"{int(end_minute)} {int(end_hour)} * * {days}",
            "desiredReplicas": str(hours.replicas),
        },
    }


def _days(days: str) -> str:
    """KEDA counts days from Sunday on: a range that ends with it would end before it begins."""
    first, _, last = days.partition("-")
    if last != "sun":
        return days
    return "sat,sun" if first == "sat" else f"{first}-sat,sun"


def _behavior(scaling: Scaling) -> dict[str, Any]:
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": scaling.up_seconds,
            # At once as many as are wanted: each takes minutes.
            "policies": [{"type": "Pods", "value": scaling.most, "periodSeconds": POLL_SECONDS}],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": scaling.down_seconds,
            "policies": [
                {"type": "Pods", "value": 1, "periodSeconds": scaling.down_period_seconds}
            ],
        },
    }
