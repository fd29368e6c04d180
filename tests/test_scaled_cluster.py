"""Queue rises, replicas rise, the group grows, pods are scheduled; and back to none.

Real: the API server, the scheduler, the HPA controller, the Prometheus operator and Prometheus
with the deployed configuration, KEDA's operator and metrics server with the rights that are
declared for them, and the ScaledObject of office-7b. Stood in for: vLLM, by figures of this test;
the kubelets, by kwok; EC2 Auto Scaling, by moto; the cluster autoscaler, by the rule in
scaling_rehearsal.py. Changed: clocks run fifteen times as fast, and the hours are this test's.
"""

import dataclasses
import datetime
import json
import sys
import time
from pathlib import Path

import pytest
import yaml
from kubernetes import client
from moto import mock_aws
from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.decisions_files import read_decisions
from r1_on_eks.plan import Plan
from r1_on_eks.plan.nginx.answers import ANSWERS_SERIES
from r1_on_eks.plan.nginx.waking import ASLEEP
from r1_on_eks.plan.scaled_objects import scaled_object
from r1_on_eks.plan.scaling import ASKED_SECONDS
from r1_on_eks.rehearsal.nodes import NodeShape
from r1_on_eks.rehearsal.processes import Processes
from r1_on_eks.stack_config import Hours
from r1_on_eks.stack_file import read_stack

sys.path.insert(0, str(Path(__file__).parent))
import metrics_standins as standins
import test_scraping as scraping
from scaling_rehearsal import Group, Keda

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(3600)]

STACKS = Path(__file__).parent.parent / "stacks"
FASTER = scraping.CLOCK


class Queue:
    """Requests under way, shared out among the servers that stand."""

    def __init__(self, cluster):
        self.cluster, self.requests, self.asked = cluster, 0, 0

    def tell(self, _):
        pods = self.cluster.core.list_namespaced_pod(
            "r1", label_selector="app.kubernetes.io/name=vllm"
        ).items
        ready = max(1, sum(pod.status.phase == "Running" for pod in pods))
        each = self.requests / ready
        running = min(each, 11)
        labels = 'model_name="7b",engine="0"'
        return (
            f"vllm:num_requests_running{{{labels}}} {running}\n"
            f"vllm:num_requests_waiting{{{labels}}} {each - running}\n"
        )

    def tell_asked(self, _):
        """As the gateway does, of a variant that sleeps."""
        told = {"200": 0, ASLEEP: self.asked}
        return "".join(
            f'{ANSWERS_SERIES}{{variant="7b",status="{status}"}} {count}\n'
            for status, count in told.items()
        )


def hours(*, now):
    """Hours of this day, by a clock where it is about noon; they have come, or are over."""
    ahead = 12 - datetime.datetime.now(datetime.UTC).hour
    zone = f"Etc/GMT{-ahead:+d}" if ahead else "UTC"
    begin, end = ("01:00", "23:00") if now else ("01:00", "02:00")
    return Hours(days="mon-sun", start=begin, end=end, zone=zone, replicas=1)


