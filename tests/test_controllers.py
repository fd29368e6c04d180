"""LeaderWorkerSets in a real API server: upstream's definitions, webhooks and controller."""

import json
import subprocess
import time

import pytest
import yaml
from kubernetes import client, config
from r1_on_eks.catalog.upstream import LWS_NAMESPACE, lws_objects
from r1_on_eks.rehearsal.control_plane import (
    process_prefix,
    start_control_plane,
    stop_control_plane,
)
from r1_on_eks.rehearsal.nginx_package import find_or_unpack_kubectl
from r1_on_eks.rehearsal.nodes import NodeShape, set_nodes
from r1_on_eks.rehearsal.processes import Processes

pytestmark = pytest.mark.rehearsal

SYSTEM = NodeShape(
    instance_type="m7i.large", vcpus=2, memory_gib=8, gpus=0, gpu_model="",
    efa_interfaces=0, hugepages_2mi_mib=0, local_nvme_gb=0,
)  # fmt: skip
P4D = NodeShape(
    instance_type="p4d.24xlarge", vcpus=96, memory_gib=1152, gpus=8, gpu_model="a100-40",
    efa_interfaces=4, hugepages_2mi_mib=5128, local_nvme_gb=8000,
)  # fmt: skip
SET = "model-group"


def template(gpus):
    limits = {"nvidia.com/gpu": gpus, "vpc.amazonaws.com/efa": 4, "hugepages-2Mi": "5120Mi"}
    limits |= {"cpu": "1", "memory": "1Gi"}
    return {
        "spec": {"containers": [{"name": "c", "image": "vllm", "resources": {"limits": limits}}]}
    }


def groups(**changes):
    both = {"leaderTemplate": template(8), "workerTemplate": template(8), "size": 2,
            "restartPolicy": "RecreateGroupOnPodRestart"}  # fmt: skip
    annotations = {"leaderworkerset.sigs.k8s.io/exclusive-topology": "eks.amazonaws.com/nodegroup"}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": SET, "namespace": "default", "annotations": annotations},
        "spec": {"replicas": 2, "leaderWorkerTemplate": both | changes},
    }


