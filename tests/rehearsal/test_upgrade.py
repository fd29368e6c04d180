"""Kubernetes 1.35 becomes 1.36 under a stack that stands, with the real programs of both."""

import json
import re
import time

import pytest
from r1_on_eks.rehearsal.go_tools import CONTROL_PLANES
from r1_on_eks.rehearsal.toolchain import find_or_build, module_version

# The first run on a machine builds a second control plane: seven minutes on two processors.
pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(1800)]

STACK = "test-7b"
TYPE = "g6.2xlarge"


def shown(checkout, *words):
    answer = checkout.rehearse("kubectl", "get", *words, "-o", "json")
    return json.loads(answer.stdout)["items"]


def gpu_nodes(checkout):
    """Name to instance: a new one may get the address, and so the name, of one that ended."""
    found = shown(checkout, "nodes", "-l", "nvidia.com/gpu.present=true")
    return {one["metadata"]["name"]: one["spec"]["providerID"] for one in found}


def kubelets(checkout):
    return {node["status"]["nodeInfo"]["kubeletVersion"] for node in shown(checkout, "nodes")}


def server_version(checkout):
    answer = checkout.rehearse("kubectl", "version", "-o", "json")
    return json.loads(answer.stdout)["serverVersion"]["gitVersion"]


def pods_run_on(checkout, namespace):
    """Nodes of the pods that are there, when each runs on a node that stands.

    Pods of a node that ended are forgotten after the 40 seconds of the pod garbage collector.
    """
    deadline = time.monotonic() + 180
    while True:
        nodes = {one["metadata"]["name"] for one in shown(checkout, "nodes")}
        pods = shown(checkout, "pods", "--namespace", namespace)
        if all(
            pod["status"]["phase"] == "Running"
            and "deletionTimestamp" not in pod["metadata"]
            and pod["spec"]["nodeName"] in nodes
            for pod in pods
        ):
            return {pod["spec"]["nodeName"] for pod in pods}
        assert time.monotonic() < deadline, [
            (pod["metadata"]["name"], pod["status"]["phase"], pod["spec"].get("nodeName"))
            for pod in pods
        ]
        time.sleep(2)


def upgraded(checkout):
    """One `pulumi up`, while EC2 has not one GPU instance beside those that run."""
    return checkout.run(
        "r1", "rehearse", "--fault", f"no-spare:{TYPE}", "--",
        "pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, timeout=600,
    )  # fmt: skip


def budget_of_7b(checkout, unavailable):
    """By hand, as somebody would who wants no pod to end."""
    patch = json.dumps({"spec": {"maxUnavailable": unavailable}})
    patched = checkout.rehearse(
        "kubectl", "patch", "pdb", "r1-7b", "--namespace", "r1", "--type", "merge", "-p", patch
    )
    assert patched.returncode == 0, patched.stdout


def a_budget_that_lets_no_pod_go_stops_it(checkout, nodes):
    """Pods leave a node by evictions: what somebody forbids them is told, and no node ends."""
    budget_of_7b(checkout, 0)
    up = upgraded(checkout)
    assert up.returncode != 0, up.stdout
    assert "PodEvictionFailure" in up.stdout, up.stdout
    changed = set(re.findall(r"aws:eks:(\w+ \S+) updated", up.stdout))
    assert changed == {"Cluster cluster", "NodeGroup system"}, up.stdout
    assert gpu_nodes(checkout) == nodes
    budget_of_7b(checkout, 1)


@pytest.fixture
def standing(checkout):
    """The stack with two replicas on a node each, at 1.35."""
    file = checkout.root / "stacks" / f"Pulumi.{STACK}.yaml"
    text = file.read_text().replace("rate: 0.05}", "rate: 0.05, replicas: 2}")
    file.write_text(text)
    up = checkout.rehearse("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK)
    assert up.returncode == 0, up.stdout
    return checkout


def test_an_upgrade_keeps_everything_and_needs_no_spare_gpu_node(standing):
    find_or_build(CONTROL_PLANES["1.36"], print)
    checkout = standing
    old, new = (module_version(CONTROL_PLANES[one]) for one in ("1.35", "1.36"))
    assert server_version(checkout) == old
    assert kubelets(checkout) == {old}
    nodes_before = gpu_nodes(checkout)
    assert len(nodes_before) == 2
    (secret,) = shown(checkout, "secrets", "--namespace", "r1")
    processes = checkout.running()

    file = checkout.root / "stacks" / f"Pulumi.{STACK}.yaml"
    file.write_text(file.read_text().replace('kubernetes: "1.35"', 'kubernetes: "1.36"'))
    a_budget_that_lets_no_pod_go_stops_it(checkout, nodes_before)
    began = time.monotonic()
    up = upgraded(checkout)
    assert up.returncode == 0, up.stdout
    print(f"GPU nodes of {STACK} replaced: {time.monotonic() - began:.0f} s")
    assert set(re.findall(r"aws:eks:(\w+ \S+) updated", up.stdout)) == {"NodeGroup r1-7b"}
    assert not re.search(r"\b(created|deleted|replaced)\b", up.stdout), up.stdout

    assert server_version(checkout) == new
    assert kubelets(checkout) == {new}
    nodes_after = gpu_nodes(checkout)
    assert len(nodes_after) == 2
    assert not {*nodes_after.values()} & {*nodes_before.values()}
    assert nodes_after.keys() <= pods_run_on(checkout, "r1")
    # The same etcd: what was drawn once is still there.
    (kept,) = shown(checkout, "secrets", "--namespace", "r1")
    assert kept["metadata"]["uid"] == secret["metadata"]["uid"]
    again = checkout.running()
    for part, stays in (("etcd", True), ("kube-apiserver", False), ("kube-scheduler", False),
                        ("kube-controller-manager", False)):  # fmt: skip
        name = f"{STACK}-{part}"
        assert (processes[name] == again[name]) == stays, part

    second = checkout.rehearse("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK)
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", second.stdout), second.stdout
    down = checkout.run("make", "down", f"STACK={STACK}", timeout=600)
    assert "local cloud: 0 resources were left" in down.stdout, down.stdout
