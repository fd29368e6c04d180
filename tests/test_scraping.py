"""The declared objects, the real operator and a real Prometheus: series arrive as rules read them.

A real API server takes what prod-70b declares. The operator, with the rights that are declared for
it, makes Prometheus' configuration of it. A real Prometheus runs that configuration: rewritten are
file names, the way to the API server, intervals (a fifteenth), and that every scrape goes through
the stand-ins. Discovery, targets and relabelling are the deployed ones.

Beside it runs another, with the configuration and the rules that Amazon's service is given for the
same stack and with the rights of its collector: it finds the same targets, and gives every series
the same labels.
"""

import base64
import contextlib
import gzip
import json
import re
import runpy
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml
from kubernetes import client, config
from r1_on_eks.plan.monitoring.managed import rules_file, scrape_configuration
from r1_on_eks.rehearsal.control_plane import process_prefix, start_control_plane
from r1_on_eks.rehearsal.model_server import ModelServer
from r1_on_eks.rehearsal.nginx_package import find_or_unpack_kubectl
from r1_on_eks.rehearsal.nodes import NodeShape, set_nodes
from r1_on_eks.rehearsal.processes import Processes, free_port
from r1_on_eks.rehearsal.prometheus_package import find_or_unpack_prometheus
from r1_on_eks.stack_file import plan_of

sys.path.insert(0, str(Path(__file__).parent))
import metrics_standins as standins

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(900)]

PROJECT = Path(__file__).parent.parent
MANIFESTS = runpy.run_path(str(PROJECT / "tools" / "manifests.py"))["manifests"]
SYSTEM = NodeShape(
    instance_type="m7i.large", vcpus=2, memory_gib=8, gpus=0, gpu_model="",
    efa_interfaces=0, hugepages_2mi_mib=0, local_nvme_gb=0,
)  # fmt: skip
P4D = NodeShape(
    instance_type="p4d.24xlarge", vcpus=96, memory_gib=1152, gpus=8, gpu_model="a100-40",
    efa_interfaces=4, hugepages_2mi_mib=5128, local_nvme_gb=8000,
)  # fmt: skip
CLOCK = 15


def until(found, timeout=90):
    deadline = time.monotonic() + timeout
    while not (answer := found()):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return answer


_GPU = {"r1-on-eks/variant-pool": "r1-70b", "k8s.amazonaws.com/accelerator": "a100-40"}
_TAINT = [{"key": "nvidia.com/gpu", "value": "", "effect": "NoSchedule"}]
POOLS = (("system", SYSTEM, 2, {}, []), ("gpu", P4D, 1, _GPU, _TAINT))


