"""Alerts of the quality checks: a Job that failed since its CronJob last succeeded."""

from r1_on_eks.plan.monitoring.alert import WARNING, Alert, Step
from r1_on_eks.plan.names import NAMESPACE
from r1_on_eks.plan.quality import CHECK_PODS, HISTORY

_STATE = f'job="kube-state-metrics",namespace="{NAMESPACE}"'
_STARTED = f'kube_job_status_start_time{{{_STATE},job_name=~"quality-.+"}}'
# What kube-state-metrics knows of reasons (internal/store/job.go, v2.19.1): without one of them,
# the Job's own policy ended it at the exit status of a figure that fell.
BROKE = (
    f'(kube_job_status_failed{{{_STATE},reason=~"BackoffLimitExceeded|DeadlineExceeded|Evicted"}}'
    " == 1)"
)
FAILED = f'(kube_job_failed{{{_STATE},condition="true"}} == 1)'
# A failed Job stays for a while after a later one has succeeded.
_SINCE = (
    f"(kube_cronjob_status_last_successful_time{{{_STATE}}} or kube_cronjob_created{{{_STATE}}})"
)
_PODS = ",".join(f"{key}={value}" for key, value in CHECK_PODS.items())
_LOGS = f"kubectl -n {NAMESPACE} logs -l {_PODS} --all-containers --prefix --tail=20"
_AGAIN = (
    f"kubectl -n {NAMESPACE} create job --from=cronjob/{{{{ $labels.cronjob }}}}"
    " {{ $labels.cronjob }}-$(date +%s)"
)


def _newest(jobs: str) -> str:
    by_cronjob = f'label_replace({jobs}, "cronjob", "$1", "job_name", "(.+)-[0-9]+")'
    return f"max by (cronjob) ({by_cronjob} > on (cronjob) group_left () {_SINCE})"


QUALITY_ALERTS = (
    Alert(
        name="QualityFell",
        severity=WARNING,
        expr=_newest(f"{_STARTED} and on (job_name) {FAILED} unless on (job_name) {BROKE}"),
        hold="5m",
        summary="{{ $labels.cronjob }}: answers are worse than they were",
        description="A figure is below the median of earlier checks by more than tolerance and"
        " chance allow.",
        means="Something changed what the model says: another checkpoint or precision, another"
        " vLLM, a setting, or questions that are cut off.",
        first=(
            Step("Which figure fell, from where to where?", _LOGS),
            Step(
                "Checkpoint and server image of each check before: what differs? Is it wanted,"
                " take the lines before it out; else back to what they name.",
                f"kubectl -n {NAMESPACE} get configmap {HISTORY} -o yaml",
            ),
            Step("Once more, to see whether it holds.", _AGAIN),
        ),
    ),
    Alert(
        name="QualityNotMeasured",
        severity=WARNING,
        expr=_newest(f"{_STARTED} and on (job_name) {BROKE}"),
        hold="5m",
        summary="{{ $labels.cronjob }}: the last check ended without a result",
        description="Its Job failed, or took longer than it may.",
        means="Nobody knows whether answers are as good as they were.",
        first=(
            Step("ask is the harness, compare is what holds its results against others.", _LOGS),
            Step(
                "Is its image there, was the pod ended?",
                f"kubectl -n {NAMESPACE} get pods -l {_PODS} -o wide",
            ),
            Step("Does the model answer? It is asked again at the next date.", "r1 status STACK"),
        ),
    ),
)
