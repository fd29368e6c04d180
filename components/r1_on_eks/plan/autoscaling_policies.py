"""Who may talk to whom in the namespace of autoscaling: everything else is denied, both ways."""

from r1_on_eks.plan.autoscaling import AUTOSCALER, AUTOSCALER_PODS
from r1_on_eks.plan.keda import (
    METRICS,
    METRICS_PODS,
    METRICS_PORT,
    OPERATOR,
    OPERATOR_PODS,
    OPERATOR_PORT,
)
from r1_on_eks.plan.monitoring.policies import PROMETHEUS_PORT
from r1_on_eks.plan.traffic import (
    ANYWHERE,
    DNS,
    POD_IDENTITY,
    PROMETHEUS,
    Peer,
    Policy,
    api_of,
    asking,
)


def autoscaling_policies(cidr: str, *, scales: bool) -> tuple[Policy, ...]:
    """Policies of the namespace.

    Args:
        cidr: IPv4 range of the network.
        scales: Whether replicas follow the requests, so that KEDA is there.
    """
    api = api_of(cidr)
    sizes = Policy(
        name=AUTOSCALER,
        pods=AUTOSCALER_PODS,
        opens=(
            # EC2 and Auto Scaling have no addresses of their own.
            Peer(blocks=(ANYWHERE,), ports=(("TCP", 443),)),
            Peer(blocks=(POD_IDENTITY,), ports=(("TCP", 80),)),
            *api,
            *DNS,
        ),
    )
    operator = Policy(
        name=OPERATOR,
        pods=OPERATOR_PODS,
        accepts=(Peer(pods=METRICS_PODS, ports=(("TCP", OPERATOR_PORT),)),),
        opens=(asking(PROMETHEUS, PROMETHEUS_PORT), *api, *DNS),
    )
    metrics = Policy(
        name=METRICS,
        pods=METRICS_PODS,
        # The API server comes from its own addresses in the network.
        accepts=(Peer(blocks=(cidr,), ports=(("TCP", METRICS_PORT),)),),
        opens=(Peer(pods=OPERATOR_PODS, ports=(("TCP", OPERATOR_PORT),)), *api, *DNS),
    )
    everybody = Policy(name="nobody-by-default", pods={})
    return (everybody, sizes, *((operator, metrics) if scales else ()))
