"""A day of a stack as its exporters would tell it, in OpenMetrics: made, not measured.

Names and labels are upstream's (catalog/metric_names.csv), and the labels that scraping adds
(docs/monitoring.md); values rise and fall with a day's traffic, and a few things go wrong.
"""

import csv
import math
from collections.abc import Collection, Iterator, Sequence
from importlib.resources import files
from itertools import product

from r1_on_eks.plan.nginx.answers import ANSWERS_LABELS, ANSWERS_SERIES

STEP_SECONDS = 120
DAY = 86400
# Of a histogram; vLLM's own have more.
_BUCKETS = ("0.01", "0.1", "1.0", "10.0", "100.0", "+Inf")
Labels = dict[str, str]
OURS = "the gateway"


def metric_rows() -> dict[str, dict[str, str]]:
    """Upstream's list and our own series, by name."""
    text = files("r1_on_eks.catalog").joinpath("metric_names.csv").read_text()
    ours = {"name": ANSWERS_SERIES, "type": "counter", "labels": " ".join(ANSWERS_LABELS),
            "project": OURS}  # fmt: skip
    return {row["name"]: row for row in [*csv.DictReader(text.splitlines()), ours]}


def told_by(project: str) -> list[Labels]:
    """What scraping knows of each target, or of each object that is told of."""
    pods = [
        {"variant": variant, "pod": f"r1-{variant}-6c9d-{number}", "node": f"node-{variant}"}
        for variant, number in product(("70b", "7b"), (1, 2))
    ]
    model_pods = [{"variant": one["variant"], "pod": one["pod"]} for one in pods]
    nodes = ("node-70b", "node-7b", "node-system")
    by_project = {
        "vllm": [{"job": "vllm", **one} for one in model_pods],
        "dcgm-exporter": [
            {"job": "dcgm", "gpu": gpu, **one} for one in pods for gpu in ("0", "1")
        ],
        "nginx-prometheus-exporter": [
            {"job": "nginx", "pod": f"gateway-{number}"} for number in (1, 2)
        ],
        OURS: [{"job": "gateway", "pod": f"gateway-{number}"} for number in (1, 2)],
        "node_exporter": [{"job": "node", "node": node} for node in nodes],
        "kube-state-metrics": [{"job": "kube-state-metrics"}],
        "cadvisor": [{"job": "kubelet"}],
        "CloudWatch AWS/FSx": [{"job": "fsx"}],
        "prometheus": [
            {"job": job, "instance": f"{job}:80"}
            for job in (
                "vllm",
                "dcgm",
                "gateway",
                "nginx",
                "node",
                "kube-state-metrics",
                "kubelet",
                "fsx",
            )
        ],
    }
    by_project["prometheus-fastapi-instrumentator"] = by_project["vllm"]
    return by_project[project]


_PODS = tuple(f"r1-{variant}-6c9d-{number}" for variant, number in product(("70b", "7b"), (1, 2)))
# What a label may be; of other labels one value is enough.
_VALUES: dict[str, Sequence[str]] = {
    "namespace": ("r1",),
    "pod": _PODS,
    "container": ("vllm",),
    "deployment": ("r1-70b", "r1-7b"),
    "node": ("node-70b", "node-7b", "node-system"),
    "phase": ("Pending", "Running", "Failed"),
    "condition": ("true", "false", "Ready"),
    "status": ("2xx", "4xx", "5xx", "true"),
    "reason": ("OOMKilled", "ImagePullBackOff", "ContainerCreating", "Error", "Evicted"),
    "job_name": ("quality-70b-29401620", "quality-7b-29401640"),
    "cronjob": ("quality-70b", "quality-7b"),
    "finished_reason": ("stop", "length", "abort"),
    "mountpoint": ("/", "/mnt/k8s-disks/0"),
    "xid": ("13", "79"),
}
_OF_THE_GATEWAY: dict[str, Sequence[str]] = {
    "variant": ("70b", "7b", "none"),
    "status": ("200", "401", "429", "499", "503"),
}
# Of these the plan's pool is told beside, by the list of labels that the exporter is allowed.
_POOLS = {"node-70b": "r1-70b", "node-7b": "r1-7b"}


def lines(names: Collection[str], until: float) -> Iterator[str]:
    """A day of those of the listed series that are named, up to a moment."""
    times = range(int(until) - DAY, int(until), STEP_SECONDS)
    traffic = [0.6 - 0.4 * math.cos(2 * math.pi * (time % DAY) / DAY) for time in times]
    for name in sorted(names):
        row = metric_rows()[name]
        for labels in _labelled(row):
            yield from _series(row, labels, times, traffic)
    yield "# EOF"


def _labelled(row: dict[str, str]) -> Iterator[Labels]:
    for target in told_by(row["project"]):
        own = [one for one in row["labels"].split() if one not in target]
        own = [one for one in own if one not in ("label_NODE_LABEL", "Hostname")]
        values_of = _VALUES | _OF_THE_GATEWAY if row["project"] == OURS else _VALUES
        for values in product(*(values_of.get(one, ("1",)) for one in own)):
            labels = {**target, **dict(zip(own, values, strict=True))}
            if row["name"] == "kube_node_labels" and labels["node"] in _POOLS:
                labels["label_r1_on_eks_variant_pool"] = _POOLS[labels["node"]]
            yield labels


def _series(
    row: dict[str, str], labels: Labels, times: range, traffic: list[float]
) -> Iterator[str]:
    if row["type"] != "histogram":
        counts = row["type"] == "counter" and row["project"] != "dcgm-exporter"
        values = _grown(traffic, 30) if counts else _gauge(row["name"], labels, times, traffic)
        yield from _written(row["name"], labels, times, values)
        return
    for number, bucket in enumerate(_BUCKETS, 1):
        values = _grown(traffic, number)
        yield from _written(f"{row['name']}_bucket", {**labels, "le": bucket}, times, values)
    yield from _written(f"{row['name']}_sum", labels, times, _grown(traffic, 3))
    yield from _written(f"{row['name']}_count", labels, times, _grown(traffic, len(_BUCKETS)))


def _grown(traffic: list[float], by: float) -> list[float]:
    whole, values = 0.0, []
    for one in traffic:
        whole += one * by * STEP_SECONDS / 60
        values.append(whole)
    return values


def _gauge(name: str, labels: Labels, times: range, traffic: list[float]) -> list[float]:
    # The second pod of each is still starting.
    starting = labels.get("pod", "").endswith("-2")
    match name:
        case "up" | "nginx_up" | "kube_node_labels":
            return [1.0] * len(times)
        case "kube_pod_start_time":
            return [times[-1] - 300.0 if starting else times[0]] * len(times)
        case "kube_pod_status_ready":
            return [0.0 if starting == (labels["condition"] == "true") else 1.0] * len(times)
        case "kube_pod_status_phase":
            return [float(labels["phase"] == "Running")] * len(times)
        case "kube_deployment_spec_replicas" | "kube_deployment_status_replicas_ready":
            return [2.0] * len(times)
    scale = 1e9 if "bytes" in name or "memory" in name else 1.0
    return [scale * one for one in traffic]


def _written(name: str, labels: Labels, times: range, values: Sequence[float]) -> Iterator[str]:
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    head = f"{name}{{{told}}} "
    for time, value in zip(times, values, strict=True):
        yield f"{head}{value:.6g} {time}"
