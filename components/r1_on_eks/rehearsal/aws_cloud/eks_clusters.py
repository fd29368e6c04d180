"""EKS clusters: created in the background, with everything that was asked kept.

moto's are ACTIVE at once, forget most fields and have no security group or control plane.
Here a real control plane runs behind each cluster (see control_plane.py).
Source: EKS API reference (CreateCluster, UpdateClusterConfig, DeleteCluster).
"""

from moto.core.responses import ActionResult, EmptyResult
from moto.sts.models import sts_backends

from r1_on_eks.rehearsal.aws_cloud import eks_control_plane
from r1_on_eks.rehearsal.aws_cloud.background import later
from r1_on_eks.rehearsal.aws_cloud.eks_access import add_entry
from r1_on_eks.rehearsal.aws_cloud.eks_cluster_checks import (
    check_key,
    check_role,
    check_upgrade,
    check_versions,
    network_config,
    vpc_config,
)
from r1_on_eks.rehearsal.aws_cloud.eks_state import (
    Cluster,
    EksRequest,
    Shape,
    in_use,
    invalid,
    new_id,
    not_found,
    now,
    page,
    record_update,
    refused,
)
from r1_on_eks.rehearsal.aws_cloud.eks_versions import DEFAULT_VERSION

_LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
_KEPT = (
    "encryptionConfig", "zonalShiftConfig", "remoteNetworkConfig", "controlPlaneScalingConfig",
    "kubeApiServerConfig", "kubeSchedulerConfig", "kubeControllerManagerConfig",
)  # fmt: skip
# Which part of UpdateClusterConfig is which kind of update; AWS takes one kind at a time.
_UPDATES = {
    "logging": ("LoggingUpdate", "ClusterLogging"),
    "accessConfig": ("AccessConfigUpdate", "AuthenticationMode"),
    "upgradePolicy": ("UpgradePolicyUpdate", "UpgradePolicy"),
    "zonalShiftConfig": ("ZonalShiftConfigUpdate", "ZonalShiftConfig"),
    "deletionProtection": ("DeletionProtectionUpdate", "DeletionProtection"),
    "resourcesVpcConfig": ("VpcConfigUpdate", "PublicAccessCidrs"),
}


