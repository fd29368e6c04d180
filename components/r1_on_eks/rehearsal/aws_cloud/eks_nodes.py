"""What EKS does for a node group after it answered: instances, then nodes that join."""

import time
from dataclasses import fields
from typing import Any

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.rehearsal.aws_cloud import eks_instances, faults
from r1_on_eks.rehearsal.aws_cloud.background import say
from r1_on_eks.rehearsal.aws_cloud.eks_access import add_entry
from r1_on_eks.rehearsal.aws_cloud.eks_node_checks import (
    NodesMissing,
    check_placement_group,
    check_reach,
    offered_subnets,
)
from r1_on_eks.rehearsal.aws_cloud.eks_state import Cluster, NodeGroup, Shape, new_id
from r1_on_eks.rehearsal.aws_cloud.settings import settings

# The AL2023 NVIDIA image allocates 5128 MiB of 2 MiB pages for EFA (EKS user guide,
# device-management-efa).
_HUGEPAGES_MIB = 5128
# EKS waits 15 minutes for the pods of a node (EKS user guide, managed-node-update-behavior). Here
# they end at once when a budget lets them.
_DRAIN_PATIENCE_S = 60.0
# An update's ErrorCode knows these of a node group's issues (EKS API reference, ErrorDetail).
_UPDATE_CODES = ("NodeCreationFailure", "PodEvictionFailure")


def create(cluster: Cluster, group: NodeGroup) -> None:
    """From CREATING to ACTIVE, or to CREATE_FAILED with its health issue."""
    with group.turn:
        try:
            shape = group.shape
            _admit_nodes(cluster, shape["nodeRole"])
            given = _given_template(group)
            eks_instances.make_template(cluster, group, given)
            check_placement_group(given)
            subnets = offered_subnets(group.instance_type, shape["subnets"])
            wanted = shape["scalingConfig"]["desiredSize"]
            if wanted > 0 and faults.lacks(group.instance_type):
                eks_instances.make_scaling_group(group, subnets, desired=0)
                raise _no_capacity(group)
            eks_instances.make_scaling_group(group, subnets)
            if wanted > 0:
                check_reach(subnets)
                _check_network_addon(cluster, group)
                if faults.never_joins(group.name):
                    raise _never_joined(group)
            _join(cluster, group)
            shape["status"] = "ACTIVE"
        except NodesMissing as missing:
            _fail(group, "CREATE_FAILED", missing.code, str(missing), missing.resource_ids)
        except Exception as bug:
            _fail(group, "CREATE_FAILED", "InternalFailure", str(bug))
            raise


def resize(cluster: Cluster, group: NodeGroup, update: Shape) -> None:
    """Gives the group its new sizes, labels and taints."""
    with group.turn:
        try:
            eks_instances.scale(group)
            _join(cluster, group)
            update["status"] = "Successful"
        except Exception as bug:
            _fail_update(update, bug)
            raise
        finally:
            group.shape["status"] = "ACTIVE"


def roll(cluster: Cluster, group: NodeGroup, update: Shape, *, force: bool) -> None:
    """Replaces every instance, one after the other, in the order of the group's strategy."""
    with group.turn:
        try:
            eks_instances.make_template(cluster, group, _given_template(group))
            left = eks_instances.instances(group)
            while left:
                _replace(cluster, group, left, force=force)
                left.pop(0)
            update["status"] = "Successful"
        except NodesMissing as missing:
            _fail_update(update, missing)
        except Exception as bug:
            _fail_update(update, bug)
            raise
        finally:
            group.shape["status"] = "ACTIVE"


def _replace(
    cluster: Cluster, group: NodeGroup, old: list[dict[str, str]], *, force: bool
) -> None:
    """Ends the first of the old instances before a new one starts (MINIMAL), or after (DEFAULT).

    Source: EKS user guide, managed-node-update-behavior.
    """
    wanted = group.shape["scalingConfig"]["desiredSize"]
    if group.shape["updateConfig"].get("updateStrategy", "DEFAULT") == "DEFAULT":
        if faults.lacks_spare(group.instance_type):
            raise _no_capacity(group)
        eks_instances.scale(group, desired=wanted + 1)
        _join(cluster, group)
    _drain(cluster, group, old, force=force)
    eks_instances.end(group, old[0]["instance_id"])
    _join(cluster, group)
    eks_instances.scale(group)
    _join(cluster, group)


def _drain(cluster: Cluster, group: NodeGroup, old: list[dict[str, str]], *, force: bool) -> None:
    if not settings().control_planes or cluster.admin_kubeconfig is None:
        return
    from r1_on_eks.rehearsal.drain import drain

    names = [each["private_dns_name"] for each in old]
    left = drain(
        cluster.admin_kubeconfig, names[0], names, patience_s=_DRAIN_PATIENCE_S, force=force
    )
    if left:
        say(f"{names[0]} still has {', '.join(left)}")
        said = "Reached max retries while trying to evict pods from nodes in node group"
        raise NodesMissing("PodEvictionFailure", f"{said} {group.name}", names[:1])


def delete(cluster: Cluster, group: NodeGroup) -> None:
    """Removes nodes, instances, the Auto Scaling group and the nodes' access entry.

    Instances end also where no API server answers, as one that is lost would keep them for ever
    (assumed: EKS's guide tells only that nodes are drained first).
    """
    with group.turn:
        try:
            if _api_answers(cluster):
                _set_nodes(cluster, group, [])
            eks_instances.remove(group)
        except Exception as bug:
            _fail(group, "DELETE_FAILED", "InternalFailure", str(bug))
            raise
        cluster.node_groups.pop(group.name, None)
        role = group.shape["nodeRole"]
        if all(other.shape["nodeRole"] != role for other in cluster.node_groups.values()):
            cluster.access_entries.pop(role, None)