class Scaled:
    """The cluster with everything in it that scales."""

    def __init__(self, cluster, group, queue, keda, prometheus, scaling):
        self.cluster, self.group, self.queue = cluster, group, queue
        self.keda, self.prometheus, self.scaling = keda, prometheus, scaling
        self.apps = client.AppsV1Api(cluster.api)
        self.seen = []

    def tell(self, *, now):
        """Gives KEDA its object, as it is declared but for its clocks."""
        decided = self.scaling
        fast = dataclasses.replace(
            decided, hours=hours(now=now), mean_seconds=decided.mean_seconds // FASTER,
            up_seconds=decided.up_seconds // FASTER, down_seconds=60,
        )  # fmt: skip
        told = scaled_object(fast, self.prometheus.url)
        told["spec"]["pollingInterval"] = 1
        behavior = told["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        behavior["scaleDown"]["stabilizationWindowSeconds"] = 15
        behavior["scaleDown"]["policies"][0]["periodSeconds"] = 5
        told["spec"]["cooldownPeriod"] = 15
        for trigger in told["spec"]["triggers"]:
            said = trigger["metadata"]
            if "query" in said:
                said["query"] = said["query"].replace(
                    f"[{ASKED_SECONDS}s]", f"[{ASKED_SECONDS // FASTER}s]"
                )
        done = self.cluster.apply(told)
        assert done.returncode == 0, done.stderr

    @property
    def replicas(self):
        found = self.apps.read_namespaced_deployment("r1-7b", "r1").spec.replicas
        if not self.seen or self.seen[-1] != found:
            self.seen.append(found)
        return found

    @property
    def serving(self):
        return self.apps.read_namespaced_deployment("r1-7b", "r1").status.ready_replicas or 0

    def comes_to(self, count, timeout=240):
        """Replicas, servers that are ready, and instances are so many."""
        deadline = time.monotonic() + timeout
        while (found := (self.replicas, self.serving, len(self.group.instances()))) != (
            count, count, count
        ):  # fmt: skip
            assert time.monotonic() < deadline, f"{found}, not {count}; {self.why()}"
            time.sleep(1)

    def why(self):
        told = self.cluster.run("-n", "r1", "describe", "scaledobject,hpa").stdout
        return f"{told}\n{self.keda.operator.said[-3000:]}\n{self.keda.metrics.said[-2000:]}"


@pytest.fixture(scope="module")
def scaled(tmp_path_factory):
    plan = Plan.of(read_stack("office-7b", STACKS), read_decisions(STACKS, "office-7b"))
    [pool], [model] = plan.gpu_pools, plan.scaled
    known = INSTANCE_TYPES[pool.instance_type]
    shape = NodeShape(
        instance_type=known.name, vcpus=known.vcpus, memory_gib=known.memory_gib,
        gpus=known.gpus, gpu_model="l4", efa_interfaces=0, hugepages_2mi_mib=0, local_nvme_gb=450,
    )  # fmt: skip
    root = tmp_path_factory.mktemp("scaled")
    system = ("system", scraping.SYSTEM, 3, {}, [])
    try:
        cluster = scraping.Cluster(root, "office-7b", [system], left_out=("ScaledObject",))
        queue = Queue(cluster)
        with (
            mock_aws(),
            standins.Standins(
                {(8000, "/metrics"): queue.tell, (9114, "/metrics"): queue.tell_asked}, root
            ) as proxy,
            scraping.running(cluster, root, proxy.url) as prometheus,
            Keda(cluster) as keda,
            Group(cluster, pool, shape, idle_seconds=10) as group,
        ):
            yield Scaled(cluster, group, queue, keda, prometheus, model.scaling)
        cluster.api.close()
    finally:
        Processes(root).stop_all()


def test_the_queue_makes_replicas_and_they_make_nodes_and_all_of_them_go_again(scaled):
    most = scaled.scaling.most
    scaled.tell(now=False)
    # Declared without a number, a Deployment begins with one: outside of its hours, none.
    scaled.comes_to(0)
    scaled.tell(now=True)
    scaled.comes_to(1)
    scaled.queue.requests = 3 * scaled.scaling.under_way - 1
    scaled.comes_to(3)
    # However many wait.
    scaled.queue.requests = 1000
    scaled.comes_to(most)
    time.sleep(20)
    scaled.comes_to(most, timeout=5)
    scaled.queue.requests = 0
    scaled.comes_to(1)
    scaled.tell(now=False)
    scaled.comes_to(0)
    # One request at the gateway, of a variant of which nobody stands.
    scaled.queue.asked += 1
    scaled.comes_to(1)
    scaled.comes_to(0)
    print("replicas", scaled.seen, "instances", scaled.group.sizes)
    assert max(scaled.seen) == max(scaled.group.sizes) == most
    # Down by one at a time, and never back on the way.
    assert scaled.seen[scaled.seen.index(most) :] == [*range(most, -1, -1), 1, 0]


def test_both_run_with_the_rights_that_are_declared_for_them(scaled):
    for pod in (scaled.keda.operator, scaled.keda.metrics):
        assert "forbidden" not in pod.said.lower(), pod.said
    assert scaled.keda.operator.starts <= 3


def test_the_api_server_hands_on_to_the_metrics_server_whom_it_believes(scaled):
    done = scaled.cluster.run("get", "apiservice", "v1beta1.external.metrics.k8s.io", "-o", "json")
    found = json.loads(done.stdout)
    assert found["spec"]["caBundle"]
    [condition] = [one for one in found["status"]["conditions"] if one["type"] == "Available"]
    assert condition["status"] == "True", condition


@pytest.mark.parametrize(
    ("controller", "may"), [("horizontal-pod-autoscaler", True), ("deployment-controller", False)]
)
def test_the_controller_of_replicas_may_read_them_without_a_word_of_ours(scaled, controller, may):
    asked = {
        "user": f"system:serviceaccount:kube-system:{controller}",
        "resourceAttributes": {
            "group": "external.metrics.k8s.io", "version": "v1beta1", "verb": "list",
            "resource": "s0-prometheus", "namespace": "r1",
        },
    }  # fmt: skip
    api = client.AuthorizationV1Api(scaled.cluster.api)
    answer = api.create_subject_access_review({"spec": asked})
    assert answer.status.allowed is may


def test_what_is_declared_is_what_was_run_but_for_its_clocks(scaled):
    [declared] = [one for one in scraping.MANIFESTS("office-7b") if one["kind"] == "ScaledObject"]
    assert yaml.safe_load(yaml.safe_dump(declared)) == scaled_object(scaled.scaling)
