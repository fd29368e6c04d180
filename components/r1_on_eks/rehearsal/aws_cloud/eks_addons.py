"""EKS add-ons, which moto lacks.

No version is invented: an add-on without addonVersion is reported as `rehearsal-default`.
Source: EKS API reference (CreateAddon, DescribeAddonVersions) and the EKS user guide,
workloads-add-ons-available-eks.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import yaml
from moto.core.responses import ActionResult

from r1_on_eks.rehearsal.aws_cloud.background import later
from r1_on_eks.rehearsal.aws_cloud.eks_csi_driver import install_csi_driver, remove_csi_driver
from r1_on_eks.rehearsal.aws_cloud.eks_pod_identity import associate
from r1_on_eks.rehearsal.aws_cloud.eks_state import (
    Cluster,
    EksBackend,
    EksRequest,
    Shape,
    in_use,
    invalid,
    not_found,
    now,
    page,
    record_update,
)
from r1_on_eks.rehearsal.aws_cloud.eks_versions import VERSIONS
from r1_on_eks.rehearsal.aws_cloud.settings import settings

UNNAMED_VERSION = "rehearsal-default"
_VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")
_AGENT = "eks-pod-identity-agent"


@dataclass(frozen=True)
class AddonKind:
    """One add-on that can be installed; `needs_nodes`: a Deployment without which it degrades."""

    name: str
    type: str
    owner: str = "aws"
    namespace: str = "kube-system"
    needs_nodes: bool = False
    csi_driver: str | None = None


KINDS = {
    kind.name: kind
    for kind in (
        AddonKind("vpc-cni", "networking"),
        AddonKind("kube-proxy", "networking"),
        AddonKind("coredns", "networking", needs_nodes=True),
        AddonKind(_AGENT, "security"),
        AddonKind("aws-ebs-csi-driver", "storage", needs_nodes=True),
        AddonKind("aws-fsx-csi-driver", "storage", csi_driver="fsx.csi.aws.com"),
        AddonKind("eks-node-monitoring-agent", "observability"),
        AddonKind("metrics-server", "observability", owner="community", needs_nodes=True),
    )
}


class Addons(EksRequest):
    """The operations on add-ons."""

    def create_addon(self) -> ActionResult:
        """CreateAddon; what it needs is looked at while it is CREATING."""
        asked = self.request()
        cluster, name = self.active_cluster(asked["clusterName"]), asked["addonName"]
        if name not in KINDS:
            raise invalid(
                f"Addon {name} specified is not supported. Supported here: {', '.join(KINDS)}"
            )
        if name in cluster.addons:
            raise in_use("Addon already exists.")
        _check(asked)
        shape: Shape = {
            "addonName": name,
            "clusterName": cluster.name,
            "status": "CREATING",
            "addonVersion": asked.get("addonVersion", UNNAMED_VERSION),
            "health": {"issues": []},
            "addonArn": self.eks.arn("addon", cluster.name, name),
            "createdAt": now(),
            "modifiedAt": now(),
            "tags": asked.get("tags", {}),
            "publisher": "eks",
            "owner": KINDS[name].owner,
            "namespaceConfig": asked.get("namespaceConfig", {"namespace": KINDS[name].namespace}),
        }
        for key in ("serviceAccountRoleArn", "configurationValues"):
            if key in asked:
                shape[key] = asked[key]
        _associate(self.eks, cluster, shape, asked)
        cluster.addons[name] = shape
        answer = ActionResult({"addon": dict(shape)})
        later(f"add-on {name}", lambda: _settle(cluster, shape, "CREATE_FAILED"))
        return answer

    def describe_addon(self) -> ActionResult:
        """DescribeAddon; a degraded one recovers as soon as there are nodes."""
        asked = self.request()
        cluster = self.eks.cluster(asked["clusterName"])
        shape = self._addon(cluster, asked)
        if shape["status"] == "DEGRADED" and _has_nodes(cluster):
            shape.update(status="ACTIVE", health={"issues": []})
        return ActionResult({"addon": shape})

    def update_addon(self) -> ActionResult:
        """UpdateAddon."""
        asked = self.request()
        cluster = self.active_cluster(asked["clusterName"])
        shape = self._addon(cluster, asked)
        if shape["status"] not in ("ACTIVE", "DEGRADED", "UPDATE_FAILED", "CREATE_FAILED"):
            raise in_use(f"Addon {shape['addonName']} is {shape['status']}")
        _check(asked)
        names = {
            "addonVersion": "AddonVersion",
            "serviceAccountRoleArn": "ServiceAccountRoleArn",
            "configurationValues": "ConfigurationValues",
            "resolveConflicts": "ResolveConflicts",
            "podIdentityAssociations": "PodIdentityAssociations",
        }
        params = {label: asked[key] for key, label in names.items() if key in asked}
        update = record_update(cluster, "AddonUpdate", params, shape["addonName"])
        for key in ("addonVersion", "serviceAccountRoleArn", "configurationValues"):
            if key in asked:
                shape[key] = asked[key]
        if "podIdentityAssociations" in asked:
            _dissociate(cluster, shape)
            _associate(self.eks, cluster, shape, asked)
        shape.update(status="UPDATING", modifiedAt=now())

        def settle() -> None:
            _settle(cluster, shape, "UPDATE_FAILED")
            update["status"] = "Successful" if shape["status"] == "ACTIVE" else "Failed"

        answer = ActionResult({"update": dict(update)})
        later(f"add-on {shape['addonName']}", settle)
        return answer

    def delete_addon(self) -> ActionResult:
        """DeleteAddon; with `preserve` what it installed stays in the cluster."""
        asked = self.request()
        cluster = self.active_cluster(asked["clusterName"])
        shape = self._addon(cluster, asked)
        shape["status"] = "DELETING"
        # A flag in the query string arrives as text.
        preserve = str(asked.get("preserve", False)).lower() == "true"

        def remove() -> None:
            kind = KINDS[shape["addonName"]]
            if kind.csi_driver and cluster.admin_kubeconfig and not preserve:
                remove_csi_driver(cluster.admin_kubeconfig, kind.csi_driver)
            _dissociate(cluster, shape)
            cluster.addons.pop(shape["addonName"], None)

        later(f"delete add-on {shape['addonName']}", remove)
        return ActionResult({"addon": dict(shape)})

    def list_addons(self) -> ActionResult:
        """ListAddons."""
        asked = self.request()
        names, token = page(sorted(self.eks.cluster(asked["clusterName"]).addons), asked)
        return ActionResult({"addons": names, "nextToken": token})

    def describe_addon_versions(self) -> ActionResult:
        """DescribeAddonVersions: which add-ons there are; the one version named honestly."""
        asked = self.request()
        wanted = asked.get("kubernetesVersion")
        compatible = [
            {"clusterVersion": version, "defaultVersion": True, "platformVersions": ["*"]}
            for version in VERSIONS
            if wanted in (None, version)
        ]
        rows = [
            {
                "addonName": kind.name,
                "type": kind.type,
                "publisher": "eks",
                "owner": kind.owner,
                "defaultNamespace": kind.namespace,
                "addonVersions": [
                    {"addonVersion": UNNAMED_VERSION, "compatibilities": compatible}
                ],
            }
            for kind in KINDS.values()
            if asked.get("addonName") in (None, kind.name)
            and (not asked.get("types") or kind.type in asked["types"])
            and (not asked.get("owners") or kind.owner in asked["owners"])
            and compatible
        ]
        addons, token = page(rows, asked)
        return ActionResult({"addons": addons, "nextToken": token})

    def _addon(self, cluster: Cluster, asked: Shape) -> Shape:
        if asked["addonName"] not in cluster.addons:
            raise not_found(
                f"No addon: {asked['addonName']} found in cluster: {asked['clusterName']}"
            )
        return cluster.addons[asked["addonName"]]


def _check(asked: Shape) -> None:
    version = asked.get("addonVersion", UNNAMED_VERSION)
    if version != UNNAMED_VERSION and not _VERSION.fullmatch(version):
        raise invalid(
            f"Addon version specified is not supported: '{version}' is not of the form "
            "vX.Y.Z-eksbuild.N"
        )
    values = asked.get("configurationValues")
    try:
        readable = values is None or isinstance(yaml.safe_load(values), dict)
    except yaml.YAMLError:
        readable = False
    if not readable:
        raise invalid(
            "ConfigurationValue provided in request is not supported: not a JSON or YAML object: "
            f"{json.dumps(values)}"
        )


def _associate(eks: EksBackend, cluster: Cluster, shape: Shape, asked: Shape) -> None:
    shape["podIdentityAssociations"] = [
        associate(
            eks,
            cluster,
            {
                **wanted,
                "namespace": shape["namespaceConfig"]["namespace"],
                "ownerArn": shape["addonArn"],
                "tags": shape["tags"],
            },
        )["associationArn"]
        for wanted in asked.get("podIdentityAssociations", [])
    ]


def _dissociate(cluster: Cluster, shape: Shape) -> None:
    for identifier, association in list(cluster.pod_identities.items()):
        if association.get("ownerArn") == shape["addonArn"]:
            del cluster.pod_identities[identifier]


def _settle(cluster: Cluster, shape: Shape, failed: str) -> None:
    """Waits for what the add-on needs, installs what it brings, and sets its status."""
    kind = KINDS[shape["addonName"]]
    if shape["podIdentityAssociations"] and not _soon(lambda: _AGENT in cluster.addons):
        message = f"The add-on uses pod identity, and the add-on {_AGENT} is not installed."
        issue = {"code": "AddonPermissionFailure", "message": message}
        shape.update(status=failed, health={"issues": [issue]})
        return
    if kind.needs_nodes and not _soon(lambda: _has_nodes(cluster), cluster):
        issue = {
            "code": "InsufficientNumberOfReplicas",
            "message": "The add-on is unhealthy because it doesn't have the desired number of "
            "replicas.",
        }
        shape.update(status="DEGRADED", health={"issues": [issue]})
        return
    if kind.csi_driver and cluster.admin_kubeconfig:
        install_csi_driver(cluster.admin_kubeconfig, kind.csi_driver)
    if shape["status"] != "DELETING":
        shape.update(status="ACTIVE", health={"issues": []})


def _soon(ready: Callable[[], bool], cluster: Cluster | None = None) -> bool:
    deadline = time.monotonic() + settings().patience_s
    while not ready():
        creating = cluster is not None and any(
            group.shape["status"] == "CREATING" for group in cluster.node_groups.values()
        )
        if time.monotonic() > deadline and not creating:
            return False
        time.sleep(0.05)
    return True


def _has_nodes(cluster: Cluster) -> bool:
    return any(
        group.shape["status"] in ("ACTIVE", "UPDATING")
        and group.shape["scalingConfig"]["desiredSize"] > 0
        for group in cluster.node_groups.values()
    )
