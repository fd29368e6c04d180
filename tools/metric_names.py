"""Lists the series that upstream's exporters tell, from their own sources.

    pip download --no-deps --dest DIR prometheus-client prometheus-fastapi-instrumentator
    pip download ... --dest DIR vllm==VERSION          (as in tools/vllm_options.py)
    git clone https://github.com/NVIDIA/dcgm-exporter, kubernetes/kube-state-metrics and
        nginx/nginx-prometheus-exporter into CHECKOUTS
    python tools/metric_names.py DIR CHECKOUTS > components/r1_on_eks/catalog/metric_names.csv

Node exporter and cAdvisor are Go modules and are fetched. Nothing of them is imported or run.
A histogram has one row; its series end in _bucket, _sum and _count, a summary's in _sum and
_count.
"""

import argparse
import ast
import csv
import datetime
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

REFS = {
    "dcgm-exporter": "4.5.3-4.8.2",
    "kube-state-metrics": "v2.19.1",
    "nginx-prometheus-exporter": "v1.5.1",
}
NODE_EXPORTER = "github.com/prometheus/node_exporter@v1.12.1"
# The one that the kubelet of Kubernetes 1.35 has built in (tools/control-plane/go.mod).
CADVISOR = "github.com/google/cadvisor@v0.53.0"
# Of the hundreds of the node exporter, those of memory, processors, disks and network.
NODE = re.compile(r"node_(cpu|memory|filesystem|load|disk|network|pressure)")
OF_POD = ["namespace", "pod", "container"]
# FSx for Lustre user guide, fs-metrics, read 2026-11; as both of CloudWatch's exporters spell
# them: prometheus-community/yet-another-cloudwatch-exporter, pkg/promutil/migrate.go:32.
FSX = {
    "DataReadBytes": "Sum", "DataWriteBytes": "Sum", "DataReadOperations": "Sum",
    "DataWriteOperations": "Sum", "MetadataOperations": "Sum", "FreeDataStorageCapacity": "Sum",
}  # fmt: skip


class Row(NamedTuple):
    """A line of the list."""

    name: str
    type: str
    labels: str
    project: str
    version: str
    source: str


class Wheel:
    """A wheel by the beginning of its name."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = next(folder.glob(f"{name}-*.whl"))
        self.version = self.path.name.split("-")[1]
        self._archive = zipfile.ZipFile(self.path)

    def calls(self, file: str, kinds: dict[str, str]) -> Iterator[tuple[ast.Call, str]]:
        """Calls of what makes metrics, with the type that each makes."""
        for node in ast.walk(ast.parse(self._archive.read(file).decode())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).removeprefix("self.")
                if called in kinds:
                    yield node, kinds[called]


def vllm(folder: Path) -> Iterator[Row]:
    """The engine's own, of its stat logger."""
    wheel, file = Wheel(folder, "vllm"), "vllm/v1/metrics/loggers.py"
    kinds = {f"_{kind}_cls": kind for kind in ("gauge", "counter", "histogram")}
    for call, kind in wheel.calls(file, kinds):
        words = {word.arg: word.value for word in call.keywords}
        match words["name"]:
            case ast.Constant(value=str() as name):
                labels = _strings(words["labelnames"])
                listed = ["model_name", "engine"] if "labelnames" in _names(words) else []
                source = f"{file}:{call.lineno}"
                yield _row(name, kind, [*listed, *labels], "vllm", wheel.version, source)
    yield _row("vllm:cache_config_info", "gauge", ["engine"], "vllm", wheel.version, file)


def _names(words: dict[str | None, ast.expr]) -> set[str]:
    return {node.id for node in ast.walk(words["labelnames"]) if isinstance(node, ast.Name)}


