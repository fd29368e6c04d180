"""The nodes of a node group, as kubelets of its instance type would have registered them."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config

_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
_GONE_TIMEOUT_S = 30.0
_ANSWER_TIMEOUT_S = 5.0
# The root volume's file system; what matters here is that it is not zero.
_EPHEMERAL_STORAGE = "200Gi"
# AWS recommends no more on types of at least 30 vCPUs, and 110 on smaller ones (EKS user guide,
# choosing-instance-type, "max pods", with prefix delegation).
_MAX_PODS_LARGE, _MAX_PODS = 250, 110
_LARGE_VCPUS = 30


@dataclass(frozen=True)
class NodeShape:
    """What an instance type offers to pods.

    Attributes:
        instance_type: EC2's name.
        vcpus: Virtual CPUs.
        memory_gib: Main memory in GiB.
        gpus: GPUs that the device plugin would report.
        gpu_model: Name for the label.
        efa_interfaces: EFA interfaces that their device plugin would report.
        hugepages_2mi_mib: MiB of 2 MiB pages that the image allocates.
        local_nvme_gb: Instance store in GB.
        kubelet: Version of its kubelet, `v1.35.4`; "" where nobody asks.
    """

    instance_type: str
    vcpus: int
    memory_gib: int
    gpus: int
    gpu_model: str
    efa_interfaces: int
    hugepages_2mi_mib: int
    local_nvme_gb: int
    kubelet: str = ""


def answers(admin_kubeconfig: Path) -> bool:
    """Whether the cluster's API server is there and answers within seconds."""
    with config.new_client_from_config(str(admin_kubeconfig)) as api:
        try:
            client.VersionApi(api).get_code(_request_timeout=_ANSWER_TIMEOUT_S)
        except urllib3.exceptions.HTTPError:
            return False
    return True


def set_nodes(
    admin_kubeconfig: Path,
    *,
    group: str,
    shape: NodeShape,
    labels: dict[str, str],
    taints: list[dict[str, str]],
    instances: list[dict[str, str]],
) -> None:
    """Makes the nodes of `group` exactly those of `instances`; returns when surplus ones are gone.

    Args:
        admin_kubeconfig: Of the cluster.
        group: Name of the node group.
        shape: What every instance offers.
        labels: Labels of the node group.
        taints: `{key, value, effect}` as Kubernetes spells effects.
        instances: `{instance_id, zone, private_dns_name, private_ip}` each.

    Raises:
        TimeoutError: a surplus node did not go away.
    """
    with config.new_client_from_config(str(admin_kubeconfig)) as api:
        core = client.CoreV1Api(api)
        wanted = {each["private_dns_name"]: each for each in instances}
        present = {node.metadata.name: node for node in _nodes_of(core, group)}
        for name in present.keys() - wanted.keys():
            core.delete_node(name)
        for name, instance in wanted.items():
            body = _node(group, shape, labels, taints, instance)
            if name in present:
                core.patch_node(
                    name, {"metadata": {"labels": labels}, "spec": {"taints": taints or None}}
                )
            else:
                core.create_node(body)
                core.patch_node_status(name, {"status": body["status"]})
        _wait_until_gone(core, group, set(wanted))


def _nodes_of(core: client.CoreV1Api, group: str) -> list[Any]:
    return core.list_node(label_selector=f"{_GROUP_LABEL}={group}").items


def _wait_until_gone(core: client.CoreV1Api, group: str, wanted: set[str]) -> None:
    deadline = time.monotonic() + _GONE_TIMEOUT_S
    while surplus := {node.metadata.name for node in _nodes_of(core, group)} - wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"nodes of {group} did not go away: {', '.join(sorted(surplus))}")
        time.sleep(0.1)


def _node(
    group: str,
    shape: NodeShape,
    labels: dict[str, str],
    taints: list[dict[str, str]],
    instance: dict[str, str],
) -> Any:
    zone, name = instance["zone"], instance["private_dns_name"]
    capacity, allocatable = _resources(shape)
    own = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": shape.instance_type,
        "topology.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
        "topology.k8s.aws/zone-id": instance.get("zone_id", ""),
        _GROUP_LABEL: group,
    }
    if shape.gpus:
        own["nvidia.com/gpu.present"] = "true"
    return {
        "metadata": {"name": name, "labels": {**own, **labels}},
        "spec": {
            "providerID": f"aws:///{zone}/{instance['instance_id']}",
            "taints": taints or None,
        },
        "status": {
            "capacity": capacity,
            "allocatable": allocatable,
            # kwok fills in the rest, as it does with all that a node lacks.
            "nodeInfo": _node_info(shape.kubelet),
            "addresses": [
                {"type": "InternalIP", "address": instance["private_ip"]},
                {"type": "Hostname", "address": name},
            ],
        },
    }


def _node_info(kubelet: str) -> dict[str, str]:
    unsaid = ("bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion",
              "machineID", "osImage", "systemUUID")  # fmt: skip
    return {"architecture": "amd64", "operatingSystem": "linux", "kubeletVersion": kubelet,
            **dict.fromkeys(unsaid, "")}  # fmt: skip


def _resources(shape: NodeShape) -> tuple[dict[str, str], dict[str, str]]:
    pods = _MAX_PODS_LARGE if shape.vcpus >= _LARGE_VCPUS else _MAX_PODS
    memory_mib = shape.memory_gib * 1024
    hugepages_mib = shape.hugepages_2mi_mib
    capacity = {
        "cpu": str(shape.vcpus),
        "memory": f"{memory_mib}Mi",
        "ephemeral-storage": _EPHEMERAL_STORAGE,
        "hugepages-2Mi": f"{hugepages_mib}Mi",
        "pods": str(pods),
    }
    if shape.gpus:
        capacity["nvidia.com/gpu"] = str(shape.gpus)
    if shape.efa_interfaces:
        capacity["vpc.amazonaws.com/efa"] = str(shape.efa_interfaces)
    allocatable = capacity | {
        "cpu": f"{shape.vcpus * 1000 - _reserved_millicpu(shape.vcpus)}m",
        "memory": f"{memory_mib - _reserved_mib(memory_mib, pods) - hugepages_mib}Mi",
    }
    return capacity, allocatable


def _reserved_millicpu(vcpus: int) -> int:
    """6 % of the first core, 1 % of the second, 0.5 % of two more, 0.25 % of the rest.

    Source: awslabs/amazon-eks-ami, nodeadm kubelet configuration, `getCPUMillicoresToReserve`.
    """
    shares = [60, 10, 5, 5]
    return int(sum(shares[:vcpus]) + 2.5 * max(0, vcpus - len(shares)))


def _reserved_mib(memory_mib: int, pods: int) -> int:
    """The kubelet's own (255 MiB and 11 MiB a pod), the eviction threshold, and the kernel's.

    Source: awslabs/amazon-eks-ami, nodeadm, `getMemoryMebibytesToReserve` and evictionHard; that
    the guest sees 7.5 % less than the label says is karpenter's VM_MEMORY_OVERHEAD_PERCENT.
    """
    return int(11 * pods + 255 + 100 + memory_mib * 0.075)