def _given_template(group: NodeGroup) -> Shape:
    if "launchTemplate" not in group.shape:
        return {}
    specification = group.shape["launchTemplate"]
    return eks_instances.template_data(
        {"id": specification["id"], "version": specification["version"]}
    )


def _admit_nodes(cluster: Cluster, role: str) -> None:
    mode = cluster.shape["accessConfig"]["authenticationMode"]
    if mode == "CONFIG_MAP" or role in cluster.access_entries:
        return
    name, account = role.rpartition("/")[2], role.split(":")[4]
    arn = cluster.shape["arn"].replace(":cluster/", ":access-entry/")
    asked = {
        "principalArn": role,
        "type": "EC2_LINUX",
        "kubernetesGroups": ["system:nodes"],
    }
    add_entry(f"{arn}/role/{account}/{name}/{new_id()}", cluster, asked)


def _no_capacity(group: NodeGroup) -> NodesMissing:
    # As EKS and EC2 put it (EKS user guide, troubleshooting, managed node group errors).
    return NodesMissing(
        "AsgInstanceLaunchFailures",
        "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not"
        f" have sufficient {group.instance_type} capacity in the Availability Zone you requested."
        " Launching EC2 instance failed.",
        [group.group_name],
    )


def _never_joined(group: NodeGroup) -> NodesMissing:
    return NodesMissing(
        "NodeCreationFailure",
        "Instances failed to join the kubernetes cluster",
        [each["instance_id"] for each in eks_instances.instances(group)],
    )


def _check_network_addon(cluster: Cluster, group: NodeGroup) -> None:
    deadline = time.monotonic() + settings().patience_s
    while not cluster.self_managed_addons and "vpc-cni" not in cluster.addons:
        if time.monotonic() > deadline:
            raise NodesMissing(
                "NodeCreationFailure",
                "Unhealthy nodes in the kubernetes cluster: container runtime network not "
                "ready: cni plugin not initialized; the add-on vpc-cni is not installed",
                [each["instance_id"] for each in eks_instances.instances(group)],
            )
        time.sleep(0.05)


def _join(cluster: Cluster, group: NodeGroup) -> None:
    _set_nodes(cluster, group, eks_instances.instances(group))


def _api_answers(cluster: Cluster) -> bool:
    if not settings().control_planes or cluster.admin_kubeconfig is None:
        return False
    from r1_on_eks.rehearsal.nodes import answers

    return answers(cluster.admin_kubeconfig)


def _set_nodes(cluster: Cluster, group: NodeGroup, found: list[dict[str, str]]) -> None:
    if not settings().control_planes or cluster.admin_kubeconfig is None:
        return
    from r1_on_eks.rehearsal.nodes import set_nodes

    shape = group.shape
    labels: dict[str, str] = {
        "eks.amazonaws.com/capacityType": shape["capacityType"],
        **shape["labels"],
    }
    set_nodes(
        cluster.admin_kubeconfig,
        group=group.name,
        shape=_node_shape(group),
        labels=labels,
        taints=[
            {
                "key": taint["key"],
                "value": taint.get("value", ""),
                "effect": "".join(word.capitalize() for word in taint["effect"].split("_")),
            }
            for taint in shape["taints"]
        ],
        instances=found,
    )


def _node_shape(group: NodeGroup) -> Any:
    from r1_on_eks.rehearsal.go_tools import CONTROL_PLANES
    from r1_on_eks.rehearsal.nodes import NodeShape
    from r1_on_eks.rehearsal.toolchain import module_version

    row = INSTANCE_TYPES[group.instance_type]
    # Without NVIDIA's driver in the image no GPU ever appears on the node.
    given = _given_template(group).get("NetworkInterfaces", [])
    adapters = [each for each in given if each.get("InterfaceType", "").startswith("efa")]
    driver = group.shape["amiType"].endswith(("_GPU", "_NVIDIA", "_NVIDIA_FIPS", "CUSTOM"))
    values = {
        "instance_type": row.name,
        "vcpus": row.vcpus,
        "memory_gib": row.memory_gib,
        "gpus": row.gpus if driver else 0,
        "gpu_model": row.gpu_model if driver else "",
        "efa_interfaces": min(len(adapters), row.efa_interfaces),
        "hugepages_2mi_mib": _HUGEPAGES_MIB if driver and row.efa_interfaces else 0,
        "local_nvme_gb": row.local_nvme_gb,
        "kubelet": module_version(CONTROL_PLANES[group.shape["version"]]),
    }
    return NodeShape(**{each.name: values[each.name] for each in fields(NodeShape)})


def _fail(
    group: NodeGroup, status: str, code: str, message: str, ids: list[str] | None = None
) -> None:
    say(f"node group {group.name}: {code}: {message}")
    issue = {"code": code, "message": message, "resourceIds": ids or [group.group_name]}
    group.shape["health"] = {"issues": [issue]}
    group.shape["status"] = status


def _fail_update(update: Shape, reason: Exception) -> None:
    update["status"] = "Failed"
    code, ids = "Unknown", list[str]()
    if isinstance(reason, NodesMissing) and reason.code in _UPDATE_CODES:
        code, ids = reason.code, reason.resource_ids
    update["errors"] = [{"errorCode": code, "errorMessage": str(reason), "resourceIds": ids}]
