"""Managed node groups of EKS."""
# ruff: noqa: ARG001 — every step is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import rules
from r1_on_eks.rehearsal.aws_provider.requests import build
from r1_on_eks.rehearsal.aws_provider.resources.eks import tagging, updated
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Naming,
    Row,
    Update,
    Values,
    Wait,
    cite,
)

_GROUP = {"clusterName": "{clusterName}", "nodegroupName": "{nodeGroupName}"}
_NODE_NAMES = {
    "nodeGroupName": "nodegroupName",
    "nodeRoleArn": "nodeRole",
    "subnetIds": "subnets",
}


def _spelt_for_eks(taints: Any) -> list[dict[str, Any]]:
    return [dict(taint) for taint in taints or []]


def _labels_and_taints(cloud: Any, old: Values, new: Values) -> None:
    given: dict[str, Any] = {
        "clusterName": new["clusterName"],
        "nodegroupName": new["nodeGroupName"],
    }
    before, after = old.get("labels") or {}, new.get("labels") or {}
    if before != after:
        given["labels"] = {
            "addOrUpdateLabels": {k: v for k, v in after.items() if before.get(k) != v},
            "removeLabels": sorted(set(before) - set(after)),
        }
    old_taints, new_taints = (
        _spelt_for_eks(old.get("taints")),
        _spelt_for_eks(new.get("taints")),
    )
    if old_taints != new_taints:
        given["taints"] = {
            "addOrUpdateTaints": [one for one in new_taints if one not in old_taints],
            "removeTaints": [one for one in old_taints if one not in new_taints],
        }
    cloud.call("eks", "UpdateNodegroupConfig", given)


def _new_template(cloud: Any, old: Values, new: Values) -> None:
    given = {"clusterName": new["clusterName"], "nodegroupName": new["nodeGroupName"]}
    template = {key: str(value) for key, value in new["launchTemplate"].items()}
    if template.get("id"):
        template.pop("name", None)
    answer = cloud.call("eks", "UpdateNodegroupVersion", {**given, "launchTemplate": template})
    _rolled(cloud, answer, new)


def _new_version(cloud: Any, old: Values, new: Values) -> None:
    keys = ("version", "releaseVersion", "forceUpdateVersion")
    call = Call("UpdateNodegroupVersion", {"forceUpdateVersion": "force"}, _GROUP)
    _rolled(cloud, cloud.send(build("eks", call, new, keys)), new)


def _rolled(cloud: Any, answer: Any, new: Values) -> None:
    updated(cloud, answer, {"name": new["clusterName"], "nodegroupName": new["nodeGroupName"]})


NODE_GROUP = Row(
    token="aws:eks/nodeGroup:NodeGroup",
    forces_replacement=cite(
        "internal/service/eks/node_group.go@012e0a32f068",
        "amiType",
        "capacityType",
        "clusterName",
        "diskSize",
        "instanceTypes",
        "launchTemplate.id",
        "launchTemplate.name",
        "nodeGroupName",
        "nodeRoleArn",
        "remoteAccess",
        "subnetIds",
    ),
    service="eks",
    create=Call("CreateNodegroup", _NODE_NAMES),
    id="{clusterName}:{nodeGroupName}",
    id_parts=("clusterName", "nodeGroupName"),
    find=Find("DescribeNodegroup", _GROUP, "nodegroup"),
    delete=(Call("DeleteNodegroup", given=_GROUP),),
    naming=Naming("nodeGroupName", 63),
    tagging=tagging(),
    updates=(
        Update(("labels", "taints"), _labels_and_taints),
        Update(("launchTemplate",), _new_template),
        Update(("version", "releaseVersion"), _new_version),
        Update(
            ("scalingConfig", "updateConfig", "nodeRepairConfig", "warmPoolConfig"),
            Call("UpdateNodegroupConfig", given=_GROUP),
        ),
    ),
    elsewhere=("forceUpdateVersion",),
    outputs={
        "arn": "nodegroupArn",
        "nodeGroupName": "nodegroupName",
        "nodeRoleArn": "nodeRole",
        "subnetIds": "subnets",
        "resources": "[resources]",
    },
    wait=Wait("status", ("ACTIVE",), ("CREATE_FAILED", "DEGRADED"), "health.issues"),
    rules=(rules.node_numbers,),
    rules_online=(rules.node_group_template,),
    unordered=("subnetIds",),
)

ROWS = (NODE_GROUP,)