def _strings(node: ast.AST) -> list[str]:
    return [
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


def http(folder: Path) -> Iterator[Row]:
    """Those of vLLM's HTTP server, and of its process."""
    wheel = Wheel(folder, "prometheus_fastapi_instrumentator")
    file = "prometheus_fastapi_instrumentator/metrics.py"
    kinds = {kind: kind.lower() for kind in ("Counter", "Histogram", "Summary")}
    labels = {
        "http_requests_total": ["method", "status", "handler"],
        "http_request_duration_seconds": ["method", "handler"],
        "http_request_duration_highr_seconds": [],
        "http_request_size_bytes": ["handler"],
        "http_response_size_bytes": ["handler"],
    }
    for call, kind in wheel.calls(file, kinds):
        match {word.arg: word.value for word in call.keywords}.get("name"):
            case ast.Constant(value=str() as name) if name in labels:
                source = f"{file}:{call.lineno}"
                project = "prometheus-fastapi-instrumentator"
                yield _row(name, kind, labels[name], project, wheel.version, source)
    wheel, file = Wheel(folder, "prometheus_client"), "prometheus_client/process_collector.py"
    families = {"GaugeMetricFamily": "gauge", "CounterMetricFamily": "counter"}
    for call, kind in wheel.calls(file, families):
        name = "process_" + _strings(call.args[0])[0]
        yield _row(name, kind, [], "prometheus_client", wheel.version, f"{file}:{call.lineno}")


def dcgm(checkouts: Path) -> Iterator[Row]:
    """Every counter that the exporter's own list names, switched on or not."""
    labels = ["gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname", *OF_POD]
    more = {"DCGM_EXP_XID_ERRORS_COUNT": ["window_size_in_ms", "xid"],
            "DCGM_EXP_CLOCK_EVENTS_COUNT": ["window_size_in_ms", "clock_event"]}  # fmt: skip
    for number, line in _lines(checkouts, "dcgm-exporter", "etc/default-counters.csv"):
        found = re.match(r"(?:# )?(DCGM_\w+)\s*,\s*(gauge|counter)\s*,", line)
        if found:
            name, kind = found.groups()
            source = f"etc/default-counters.csv:{number}"
            yield Row(name, kind, " ".join([*labels, *more.get(name, [])]), "dcgm-exporter",
                      REFS["dcgm-exporter"], source)  # fmt: skip


def nginx(checkouts: Path) -> Iterator[Row]:
    """Those of nginx's own status page."""
    for number, line in _lines(checkouts, "nginx-prometheus-exporter", "README.md"):
        found = re.match(
            r"\| `(nginx_(?:up|connections_\w+|http_requests_total))`\s*\| (\w+)", line
        )
        if found:
            name, kind = found.groups()
            yield Row(name, kind.lower(), "", "nginx-prometheus-exporter",
                      REFS["nginx-prometheus-exporter"], f"README.md:{number}")  # fmt: skip


def kube_state(checkouts: Path) -> Iterator[Row]:
    """Those of pods, nodes, what makes pods, and volumes."""
    kinds = ("workload/pod", "workload/deployment", "workload/statefulset", "workload/job",
             "workload/cronjob", "workload/horizontalpodautoscaler", "cluster/node",
             "storage/persistentvolumeclaim")  # fmt: skip
    for kind in kinds:
        file = f"docs/metrics/{kind}-metrics.md"
        for number, line in _lines(checkouts, "kube-state-metrics", file):
            found = re.match(r"\| (kube_\w+)\s*\| (\w+)", line)
            if found:
                labels = dict.fromkeys(re.findall(r"`([A-Za-z_]+)`=", line))
                yield Row(found[1], found[2].lower(), " ".join(labels), "kube-state-metrics",
                          REFS["kube-state-metrics"], f"{file}:{number}")  # fmt: skip


def node() -> Iterator[Row]:
    """The node exporter's: what its own test tells, and what that leaves out of its code."""
    home, version = _module(NODE_EXPORTER), NODE_EXPORTER.partition("@")[2]
    file = "collector/fixtures/e2e-output.txt"
    lines = (home / file).read_text().splitlines()
    for number, line in enumerate(lines, 1):
        found = re.match(r"# TYPE (\w+) (\w+)", line)
        if found and NODE.match(found[1]):
            labels = re.findall(r'(\w+)="', lines[number]) if number < len(lines) else []
            yield Row(found[1], found[2], " ".join(labels), "node_exporter", version,
                      f"{file}:{number}")  # fmt: skip
    for file, pattern, begins, labels in (
        ("collector/meminfo_linux.go", r'metrics\["(\w+)"\]', "node_memory_", ""),
        ("collector/filesystem_common.go", r'BuildFQName\(namespace, subsystem, "(\w+)"',
         "node_filesystem_", "device mountpoint fstype device_error"),
    ):  # fmt: skip
        for number, line in enumerate((home / file).read_text().splitlines(), 1):
            if found := re.search(pattern, line):
                yield Row(begins + found[1], "gauge", labels, "node_exporter", version,
                          f"{file}:{number}")  # fmt: skip


def cadvisor() -> Iterator[Row]:
    """The kubelet's /metrics/cadvisor, which adds the pod."""
    file = "docs/storage/prometheus.md"
    lines = (_module(CADVISOR) / file).read_text().splitlines()
    for number, line in enumerate(lines, 1):
        found = re.match(r"`(container_\w+)` \| (Gauge|Counter) ", line)
        if found:
            yield Row(found[1], found[2].lower(), " ".join([*OF_POD, "id", "image", "name"]),
                      "cadvisor", CADVISOR.partition("@")[2], f"{file}:{number}")  # fmt: skip


def fsx() -> Iterator[Row]:
    """CloudWatch's of a file system."""
    for metric, statistic in FSX.items():
        spelt = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", metric).lower()
        name = f"aws_fsx_{spelt}_{statistic.lower()}"
        yield Row(name, "gauge", "", "CloudWatch AWS/FSx", "2026-11", f"fs-metrics: {metric}")


def prometheus() -> Iterator[Row]:
    """Prometheus' own: of each scrape, and of its alerts."""
    docs = "docs/concepts/jobs_instances.md", "docs/configuration/alerting_rules.md"
    for name, labels, source in (
        ("up", "job instance", docs[0]),
        ("ALERTS", "alertname alertstate severity", docs[1]),
    ):
        yield Row(name, "gauge", labels, "prometheus", "v3.5", source)


def _row(name: str, kind: str, labels: list[str], project: str, version: str, source: str) -> Row:
    # As prometheus_client tells them.
    whole = f"{name.removesuffix('_total')}_total" if kind == "counter" else name
    return Row(whole, kind, " ".join(labels), project, version, source)


def _lines(checkouts: Path, project: str, file: str) -> Iterator[tuple[int, str]]:
    shown = subprocess.run(
        ["git", "-C", str(checkouts / project), "show", f"{REFS[project]}:{file}"],
        check=True,
        capture_output=True,
        text=True,
    )
    yield from enumerate(shown.stdout.splitlines(), 1)


def _module(module: str) -> Path:
    done = subprocess.run(
        ["go", "mod", "download", "-json", module], check=True, capture_output=True, text=True
    )
    return Path(json.loads(done.stdout)["Dir"])


def main() -> None:
    """Prints the list."""
    arguments = argparse.ArgumentParser(description="The series of upstream's exporters.")
    arguments.add_argument("wheels", type=Path)
    arguments.add_argument("checkouts", type=Path)
    given = arguments.parse_args()
    rows = [
        *vllm(given.wheels), *http(given.wheels), *dcgm(given.checkouts),
        *nginx(given.checkouts), *kube_state(given.checkouts), *node(), *cadvisor(), *fsx(),
        *prometheus(),
    ]  # fmt: skip
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow([*Row._fields, "date"])
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    out.writerows([*row, today] for row in {row.name: row for row in rows}.values())


if __name__ == "__main__":
    main()
