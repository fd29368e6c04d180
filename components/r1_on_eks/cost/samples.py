"""How many samples of metrics a stack has in a month, scaled in, as declared and scaled out."""

from collections.abc import Sequence
from dataclasses import replace

from r1_on_eks.cost.charges import Amount, always
from r1_on_eks.plan import ModelServer, Plan, Pool
from r1_on_eks.plan.monitoring.volume import volume_of
from r1_on_eks.stack_config import Usage

# Where no plan is known: a little less than prod-671b-p4d's, of four p4d.24xlarge.
ASSUMED_SAMPLES = always(1e9)


def samples_of(usage: Usage, plan: Plan | None) -> Amount:
    """Samples a month: those that the stack file says, else those that its plan counts.

    Args:
        usage: What the file assumes.
        plan: The plan, or None where there is none.
    """
    if usage.metric_samples_million is not None:
        return always(usage.metric_samples_million * 1e6)
    if plan is None:
        return ASSUMED_SAMPLES
    servers = [model.server for model in plan.models]
    waiting = [replace(server, replicas=0) for server in servers]
    none = [replace(pool, most=0) for pool in plan.gpu_pools]
    declared = [replace(pool, most=pool.nodes) for pool in plan.gpu_pools]
    system = replace(plan.system_pool, most=plan.system_pool.nodes)
    answers = plan.gateway.answers
    return Amount(
        _counted(waiting, none, system, answers),
        _counted(servers, declared, system, answers),
        _counted(servers, plan.gpu_pools, plan.system_pool, answers),
    )


def _counted(
    servers: Sequence[ModelServer], pools: Sequence[Pool], system: Pool, answers: int
) -> float:
    # For how long they are kept changes no number of them.
    return volume_of(servers, pools, system, answers=answers, days=1).samples_a_month