def until(found, timeout=60):
    deadline = time.monotonic() + timeout
    while not (answer := found()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


class Cluster:
    """A control plane with the chart in it, and the nodes of two groups."""

    def __init__(self, root):
        self.root = root
        running = start_control_plane(
            root, "one", version="1.35", service_cidr="172.20.0.0/16",
            token_webhook_url="http://127.0.0.1:9/",
        )  # fmt: skip
        self.kubeconfig = str(running.admin_kubeconfig)
        self.kubectl = find_or_unpack_kubectl(print)
        for group, shape, count in (("system", SYSTEM, 1), ("a", P4D, 2), ("b", P4D, 2)):
            instances = [
                {"instance_id": f"i-{group}{n}", "zone": "us-west-2b", "private_ip": f"10.0.1.{n}",
                 "private_dns_name": f"{group}-{n}"}
                for n in range(count)
            ]  # fmt: skip
            set_nodes(
                running.admin_kubeconfig, group=group, shape=shape, labels={}, taints=[],
                instances=instances,
            )  # fmt: skip
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": LWS_NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        }
        for part in ([namespace], lws_objects()[:2], lws_objects()[2:]):
            applied = self.apply(*part)
            assert applied.returncode == 0, applied.stderr
        self.api = config.new_client_from_config(self.kubeconfig)
        self.core = client.CoreV1Api(self.api)

    def apply(self, *objects):
        return subprocess.run(
            [self.kubectl, "--kubeconfig", self.kubeconfig, "apply", "--server-side",
             "--validate=strict", "-f", "-"],
            input=yaml.safe_dump_all(objects), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def pods(self):
        found = self.core.list_namespaced_pod("default").items
        return {pod.metadata.name: pod for pod in found}

    def node_group(self, pod):
        node = self.core.read_node(pod.spec.node_name)
        return node.metadata.labels["eks.amazonaws.com/nodegroup"]

    def set_status(self):
        read = client.CustomObjectsApi(self.api).get_namespaced_custom_object
        found = read("leaderworkerset.x-k8s.io", "v1", "default", "leaderworkersets", SET)
        return found.get("status", {})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    root = tmp_path_factory.mktemp("controllers")
    found = Cluster(root)
    # Its webhooks are called when it has signed them.
    admission = client.AdmissionregistrationV1Api(found.api)
    until(lambda: admission.read_mutating_webhook_configuration(
        "lws-mutating-webhook-configuration").webhooks[0].client_config.ca_bundle)  # fmt: skip
    yield found
    found.api.close()
    Processes(root).stop_all()


@pytest.fixture(scope="module")
def standing(cluster):
    applied = cluster.apply(groups())
    assert applied.returncode == 0, applied.stderr
    until(lambda: cluster.set_status().get("readyReplicas") == 2)
    return cluster


def test_a_field_that_upstreams_definition_lacks_is_refused(cluster):
    refused = cluster.apply(groups(replica=3))
    assert ".spec.leaderWorkerTemplate.replica: field not declared in schema" in refused.stderr


def test_what_only_its_webhook_knows_to_be_wrong_is_refused(cluster):
    refused = cluster.apply(groups(size=0))
    assert 'admission webhook "vleaderworkerset.kb.io" denied the request' in refused.stderr
    assert "size must be equal or greater than 1" in refused.stderr


def test_each_group_is_on_the_nodes_of_one_node_group(standing):
    pods = standing.pods()
    assert len(pods) == 4
    where = {
        leader: {standing.node_group(pods[f"{SET}-{leader}{rest}"]) for rest in ("", "-1")}
        for leader in (0, 1)
    }
    assert where in ({0: {"a"}, 1: {"b"}}, {0: {"b"}, 1: {"a"}})


def test_each_pod_knows_its_rank_and_its_leader(standing):
    for name, pod in standing.pods().items():
        told = {one.name: one.value for one in pod.spec.containers[0].env}
        leader = "-".join(name.split("-")[:3])
        rank = name.split("-")[3] if name.count("-") == 3 else "0"
        assert told["LWS_LEADER_ADDRESS"] == f"{leader}.{SET}.default"
        assert (told["LWS_WORKER_INDEX"], told["LWS_GROUP_SIZE"]) == (rank, "2")


def test_the_end_of_one_pod_starts_its_whole_group_anew_and_no_other(standing):
    before = {name: pod.metadata.uid for name, pod in standing.pods().items()}
    standing.core.delete_namespaced_pod(f"{SET}-0-1", "default")

    def renewed():
        now = {name: pod.metadata.uid for name, pod in standing.pods().items()}
        new = {name for name in now if now[name] != before.get(name)}
        return len(now) == 4 and new == {f"{SET}-0", f"{SET}-0-1"}

    until(renewed)
    until(lambda: standing.set_status().get("readyReplicas") == 2)


def test_the_controller_runs_with_the_rights_that_the_chart_gives_it(standing):
    """As its own ServiceAccount: none of its calls was refused."""
    [log] = (standing.root / "logs").glob(f"{process_prefix('one')}*.log")
    text = log.read_text()
    assert "forbidden" not in text
    [kubeconfig] = (standing.root / "clusters" / "one" / "pods").glob("*/kubeconfig")
    [user] = yaml.safe_load(kubeconfig.read_text())["users"]
    reviewed = subprocess.run(
        [standing.kubectl, "--kubeconfig", str(kubeconfig), "auth", "whoami", "-o", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    name = json.loads(reviewed.stdout)["status"]["userInfo"]["username"]
    assert name == f"system:serviceaccount:{LWS_NAMESPACE}:lws-controller-manager"
    assert set(user["user"]) == {"token"}


def test_the_controller_ends_with_its_pod_and_with_its_cluster(standing):
    def running():
        return [one for one in Processes(standing.root).running() if "one-pod-" in one]

    [first] = running()
    [pod] = standing.core.list_namespaced_pod(LWS_NAMESPACE).items
    standing.core.delete_namespaced_pod(pod.metadata.name, LWS_NAMESPACE)
    until(lambda: running() and running() != [first])
    stop_control_plane(standing.root, "one")
    assert Processes(standing.root).running() == {}
