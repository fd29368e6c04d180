"""What a managed Prometheus costs, told of a plan alone: before any program has run."""

from r1_on_eks.cost.bill import Terms, bill_of
from r1_on_eks.cost.charges import Amount
from r1_on_eks.cost.declared import Declaration, Declared
from r1_on_eks.cost.metrics_rules import CONFIGURATION, SCRAPER, WORKSPACE
from r1_on_eks.cost.samples import samples_of
from r1_on_eks.plan import Plan
from r1_on_eks.stack_config import Usage


def usd_of_metrics(plan: Plan, usage: Usage) -> Amount | None:
    """Dollars a month of a stack's metrics at AWS; None where a price was not seen.

    Args:
        plan: The stack, with a managed Prometheus.
        usage: What its file assumes of a month.
    """
    assert plan.monitoring is not None
    declared = [
        Declared(urn=WORKSPACE, type=WORKSPACE, inputs={}),
        Declared(
            urn=CONFIGURATION,
            type=CONFIGURATION,
            inputs={"retentionPeriodInDays": plan.monitoring.retention_days},
            needs={"workspaceId": (WORKSPACE,)},
        ),
        Declared(urn=SCRAPER, type=SCRAPER, inputs={}),
    ]
    terms = Terms(usage=usage, samples=samples_of(usage, plan), region=plan.region)
    bill = bill_of(Declaration({one.urn: one for one in declared}), terms)
    return None if bill.gaps else bill.monthly
