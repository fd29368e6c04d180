"""Clusters, their nodes, add-ons and who may use them."""
# ruff: noqa: ARG001, ARG005 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import rules
from r1_on_eks.rehearsal.aws_provider.requests import build
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Naming,
    Row,
    Tagging,
    Update,
    Values,
    Wait,
    cite,
)


def _tagging(arn: str = "arn") -> Tagging:
    target = {"resourceArn": "{" + arn + "}"}
    return Tagging("tags", "map", "TagResource", "UntagResource", target)


_CLUSTER = {"name": "{id}"}
_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


def _logging(enabled: list[str]) -> dict[str, Any]:
    off = [kind for kind in _LOG_TYPES if kind not in enabled]
    parts = [
        {"types": list(kinds), "enabled": on} for kinds, on in ((enabled, True), (off, False))
    ]
    return {"clusterLogging": [part for part in parts if part["types"]]}


def _log(cloud: Any, old: Values, new: Values) -> None:
    given = {
        "name": new["id"],
        "logging": _logging(new.get("enabledClusterLogTypes") or []),
    }
    cloud.call("eks", "UpdateClusterConfig", given)


def _logged(cloud: Any, answer: Any, values: Values) -> list[str]:
    parts = (answer.get("logging") or {}).get("clusterLogging", [])
    return sorted({kind for part in parts if part["enabled"] for kind in part["types"]})


def _change_endpoint(cloud: Any, old: Values, new: Values) -> None:
    keys = ("endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs")
    wanted = {key: new["vpcConfig"][key] for key in keys if new["vpcConfig"].get(key) is not None}
    given = {"name": new["id"], "resourcesVpcConfig": wanted}
    cloud.call("eks", "UpdateClusterConfig", given)


