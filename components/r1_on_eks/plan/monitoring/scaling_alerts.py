"""Alert of what scales: without it nothing is woken, and no node comes."""

from r1_on_eks.plan.monitoring.alert import WARNING, Alert, Step
from r1_on_eks.plan.monitoring.typed import ALL_PODS
from r1_on_eks.plan.names import AUTOSCALING_NAMESPACE, NAMESPACE

_DEPLOYMENT = "{{ $labels.deployment }}"

SCALING_ALERTS = (
    Alert(
        name="ScalingDown",
        severity=WARNING,
        expr=(
            'kube_deployment_status_replicas_available{job="kube-state-metrics",'
            f'namespace="{AUTOSCALING_NAMESPACE}"}} == 0'
        ),
        hold="15m",
        summary=f"{_DEPLOYMENT} does not run",
        description="For a quarter of an hour no pod of it has been available.",
        means="Without KEDA's two, replicas stay as they are and none is woken; without the"
        " cluster autoscaler no node comes, and none goes.",
        first=(
            Step("Does it run, and on which node?", ALL_PODS),
            Step(
                "The reason is in the last lines.",
                f"kubectl -n {AUTOSCALING_NAMESPACE} logs deploy/{_DEPLOYMENT} --tail=40",
            ),
            Step(
                "How many replicas does each variant have, and how many are wanted? Until it runs"
                " again they can be scaled by hand.",
                f"kubectl -n {NAMESPACE} get deployments,scaledobjects,horizontalpodautoscalers",
            ),
        ),
    ),
)
