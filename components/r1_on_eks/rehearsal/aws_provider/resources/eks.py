"""Clusters, their add-ons and who may use them."""
# ruff: noqa: ARG001, ARG005 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import rules
from r1_on_eks.rehearsal.aws_provider.problems import Refused
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


def updated(cloud: Any, answer: Any, about: dict[str, str]) -> None:
    """Waits until an update has ended, which may leave what it was about ACTIVE and as before.

    Raises:
        Refused: it failed.
    """
    given = {**about, "updateId": answer["update"]["id"]}
    while (update := cloud.call("eks", "DescribeUpdate", given)["update"])["status"] in _GOING_ON:
        cloud.pause(_POLL_S)
    if update["status"] != "Successful":
        told = "; ".join(
            f"{', '.join(one['resourceIds'])}: {one['errorCode']}: {one['errorMessage']}"
            for one in update.get("errors", [])
        )
        raise Refused(f"{update['type']} {update['status']}: {told}")


def tagging(arn: str = "arn") -> Tagging:
    """How EKS tags: by ARN."""
    target = {"resourceArn": "{" + arn + "}"}
    return Tagging("tags", "map", "TagResource", "UntagResource", target)


_GOING_ON = ("InProgress",)
_POLL_S = 0.2
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


def _new_version(cloud: Any, old: Values, new: Values) -> None:
    given = {"name": new["id"], "version": new["version"]}
    updated(cloud, cloud.call("eks", "UpdateClusterVersion", given), {"name": new["id"]})


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
    tagging=tagging(),
    updates=(
        Update(("version",), _new_version),
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
    tagging=tagging(),
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
    tagging=tagging("accessEntryArn"),
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
    tagging=tagging("associationArn"),
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
    ADDON,
    ACCESS_ENTRY,
    ACCESS_POLICY_ASSOCIATION,
    POD_IDENTITY_ASSOCIATION,
)