CLUSTER = Row(
    token="aws:eks/cluster:Cluster",
    forces_replacement=cite(
        "internal/service/eks/cluster.go@00555dc5b38f",
        "name",
        "roleArn",
        "bootstrapSelfManagedAddons",
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "kubernetesNetworkConfig.ipFamily",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
    ),
    service="eks",
    create=Call(
        "CreateCluster",
        {
            "vpcConfig": "resourcesVpcConfig",
            "enabledClusterLogTypes": "logging.clusterLogging.types",
        },
    ),
    id="cluster.name",
    id_parts=("name",),
    find=Find("DescribeCluster", _CLUSTER, "cluster"),
    delete=(Call("DeleteCluster", given=_CLUSTER),),
    naming=Naming(most=100),
    tagging=_tagging(),
    updates=(
        Update(("version",), Call("UpdateClusterVersion", given=_CLUSTER)),
        Update(("enabledClusterLogTypes",), _log, after_create=True),
        Update(("vpcConfig",), _change_endpoint),
        Update(("accessConfig",), Call("UpdateClusterConfig", given=_CLUSTER)),
        Update(("upgradePolicy",), Call("UpdateClusterConfig", given=_CLUSTER)),
        Update(("deletionProtection",), Call("UpdateClusterConfig", given=_CLUSTER)),
    ),
    outputs={
        "vpcConfig": "resourcesVpcConfig",
        "clusterId": lambda cloud, answer, values: None,
        "enabledClusterLogTypes": _logged,
        "identities": "[identity]",
    },
    wait=Wait("status", ("ACTIVE",), ("FAILED",), "health.issues"),
    rules=(rules.eks_version, rules.name_length(100)),
    rules_online=(rules.two_zones,),
    unordered=(
        "vpcConfig.subnetIds",
        "vpcConfig.publicAccessCidrs",
        "vpcConfig.securityGroupIds",
        "enabledClusterLogTypes",
    ),
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
    cloud.call("eks", "UpdateNodegroupVersion", {**given, "launchTemplate": template})


def _new_version(cloud: Any, old: Values, new: Values) -> None:
    keys = ("version", "releaseVersion", "forceUpdateVersion")
    call = Call("UpdateNodegroupVersion", {"forceUpdateVersion": "force"}, _GROUP)
    cloud.send(build("eks", call, new, keys))


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
    tagging=_tagging(),
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

_ADDON = {"clusterName": "{clusterName}", "addonName": "{addonName}"}
_ADDON_NAMES = {"resolveConflictsOnCreate": "resolveConflicts"}


def _associations(cloud: Any, answer: Any, values: Values) -> Any:
    """Role and account of each association, of which the add-on tells the ARN alone."""
    found = []
    for arn in answer.get("podIdentityAssociations") or []:
        given = {
            "clusterName": values["clusterName"],
            "associationId": arn.rpartition("/")[2],
        }
        one = cloud.call("eks", "DescribePodIdentityAssociation", given)["association"]
        found.append({"roleArn": one["roleArn"], "serviceAccount": one["serviceAccount"]})
    return found or None


def _preserve(values: Values) -> Any:
    return bool(values.get("preserve"))


def _delete_addon(cloud: Any, old: Values, new: Values) -> None:
    given = {key: old[key] for key in ("clusterName", "addonName")}
    cloud.call("eks", "DeleteAddon", {**given, "preserve": _preserve(old)})


ADDON = Row(
    token="aws:eks/addon:Addon",
    forces_replacement=cite(
        "internal/service/eks/addon.go@00a35305dc1b", "addonName", "clusterName"
    ),
    service="eks",
    create=Call("CreateAddon", _ADDON_NAMES),
    id="{clusterName}:{addonName}",
    id_parts=("clusterName", "addonName"),
    find=Find("DescribeAddon", _ADDON, "addon"),
    delete=(_delete_addon,),
    tagging=_tagging(),
    updates=(
        Update(
            (
                "addonVersion",
                "configurationValues",
                "podIdentityAssociations",
                "serviceAccountRoleArn",
            ),
            Call("UpdateAddon", given=_ADDON),
        ),
    ),
    elsewhere=("preserve", "resolveConflictsOnUpdate"),
    outputs={
        "arn": "addonArn",
        "podIdentityAssociations": _associations,
        "serviceAccountRoleArn": "serviceAccountRoleArn",
    },
    wait=Wait(
        "status",
        ("ACTIVE",),
        ("CREATE_FAILED", "DEGRADED", "UPDATE_FAILED"),
        "health.issues",
    ),
)

_ENTRY = {"clusterName": "{clusterName}", "principalArn": "{principalArn}"}
ACCESS_ENTRY = Row(
    token="aws:eks/accessEntry:AccessEntry",
    forces_replacement=cite(
        "internal/service/eks/access_entry.go@01f431114674",
        "clusterName",
        "principalArn",
        "type",
    ),
    service="eks",
    create=Call("CreateAccessEntry", {"userName": "username"}),
    id="{clusterName}:{principalArn}",
    id_parts=("clusterName", "principalArn"),
    find=Find("DescribeAccessEntry", _ENTRY, "accessEntry"),
    delete=(Call("DeleteAccessEntry", given=_ENTRY),),
    tagging=_tagging("accessEntryArn"),
    updates=(
        Update(
            ("kubernetesGroups", "userName"),
            Call("UpdateAccessEntry", {"userName": "username"}, _ENTRY),
        ),
    ),
    outputs={"userName": "username"},
    unordered=("kubernetesGroups",),
)


def _find_association(cloud: Any, values: Values) -> Any:
    find = Find("ListAssociatedAccessPolicies", _ENTRY, "associatedAccessPolicies")
    found = cloud.find("eks", find, values) or []
    return next((one for one in found if one["policyArn"] == values["policyArn"]), None)


ACCESS_POLICY_ASSOCIATION = Row(
    token="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    forces_replacement=cite(
        "internal/service/eks/access_policy_association.go@01f431114674",
        "accessScope",
        "clusterName",
        "policyArn",
        "principalArn",
    ),
    service="eks",
    create=Call("AssociateAccessPolicy"),
    id="{clusterName}#{principalArn}#{policyArn}",
    id_parts=("clusterName", "principalArn", "policyArn"),
    separator="#",
    find=_find_association,
    delete=(Call("DisassociateAccessPolicy", given={**_ENTRY, "policyArn": "{policyArn}"}),),
)

_POD_IDENTITY = {"clusterName": "{clusterName}", "associationId": "{associationId}"}
POD_IDENTITY_ASSOCIATION = Row(
    token="aws:eks/podIdentityAssociation:PodIdentityAssociation",
    forces_replacement=cite(
        "internal/service/eks/pod_identity_association.go@00a35305dc1b",
        "clusterName",
        "namespace",
        "serviceAccount",
    ),
    service="eks",
    create=Call("CreatePodIdentityAssociation"),
    id="association.associationId",
    find=lambda cloud, values: _find_pod_identity(cloud, values),
    delete=(Call("DeletePodIdentityAssociation", given=_POD_IDENTITY),),
    tagging=_tagging("associationArn"),
    updates=(
        Update(
            ("roleArn", "targetRoleArn", "disableSessionTags", "policy"),
            Call("UpdatePodIdentityAssociation", given=_POD_IDENTITY),
        ),
    ),
)


def _find_pod_identity(cloud: Any, values: Values) -> Any:
    cluster, _, association = values["id"].rpartition(",")
    given = {"clusterName": cluster or "{clusterName}", "associationId": association}
    find = Find("DescribePodIdentityAssociation", given, "association")
    return cloud.find("eks", find, values)


ROWS = (
    CLUSTER,
    NODE_GROUP,
    ADDON,
    ACCESS_ENTRY,
    ACCESS_POLICY_ASSOCIATION,
    POD_IDENTITY_ASSOCIATION,
)
