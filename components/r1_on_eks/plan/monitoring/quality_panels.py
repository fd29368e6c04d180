"""What a dashboard shows of the quality checks of a variant: when, how long, how they ended."""

from r1_on_eks.plan.monitoring.panel import NUMBER, SECONDS, Panel, Row, drawn, planned
from r1_on_eks.plan.monitoring.quality_alerts import BROKE, FAILED
from r1_on_eks.plan.names import NAMESPACE
from r1_on_eks.plan.quality import HISTORY, QualityCheck

_ELSEWHERE = f"The figures themselves are in the ConfigMap {HISTORY}."


def quality_row(check: QualityCheck) -> Row:
    """Its row."""
    state = f'job="kube-state-metrics",namespace="{NAMESPACE}"'
    cronjob = f'{{{state},cronjob="{check.name}"}}'
    jobs = f'{{{state},job_name=~"{check.name}-[0-9]+"}}'
    of_it = f"and on (job_name) kube_job_status_start_time{jobs}"
    return Row(
        title="Quality checks",
        panels=(
            Panel(
                title="Since the last check that held",
                unit=SECONDS,
                queries=(
                    drawn(f"time() - kube_cronjob_status_last_successful_time{cronjob}", "since"),
                ),
                said=_ELSEWHERE,
            ),
            Panel(
                title="How long checks took",
                unit=SECONDS,
                queries=(
                    drawn(
                        f"kube_job_status_completion_time{jobs}"
                        f" - on (job_name) kube_job_status_start_time{jobs}",
                        "{{job_name}}",
                    ),
                    planned(
                        f'r1_plan:quality_seconds:limit{{variant="{check.variant}"}}', "at most"
                    ),
                ),
            ),
            Panel(
                title="How checks ended, of those that are kept",
                unit=NUMBER,
                queries=(
                    drawn(f"sum(kube_job_status_succeeded{jobs})", "held"),
                    drawn(
                        f"count({FAILED} {of_it} unless on (job_name) {BROKE}) or vector(0)",
                        "a figure fell",
                    ),
                    drawn(f"count({BROKE} {of_it}) or vector(0)", "no result"),
                ),
            ),
        ),
    )