class Cluster:
    """An API server with all that a stack declares in it."""

    def __init__(self, root, stack="prod-70b", pools=POOLS, left_out=()):
        self.root = root
        running = start_control_plane(
            root, "one", version="1.35", service_cidr="172.20.0.0/16",
            token_webhook_url="http://127.0.0.1:9/",
        )  # fmt: skip
        self.kubeconfig = str(running.admin_kubeconfig)
        self.kubectl = find_or_unpack_kubectl(print)
        self.running = running
        for group, shape, count, labels, taints in pools:
            instances = [
                {"instance_id": f"i-{group}{n}", "zone": "us-west-2b",
                 "private_ip": f"10.0.{len(group)}.{n}", "private_dns_name": f"{group}-{n}"}
                for n in range(count)
            ]  # fmt: skip
            set_nodes(
                running.admin_kubeconfig, group=group, shape=shape, labels=labels,
                taints=taints, instances=instances,
            )  # fmt: skip
        self.objects = [one for one in MANIFESTS(stack) if one["kind"] not in left_out]
        first = ("Namespace", "CustomResourceDefinition")
        stages = [[one for one in self.objects if one["kind"] == kind] for kind in first]
        for part in (*stages, [one for one in self.objects if one["kind"] not in first]):
            applied = self.apply(*part)
            assert applied.returncode == 0, applied.stderr
            if part is stages[1]:
                self.wait_for_definitions()
        self.api = config.new_client_from_config(self.kubeconfig)
        self.core = client.CoreV1Api(self.api)

    def apply(self, *objects):
        return self.run("apply", "--server-side", "--validate=strict", "-f", "-",
                        text=yaml.safe_dump_all(objects))  # fmt: skip

    def wait_for_definitions(self):
        # kubectl fails at one that has no conditions yet.
        words = ("--for=condition=Established", "crd", "--all", "--timeout=30s")
        until(lambda: self.run("wait", *words).returncode == 0)

    def run(self, *words, text=None):
        return subprocess.run(
            [self.kubectl, "--kubeconfig", self.kubeconfig, *words],
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def token(self, account, namespace="monitoring"):
        done = self.run("-n", namespace, "create", "token", account, "--duration=1h")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def as_account(self, account, namespace="monitoring"):
        """A kubeconfig with the rights of a ServiceAccount, no more."""
        written = yaml.safe_load(Path(self.kubeconfig).read_text())
        written["users"][0]["user"] = {"token": self.token(account, namespace)}
        path = self.root / f"{account}.kubeconfig"
        path.write_text(yaml.safe_dump(written))
        return path

    def pods(self, namespace=None):
        listed = self.core.list_namespaced_pod if namespace else None
        found = listed(namespace) if listed else self.core.list_pod_for_all_namespaces()
        return found.items


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    root = tmp_path_factory.mktemp("scraping")
    try:
        found = Cluster(root)
        yield found
        found.api.close()
    finally:
        Processes(root).stop_all()


@pytest.fixture(scope="module")
def operated(cluster):
    """The operator has made all of its objects, and the scheduler has placed Prometheus' pod."""
    until(lambda: [pod for pod in cluster.pods("monitoring")
                   if pod.metadata.name == "prometheus-prometheus-0"
                   and pod.status.phase == "Running"])  # fmt: skip
    return cluster


def rewritten(text, folder, kubeconfig, token, proxy):
    """The operator's configuration on this machine."""
    # As the reloader in the pod does.
    text = text.replace("$(POD_NAME)", "prometheus-prometheus-0").replace("$(SHARD)", "0")
    text = text.replace("/etc/prometheus/rules/", f"{folder}/rules/")
    text = text.replace("/var/run/secrets/kubernetes.io/serviceaccount/token", str(token))
    found = yaml.safe_load(text)
    alerting = found["alerting"]["alertmanagers"]
    for one in (*found["scrape_configs"], *alerting):
        for discovery in one["kubernetes_sd_configs"]:
            discovery["kubeconfig_file"] = str(kubeconfig)
    for one in found["scrape_configs"]:
        one["proxy_url"] = proxy
    return yaml.safe_dump(faster(found))


def faster(value):
    if isinstance(value, dict):
        return {
            key: _shorter(one) if key.endswith("interval") else faster(one)
            for key, one in value.items()
            if key != "scrape_timeout"
        }
    return [faster(one) for one in value] if isinstance(value, list) else value


def _shorter(told):
    seconds = {"s": 1, "m": 60}[told[-1]] * int(told[:-1])
    return f"{max(1, seconds // CLOCK)}s"


class Prometheus:
    """A running one."""

    def __init__(self, url):
        self.url = url

    def ask(self, path, **words):
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(address, timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def why_not_all(self):
        up = {one["metric"]["job"] for one in self.query("up == 1")}
        errors = {
            one["scrapePool"]: one["lastError"] for one in self.ask("targets")["activeTargets"]
        }
        return f"no target answers of {set(JOBS) - up}; {errors}"

    def ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False


def made_by_operator(cluster):
    """The text of Prometheus' configuration, and its rules by file, once it has made them."""

    def data(kind, name):
        found = kind(field_selector=f"metadata.name={name}", namespace="monitoring").items
        return found and found[0].data

    secrets, maps = cluster.core.list_namespaced_secret, cluster.core.list_namespaced_config_map
    secret = until(lambda: data(secrets, "prometheus-prometheus"))
    text = gzip.decompress(base64.b64decode(secret["prometheus.yaml.gz"])).decode()
    return text, until(lambda: data(maps, "prometheus-prometheus-rulefiles-0"))


@contextlib.contextmanager
def running(cluster, folder, proxy_url):
    """A Prometheus with what the operator made; it scrapes through a proxy."""
    text, rules = made_by_operator(cluster)
    rules_folder = folder / "rules" / "prometheus-prometheus-rulefiles-0"
    rules_folder.mkdir(parents=True)
    for name, content in rules.items():
        (rules_folder / name).write_text(yaml.safe_dump(faster(yaml.safe_load(content))))
    token = folder / "token"
    token.write_text(cluster.token("prometheus"))
    kubeconfig = cluster.as_account("prometheus")
    with serving(rewritten(text, folder, kubeconfig, token, proxy_url), folder) as found:
        yield found


@contextlib.contextmanager
def serving(text, folder):
    """A Prometheus with this configuration."""
    file = folder / "prometheus.yaml"
    file.write_text(text)
    found = Prometheus(f"http://127.0.0.1:{free_port()}")
    log = (folder / "prometheus.log").open("w+")
    process = subprocess.Popen(
        [find_or_unpack_prometheus(print).server, f"--config.file={file}",
         f"--storage.tsdb.path={folder / 'history'}",
         f"--web.listen-address={urllib.parse.urlsplit(found.url).netloc}"],
        stdout=log, stderr=subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    try:
        until(found.ready)
        yield found
    finally:
        process.terminate()
        process.wait()
        log.close()


@pytest.fixture(scope="module")
def texts(operated):
    """What is told at each port; the model's pod answers in person."""
    done = {"Running", "Succeeded"}
    until(lambda: all(pod.status.phase in done for pod in operated.pods("r1")))
    pods = [(pod.metadata.namespace, pod.metadata.name, pod.spec.containers[0].name)
            for pod in operated.pods() if pod.status.phase == "Running"]  # fmt: skip
    nodes = {}
    for one in operated.core.list_node().items:
        pool = one.metadata.labels.get("r1-on-eks/variant-pool", "")
        nodes[one.metadata.name] = {"label_r1_on_eks_variant_pool": pool}
    deployments = [
        (one.metadata.namespace, one.metadata.name, one.spec.replicas)
        for one in client.AppsV1Api(operated.api).list_deployment_for_all_namespaces().items
    ]
    [model] = [name for _, name, _ in pods if name.startswith("r1-70b-")]
    server = ModelServer(free_port(), ["70b"])
    port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    over = threading.Event()

    def clients():
        asked = json.dumps({"prompt": "why", "max_tokens": 5}).encode()
        while not over.is_set():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/completions", asked) as one:
                one.read()
            over.wait(0.2)

    asking = threading.Thread(target=clients)
    asking.start()
    yield {
        (8000, "/metrics"): standins.of_server(port),
        (9113, "/metrics"): standins.nginx,
        (9114, "/metrics"): standins.gateway,
        (9400, "/metrics"): standins.dcgm(model),
        (9100, "/metrics"): standins.node,
        (8080, "/metrics"): standins.states(pods, nodes, deployments),
        (5000, "/metrics"): standins.fsx,
        (10250, "/metrics"): standins.kubelet,
        (10250, "/metrics/cadvisor"): standins.cadvisor(pods),
    }
    over.set()
    asking.join()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def prometheus(operated, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        standins.Standins(texts, folder) as proxy,
        running(operated, folder, proxy.url) as found,
    ):
        jobs = "count by (job) (up == 1)"
        try:
            until(lambda: len(found.query(jobs)) == len(JOBS), timeout=90)
        except AssertionError:
            pytest.fail(found.why_not_all())
        # A rate needs two scrapes, and what is recorded of it one evaluation more.
        until(lambda: found.query("rate(vllm:generation_tokens_total[1m]) > 0"))
        time.sleep(6)
        found.proxy = proxy
        yield found


JOBS = {"vllm", "gateway", "nginx", "dcgm", "node", "kube-state-metrics", "kubelet", "fsx"}


def test_the_scheduler_places_all_pods_of_monitoring_on_the_system_nodes(operated):
    found = {pod.metadata.name: pod for namespace in ("monitoring", "node-metrics")
             for pod in operated.pods(namespace)}  # fmt: skip
    names = {re.sub(r"(-[0-9a-f]{6,10})?-\w{5}$", "", name) for name in found}
    assert names >= {"prometheus-prometheus-0", "grafana", "alertmanager", "prometheus-operator"}
    nodes = {pod.spec.node_name for name, pod in found.items() if "-exporter-" not in name}
    assert len(nodes) <= 2
    assert "gpu" not in " ".join(nodes)
    of_gpus = [pod for name, pod in found.items() if name.startswith("dcgm-exporter")]
    assert len(of_gpus) == 1
    assert len([name for name in found if name.startswith("node-exporter")]) == 3


def test_the_operator_runs_with_the_rights_that_are_declared_for_it(operated):
    [file] = (operated.root / "logs").glob(f"{process_prefix('one')}prometheus-operator-*.log")
    log = file.read_text()
    assert "sync prometheus" in log
    assert "forbidden" not in log.lower()
    assert "missing permission" not in log


def test_every_job_has_targets_and_all_of_them_answer(prometheus):
    up = prometheus.query("up")
    assert {one["metric"]["job"] for one in up} == JOBS
    assert [one["metric"] for one in up if one["value"][1] != "1"] == []
    assert len(prometheus.query('up{job="node"}')) == 3
    assert len(prometheus.query('up{job="kubelet"}')) == 6
    assert len(prometheus.query('up{job="nginx"}')) == 2
    assert len(prometheus.query('up{job="gateway"}')) == 2


def labels_of(prometheus, expression):
    found = prometheus.query(expression)
    assert found, expression
    return [one["metric"] for one in found]


def test_series_carry_the_labels_that_rules_read(prometheus):
    for one in labels_of(prometheus, '{job="vllm",__name__=~"vllm:num_requests_running"}'):
        assert one["variant"] == "70b"
        assert one["pod"].startswith("r1-70b-")
    gpus = labels_of(prometheus, 'DCGM_FI_PROF_SM_ACTIVE{job="dcgm"}')
    assert {one["gpu"] for one in gpus} == {str(n) for n in range(8)}
    for one in gpus:
        assert one["variant"] == "70b"
        assert one["pod"].startswith("r1-70b-")
        assert one["node"].startswith("gpu")
    assert all(one["pod"].startswith("gateway-") for one in labels_of(prometheus, "nginx_up"))
    for one in labels_of(prometheus, 'r1_gateway_answers_total{job="gateway"}'):
        assert one["variant"] in {"70b", "none"}
        assert one["status"] in {"200", "429", "503"}
        assert one["pod"].startswith("gateway-")
    for one in labels_of(prometheus, 'kube_pod_status_ready{job="kube-state-metrics"}'):
        assert one["namespace"] in {"r1", "monitoring", "node-metrics", "kube-system"}
    for one in labels_of(prometheus, 'container_memory_rss{job="kubelet",container="vllm"}'):
        assert one["namespace"] == "r1"
        assert one["node"]
    assert all(one["node"] for one in labels_of(prometheus, "node_load1"))


def test_what_nobody_reads_is_not_kept(prometheus):
    for dropped in ('go_goroutines', 'kube_configmap_info', 'kubelet_http_requests_total',
                    'container_memory_working_set_bytes{id="/"}',
                    'DCGM_FI_DEV_FB_USED{Hostname!=""}'):  # fmt: skip
        assert prometheus.query(dropped) == [], dropped


# What the collector may do in a cluster (user guide of Amazon Managed Service for Prometheus,
# AMP-collector-how-to; remembered, 2026-11).
COLLECTOR = [
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "collector"},
        "rules": [
            {
                "apiGroups": [""],
                "resources": ["nodes", "nodes/proxy", "nodes/metrics", "services", "endpoints",
                              "pods", "configmaps"],
                "verbs": ["get", "list", "watch"],
            },
            {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
        ],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "collector"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": "collector"},
        "subjects": [{"kind": "ServiceAccount", "name": "collector", "namespace": "default"}],
    },
    {"apiVersion": "v1", "kind": "ServiceAccount",
     "metadata": {"name": "collector", "namespace": "default"}},
]  # fmt: skip


@pytest.fixture(scope="module")
def managed(operated, prometheus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("managed")
    applied = operated.apply(*COLLECTOR)
    assert applied.returncode == 0, applied.stderr
    # The API server hands on what is asked of a node.
    texts = prometheus.proxy.texts
    nodes = [one.metadata.name for one in operated.core.list_node().items]
    for path in ("/metrics", "/metrics/cadvisor"):
        for name in nodes:
            texts[443, f"/api/v1/nodes/{name}/proxy{path}"] = texts[10250, path]
    plan = plan_of("prod-70b", PROJECT / "stacks")
    token = folder / "token"
    token.write_text(operated.token("collector", "default"))
    found = yaml.safe_load(
        scrape_configuration(plan.monitoring.scrapes).replace(
            "/var/run/secrets/kubernetes.io/serviceaccount/token", str(token)
        )
    )
    for one in found["scrape_configs"]:
        one["proxy_url"] = prometheus.proxy.url
        for discovery in one["kubernetes_sd_configs"]:
            discovery["kubeconfig_file"] = str(operated.as_account("collector", "default"))
        if one.get("scheme") == "https":
            one["tls_config"] = {"insecure_skip_verify": True}
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump(faster(yaml.safe_load(rules_file(plan)))))
    found = faster(found)
    found["rule_files"] = [str(rules)]
    # Of the service, each group's interval is its own; here all have the one of the others.
    found["global"]["evaluation_interval"] = "2s"
    with serving(yaml.safe_dump(found), folder) as running:
        yield running


def targets(prometheus):
    """Labels of what is asked, by job."""
    found = {}
    for one in prometheus.ask("targets", state="active")["activeTargets"]:
        labels = one["labels"]
        found.setdefault(labels["job"], set()).add(frozenset(labels.items()))
    return found


def series(prometheus):
    """Labels of all series that are told now, but for the stack that an alert has by its rule."""
    return {
        frozenset((key, value) for key, value in one["metric"].items() if key != "stack")
        for one in prometheus.query('{__name__=~".+",__name__!~"ALERTS.*|scrape_.*"}')
    }


def agree(look, one, other):
    """Both tell the same, after a while."""
    with contextlib.suppress(AssertionError):
        until(lambda: look(one) == look(other), timeout=60)
    assert [*map(dict, look(one) - look(other))] == [*map(dict, look(other) - look(one))] == []


@pytest.mark.parametrize("job", sorted(JOBS))
def test_amazons_collector_finds_what_the_operators_prometheus_finds(prometheus, managed, job):
    until(lambda: targets(managed).keys() == JOBS)
    agree(lambda found: targets(found)[job], managed, prometheus)
    until(lambda: len(managed.query(f'up{{job="{job}"}} == 1')) == len(targets(managed)[job]))


def test_its_series_carry_the_same_labels_and_so_do_those_that_are_recorded(prometheus, managed):
    agree(series, managed, prometheus)
    assert len(series(managed)) > 500
