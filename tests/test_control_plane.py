"""Real control planes with nodes that only seem to be there."""

import time

import pytest
from kubernetes import client, config
from r1_on_eks.rehearsal.control_plane import start_control_plane, stop_control_plane
from r1_on_eks.rehearsal.nodes import NodeShape, set_nodes
from r1_on_eks.rehearsal.processes import Processes

pytestmark = pytest.mark.rehearsal

P4D = NodeShape(
    instance_type="p4d.24xlarge", vcpus=96, memory_gib=1152, gpus=8, gpu_model="a100-40",
    efa_interfaces=4, hugepages_2mi_mib=5128, local_nvme_gb=8000,
)  # fmt: skip
TAINT = {"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
INSTANCE = {
    "instance_id": "i-0abc", "zone": "us-west-2b", "private_ip": "10.0.1.7",
    "private_dns_name": "ip-10-0-1-7.us-west-2.compute.internal",
}  # fmt: skip


def start(root, name="one", version="1.35"):
    return start_control_plane(
        root, name, version=version, service_cidr="172.20.0.0/16",
        token_webhook_url="http://127.0.0.1:9/",
    )  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("control-plane")
    yield root
    Processes(root).stop_all()


@pytest.fixture(scope="module")
def core(root):
    """A cluster with one p4d.24xlarge, its GPUs tainted."""
    running = start(root)
    gpus(running.admin_kubeconfig, [INSTANCE])
    with config.new_client_from_config(str(running.admin_kubeconfig)) as api:
        core = client.CoreV1Api(api)
        until(lambda: core.list_namespaced_service_account("default").items)
        yield core


def gpus(kubeconfig, instances):
    set_nodes(
        kubeconfig, group="gpus", shape=P4D, labels={"pool": "70b"}, taints=[TAINT],
        instances=instances,
    )  # fmt: skip


def until(found, timeout=30):
    deadline = time.monotonic() + timeout
    while not (answer := found()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


def pod(core, name, *, gpus, tolerations):
    container = {"name": "c", "image": "vllm", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
    spec = {"containers": [container], "tolerations": tolerations}
    core.create_namespaced_pod("default", {"metadata": {"name": name}, "spec": spec})


def conditions(core, name):
    found = core.read_namespaced_pod(name, "default").status.conditions or []
    return {each.type: each for each in found}


def test_a_node_offers_what_its_instance_type_has(core):
    [node] = core.list_node().items
    assert node.metadata.labels["node.kubernetes.io/instance-type"] == "p4d.24xlarge"
    assert node.metadata.labels["topology.kubernetes.io/zone"] == "us-west-2b"
    assert node.spec.provider_id == "aws:///us-west-2b/i-0abc"
    assert node.status.allocatable["nvidia.com/gpu"] == "8"
    assert node.status.allocatable["vpc.amazonaws.com/efa"] == "4"
    # karpenter's model of the same type leaves pods the same CPU and 0.02 % less memory.
    assert node.status.allocatable["cpu"] == "95690m"


def test_a_pod_that_tolerates_the_taint_gets_all_eight_gpus_and_becomes_ready(core):
    pod(core, "fits", gpus="8", tolerations=[TOLERATION])
    ready = until(lambda: conditions(core, "fits").get("Ready"))
    assert ready.status == "True"
    core.delete_namespaced_pod("fits", "default")
    until(lambda: not core.list_namespaced_pod("default").items)


@pytest.mark.parametrize(
    ("name", "gpus", "tolerations", "reason"),
    [
        ("no-toleration", "8", [], "untolerated taint"),
        ("too-many", "16", [TOLERATION], "Insufficient nvidia.com/gpu"),
    ],
)
def test_the_scheduler_says_why_a_pod_waits(core, name, gpus, tolerations, reason):
    pod(core, name, gpus=gpus, tolerations=tolerations)
    scheduled = until(lambda: conditions(core, name).get("PodScheduled"))
    assert scheduled.reason == "Unschedulable"
    assert reason in scheduled.message
    core.delete_namespaced_pod(name, "default")


def test_nodes_come_and_go_with_their_instances(core, root):
    kubeconfig = root / "clusters" / "one" / "admin.kubeconfig"
    second = {**INSTANCE, "instance_id": "i-1", "private_dns_name": "ip-10-0-1-8"}
    gpus(kubeconfig, [INSTANCE, second])
    assert len(core.list_node().items) == 2
    gpus(kubeconfig, [INSTANCE])
    assert [n.metadata.name for n in core.list_node().items] == [INSTANCE["private_dns_name"]]


def test_two_control_planes_live_side_by_side_and_one_ends_alone(core, root):
    other = start(root, "two")
    assert start(root, "two") == other
    stop_control_plane(root, "two")
    assert {name.split("-")[0] for name in Processes(root).running()} == {"one"}
    assert not (root / "clusters" / "two").exists()
    assert core.list_node().items


def test_another_version_than_the_built_one_is_refused(root):
    with pytest.raises(
        ValueError, match=r"are Kubernetes 1\.35, 1\.36; the cluster asks for 1\.37"
    ):
        start(root, "three", version="1.37")