class Clusters(EksRequest):
    """The operations on clusters, their updates and the tags of everything."""

    def create_cluster(self) -> ActionResult:
        """CreateCluster."""
        asked = self.request()
        name = asked["name"]
        if name in self.eks.clusters:
            raise in_use(f"Cluster already exists with name: {name}")
        for lacking in ("outpostConfig", "computeConfig", "storageConfig"):
            if lacking in asked:
                raise NotImplementedError(f"EKS clusters with {lacking} are not rehearsed")
        version = asked.get("version", DEFAULT_VERSION)
        check_versions(version)
        check_role(self.current_account, asked["roleArn"], "eks.amazonaws.com")
        check_key(self.current_account, self.region, asked.get("encryptionConfig", []))
        vpc = vpc_config(self.current_account, self.region, asked["resourcesVpcConfig"])
        access = asked.get("accessConfig", {})
        creator_admin = access.get("bootstrapClusterCreatorAdminPermissions", True)
        shape: Shape = {
            "name": name,
            "arn": self.eks.arn("cluster", name),
            "createdAt": now(),
            "version": version,
            "roleArn": asked["roleArn"],
            "resourcesVpcConfig": vpc,
            "kubernetesNetworkConfig": network_config(
                self.current_account, self.region, vpc["vpcId"], asked
            ),
            "logging": _logging(asked.get("logging", {})),
            "identity": {"oidc": {"issuer": self._issuer()}},
            "status": "CREATING",
            "certificateAuthority": {},
            "platformVersion": "eks.1",
            "tags": asked.get("tags", {}),
            "health": {"issues": []},
            "accessConfig": {
                "authenticationMode": access.get("authenticationMode", "CONFIG_MAP"),
                "bootstrapClusterCreatorAdminPermissions": creator_admin,
            },
            "upgradePolicy": asked.get("upgradePolicy", {"supportType": "EXTENDED"}),
            "deletionProtection": asked.get("deletionProtection", False),
            **{key: asked[key] for key in _KEPT if key in asked},
        }
        cluster = Cluster(shape, asked.get("bootstrapSelfManagedAddons", True))
        self.eks.clusters[name] = cluster
        if creator_admin and shape["accessConfig"]["authenticationMode"] != "CONFIG_MAP":
            self._admit_creator(cluster)
        answer = ActionResult({"cluster": dict(shape)})
        later(f"create cluster {name}", lambda: eks_control_plane.start(cluster))
        return answer

    def describe_cluster(self) -> ActionResult:
        """DescribeCluster."""
        return ActionResult({"cluster": self.eks.cluster(self.request()["name"]).shape})

    def list_clusters(self) -> ActionResult:
        """ListClusters."""
        asked = self.request()
        names, token = page(sorted(self.eks.clusters), asked)
        return ActionResult({"clusters": names, "nextToken": token})

    def delete_cluster(self) -> ActionResult:
        """DeleteCluster."""
        cluster = self.eks.cluster(self.request()["name"])
        if cluster.shape["status"] in ("CREATING", "DELETING"):
            raise in_use(f"Cluster {cluster.name} is {cluster.shape['status']}")
        if cluster.node_groups:
            raise in_use("Cluster has nodegroups attached")
        if cluster.shape["deletionProtection"]:
            raise refused(f"Cluster {cluster.name} has deletion protection enabled")
        cluster.shape["status"] = "DELETING"
        clusters = self.eks.clusters

        def remove() -> None:
            if eks_control_plane.stop(cluster):
                clusters.pop(cluster.name, None)

        later(f"delete cluster {cluster.name}", remove)
        return ActionResult({"cluster": dict(cluster.shape)})

    def update_cluster_config(self) -> ActionResult:
        """UpdateClusterConfig, one kind of change per call."""
        asked = self.request()
        cluster = self.eks.cluster(asked["name"])
        if cluster.shape["status"] != "ACTIVE":
            raise in_use(f"Cluster {cluster.name} is {cluster.shape['status']}")
        kinds = [key for key in asked if key not in ("name", "clientRequestToken")]
        if len(kinds) != 1 or kinds[0] not in _UPDATES:
            raise invalid(f"Only one type of update can be allowed; got {kinds}")
        key, wanted = kinds[0], asked[kinds[0]]
        kind, label = _UPDATES[key]
        update = record_update(cluster, kind, {label: wanted})
        self._change(cluster, key, wanted)
        update["status"] = "Successful"
        return ActionResult({"update": update})

    def update_cluster_version(self) -> ActionResult:
        """UpdateClusterVersion: the control plane alone; nodes stay as they are."""
        asked = self.request()
        cluster = self.eks.cluster(asked["name"])
        if cluster.shape["status"] != "ACTIVE":
            raise in_use(f"Cluster {cluster.name} is {cluster.shape['status']}")
        version = asked["version"]
        check_upgrade(cluster.shape["version"], version)
        params = {"Version": version, "PlatformVersion": cluster.shape["platformVersion"]}
        update = record_update(cluster, "VersionUpdate", params)
        cluster.shape["status"] = "UPDATING"
        later(
            f"upgrade cluster {cluster.name}",
            lambda: eks_control_plane.upgrade(cluster, version, update),
        )
        return ActionResult({"update": dict(update)})

    def list_updates(self) -> ActionResult:
        """ListUpdates of the cluster, a node group or an add-on."""
        asked = self.request()
        about = asked.get("nodegroupName") or asked.get("addonName")
        updates = self.eks.cluster(asked["name"]).updates
        found = [name for name, (subject, _) in updates.items() if subject == about]
        names, token = page(found, asked)
        return ActionResult({"updateIds": names, "nextToken": token})

    def describe_update(self) -> ActionResult:
        """DescribeUpdate."""
        asked = self.request()
        updates = self.eks.cluster(asked["name"]).updates
        if asked["updateId"] not in updates:
            raise not_found(f"No update found for ID: {asked['updateId']}")
        return ActionResult({"update": updates[asked["updateId"]][1]})

    def tag_resource(self) -> ActionResult:
        """TagResource, for every kind of resource of EKS."""
        asked = self.request()
        self.eks.tags_of(asked["resourceArn"]).update(asked["tags"])
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """UntagResource."""
        asked = self.request()
        keys = asked["tagKeys"]
        self.eks.untag_resource(asked["resourceArn"], [keys] if isinstance(keys, str) else keys)
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """ListTagsForResource."""
        return ActionResult({"tags": self.eks.tags_of(self.request()["resourceArn"])})

    def _change(self, cluster: Cluster, key: str, wanted: Shape) -> None:
        shape = cluster.shape
        if key == "logging":
            shape["logging"] = _logging(wanted, shape["logging"])
        elif key == "accessConfig":
            modes = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"]
            before = shape["accessConfig"]["authenticationMode"]
            if modes.index(wanted["authenticationMode"]) <= modes.index(before):
                raise invalid(f"Unsupported authentication mode update from {before}")
            shape["accessConfig"]["authenticationMode"] = wanted["authenticationMode"]
        elif key == "resourcesVpcConfig":
            if "subnetIds" in wanted or "securityGroupIds" in wanted:
                raise NotImplementedError("moving a cluster's subnets or groups is not rehearsed")
            shape["resourcesVpcConfig"].update(wanted)
        else:
            shape[key] = wanted

    def _issuer(self) -> str:
        identifier = new_id().replace("-", "").upper()
        return f"https://oidc.eks.{self.region}.amazonaws.com/id/{identifier}"

    def _admit_creator(self, cluster: Cluster) -> None:
        sessions = sts_backends[self.current_account]["aws"]
        creator = sessions.get_assumed_role_from_access_key(self.access_key)
        if creator is None:
            return
        arn = self.eks.arn("access-entry", cluster.name, "role", self.current_account, new_id())
        entry = add_entry(arn, cluster, {"principalArn": creator.role_arn})
        policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
        entry.policies[policy] = {
            "policyArn": policy,
            "accessScope": {"type": "cluster", "namespaces": []},
            "associatedAt": now(),
            "modifiedAt": now(),
        }


def _logging(asked: Shape, before: Shape | None = None) -> Shape:
    """Every log type appears once, enabled or not, as DescribeCluster shows it."""
    enabled = {
        kind
        for setup in (before or {}).get("clusterLogging", [])
        if setup["enabled"]
        for kind in setup["types"]
    }
    for setup in asked.get("clusterLogging", []):
        types = set(setup.get("types", []))
        enabled = enabled | types if setup.get("enabled") else enabled - types
    rows = [(True, [kind for kind in _LOG_TYPES if kind in enabled])]
    rows.append((False, [kind for kind in _LOG_TYPES if kind not in enabled]))
    return {"clusterLogging": [{"types": kinds, "enabled": on} for on, kinds in rows if kinds]}
