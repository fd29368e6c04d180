"""What each alert is told in a test, when it is to fire, and what is to leave it quiet.

Values are promtool's: `5+3x10` is 5, 8 … 35, one a minute. A firing case has two variants where
one could be taken for the other.
"""

from dataclasses import dataclass, field
from typing import Any

from r1_on_eks.plan import Plan
from r1_on_eks.stack_config import parse_stack_config

ALWAYS = "x800"
Values = dict[str, str]


@dataclass(frozen=True)
class Series:
    name: str
    labels: dict[str, str]
    values: str

    @property
    def told(self) -> dict[str, str]:
        labels = ",".join(f'{key}="{value}"' for key, value in self.labels.items())
        return {"series": f"{self.name}{{{labels}}}", "values": self.values}


@dataclass(frozen=True)
class Fires:
    """An alert fires from `since` minutes on, once it has held; at `at` where that is later."""

    series: list[Series]
    labels: list[dict[str, str]]
    since: int = 0
    at: int | None = None
    # Whether it is quiet as soon as a series has another value in any label that it selects by.
    by_labels: bool = True


@dataclass(frozen=True)
class Quiet:
    series: list[Series]
    at: int


@dataclass(frozen=True)
class Case:
    fires: list[Fires]
    quiet: list[Quiet] = field(default_factory=list)


def plan_of(**changes: Any) -> Plan:
    """Two variants that stand on different nodes, and a file system."""
    both = {"precision": "bf16", "stages": 1, "gpu_memory_utilization": 0.92}
    big = {**both, "instance": "p4d.24xlarge", "tensor_parallel": 8, "replicas": 1,
           "concurrency": 14, "rate": 0.3}  # fmt: skip
    small = {**both, "instance": "g6e.xlarge", "tensor_parallel": 1, "replicas": 2,
             "concurrency": 58}  # fmt: skip
    stack = {
        "name": "watched", "production": False, "region": "us-west-2", "kubernetes": "1.35",
        "zones": ["us-west-2a", "us-west-2b", "us-west-2c"], "gpu_zone": "us-west-2b",
        "admins": ["arn:aws:iam::111122223333:role/platform-engineer"],
        "weights": {"bucket": "example-r1-weights", "storage": "fsx",
                    "fsx": {"capacity_gib": 2400, "mbps_per_tib": 500}},
        "quality": {"image": "registry.example.com/quality:1",
                    "tasks": [{"task": "answers", "metric": "f1"}]},
        "variants": {"70b": big, "7b": small}, "gateway": "internal", "endpoint": "private",
    }  # fmt: skip
    return Plan.of(parse_stack_config(stack | changes))


PLAN = plan_of()
BIG, SMALL = PLAN.models
CHECK, OTHER_CHECK = (check.name for check in PLAN.quality)
STATE = {"job": "kube-state-metrics"}
POD = {**STATE, "namespace": "r1", "pod": "r1-70b-5d9c-x2x4k"}
OTHER_POD = {**POD, "pod": "r1-7b-77f4-9k2lm"}
SERVER = {**POD, "container": "vllm"}
GPU = {"job": "dcgm", "node": "ip-10-0-1-7", "gpu": "3", "pod": POD["pod"], "variant": "70b"}
NODE = {"job": "node", "node": "ip-10-0-1-7"}


def vllm(name: str, values: str, variant: str = "70b", **more: str) -> Series:
    pod = POD["pod"] if variant == "70b" else OTHER_POD["pod"]
    labels = {"job": "vllm", "variant": variant, "pod": pod, "model_name": variant, **more}
    return Series(f"vllm:{name}", labels, values)


def answered(values: str, variant: str = "70b") -> Series:
    return vllm("request_success_total", values, variant, finished_reason="stop")


def mean_of(name: str, seconds: str, count: str, variant: str = "70b") -> list[Series]:
    return [vllm(f"{name}_sum", seconds, variant), vllm(f"{name}_count", count, variant)]


def statuses(failed: str, well: str, variant: str = "70b") -> list[Series]:
    pod = POD["pod"] if variant == "70b" else OTHER_POD["pod"]
    labels = {"job": "vllm", "variant": variant, "pod": pod, "handler": "/v1/completions"}
    return [
        Series("http_requests_total", {**labels, "status": "5xx"}, failed),
        Series("http_requests_total", {**labels, "status": "2xx"}, well),
    ]


def gateway_answers(variant: str = "70b", **by_status: str) -> list[Series]:
    """`s200="0+60x9"`; of one pod of the gateway."""
    labels = {"job": "gateway", "pod": "gateway-1", "variant": variant}
    return [
        Series("r1_gateway_answers_total", {**labels, "status": status[1:]}, values)
        for status, values in by_status.items()
    ]


def replicas(wanted: int, ready: int, variant: str = "70b") -> list[Series]:
    labels = {**STATE, "namespace": "r1", "deployment": f"r1-{variant}"}
    return [
        Series("kube_deployment_spec_replicas", labels, f"{wanted}+0{ALWAYS}"),
        Series("kube_deployment_status_replicas_ready", labels, f"{ready}+0{ALWAYS}"),
    ]


def starting(pod: dict[str, str], *, ready: int = 0, phase: str = "Running") -> list[Series]:
    return [
        Series("kube_pod_start_time", pod, f"0+0{ALWAYS}"),
        Series("kube_pod_status_ready", {**pod, "condition": "true"}, f"{ready}+0{ALWAYS}"),
        Series("kube_pod_status_phase", {**pod, "phase": phase}, f"1+0{ALWAYS}"),
    ]


def constant(name: str, value: float, labels: dict[str, str], **more: str) -> Series:
    return Series(name, {**labels, **more}, f"{value}+0{ALWAYS}")


def node_of(pool: str, node: str = "ip-10-0-1-7") -> Series:
    label = {"label_r1_on_eks_variant_pool": pool}
    return constant("kube_node_labels", 1, {**STATE, "node": node, **label})


def up(*jobs: str, value: int = 1) -> list[Series]:
    return [constant("up", value, {"job": job, "instance": f"{job}:80"}) for job in jobs]


def check_job(cronjob: str, started: int, reason: str | None = "", **more: str) -> list[Series]:
    """A Job of a quality check: failed for a reason, "" for its own policy, None while it runs."""
    job = {**STATE, "namespace": "r1", "job_name": f"{cronjob}-{started}", **more}
    if reason is None:
        return [constant("kube_job_status_start_time", started, job)]
    known = ("BackoffLimitExceeded", "DeadlineExceeded", "Evicted")
    return [
        constant("kube_job_status_start_time", started, job),
        constant("kube_job_failed", 1, job, condition="true"),
        *(
            constant("kube_job_status_failed", int(one == reason), job, reason=one)
            for one in (*known, *([""] if reason == "" else []))
        ),
    ]


def cronjob(name: str, created: int, succeeded: int | None = None, **more: str) -> list[Series]:
    labels = {**STATE, "namespace": "r1", "cronjob": name, **more}
    return [
        constant("kube_cronjob_created", created, labels),
        *(
            [constant("kube_cronjob_status_last_successful_time", succeeded, labels)]
            if succeeded is not None
            else []
        ),
    ]
