"""Managed node groups of EKS: real Auto Scaling groups in moto, real Node objects in Kubernetes.

moto's node groups are a record: no Auto Scaling group, no instances, half of the fields.
Source: EKS API reference (CreateNodegroup, UpdateNodegroupConfig, UpdateNodegroupVersion).
"""

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.launch_templates import LaunchTemplateVersion

from r1_on_eks.rehearsal.aws_cloud import eks_nodes
from r1_on_eks.rehearsal.aws_cloud.background import later
from r1_on_eks.rehearsal.aws_cloud.eks_node_checks import (
    check_request,
    check_scaling,
    check_template,
    check_types,
)
from r1_on_eks.rehearsal.aws_cloud.eks_state import (
    Cluster,
    EksRequest,
    NodeGroup,
    Shape,
    in_use,
    invalid,
    new_id,
    not_found,
    now,
    page,
    record_update,
)

_KEPT = ("nodeRepairConfig", "remoteAccess", "warmPoolConfig")
_CONFIGURABLE = (
    *("labels", "taints", "scalingConfig", "updateConfig", "nodeRepairConfig", "warmPoolConfig"),
)


class NodeGroups(EksRequest):
    """The operations on managed node groups."""

    def create_nodegroup(self) -> ActionResult:
        """CreateNodegroup."""
        asked = self.request()
        cluster, name = self.active_cluster(asked["clusterName"]), asked["nodegroupName"]
        if name in cluster.node_groups:
            raise in_use(
                f"NodeGroup already exists with name {name} and cluster name {cluster.name}"
            )
        check_request(self.current_account, self.region, cluster, asked)
        template = self._template(asked.get("launchTemplate"))
        if template is not None:
            check_template(template, asked)
        types = asked.get("instanceTypes") or [(template or {}).get("InstanceType", "t3.medium")]
        ami_type = "CUSTOM" if "ImageId" in (template or {}) else "AL2023_x86_64_STANDARD"
        ami_type = asked.get("amiType", ami_type)
        check_types(types, ami_type)
        shape = self._shape(cluster, asked, ami_type)
        if "InstanceType" not in (template or {}):
            # A type that the launch template names is shown there only.
            shape["instanceTypes"] = types
        group = NodeGroup(shape, types[0])
        cluster.node_groups[name] = group
        answer = ActionResult({"nodegroup": dict(shape)})
        later(f"create node group {name}", lambda: eks_nodes.create(cluster, group))
        return answer

    def describe_nodegroup(self) -> ActionResult:
        """DescribeNodegroup."""
        return ActionResult({"nodegroup": self._group(self.request())[1].shape})

    def list_nodegroups(self) -> ActionResult:
        """ListNodegroups."""
        asked = self.request()
        names, token = page(sorted(self.eks.cluster(asked["clusterName"]).node_groups), asked)
        return ActionResult({"nodegroups": names, "nextToken": token})

    def update_nodegroup_config(self) -> ActionResult:
        """UpdateNodegroupConfig: sizes, labels, taints, update and repair settings."""
        asked = self.request()
        cluster, group = self._active(asked)
        shape = group.shape
        sizes = shape["scalingConfig"] | asked.get("scalingConfig", {})
        check_scaling(sizes)
        params = {
            "DesiredSize" if key == "scalingConfig" else key[0].upper() + key[1:]: asked[key]
            for key in _CONFIGURABLE
            if key in asked
        }
        update = record_update(cluster, "ConfigUpdate", _update_params(params), group.name)
        shape.update(
            scalingConfig=sizes,
            labels=_changed_labels(shape["labels"], asked.get("labels", {})),
            taints=_changed_taints(shape["taints"], asked.get("taints", {})),
            status="UPDATING",
            modifiedAt=now(),
        )
        for key in ("updateConfig", "nodeRepairConfig", "warmPoolConfig"):
            if key in asked:
                shape[key] = asked[key]
        answer = ActionResult({"update": dict(update)})
        later(f"update node group {group.name}", lambda: eks_nodes.resize(cluster, group, update))
        return answer

    def update_nodegroup_version(self) -> ActionResult:
        """UpdateNodegroupVersion: new instances from another version, release or template."""
        asked = self.request()
        cluster, group = self._active(asked)
        shape = group.shape
        template = self._template(asked.get("launchTemplate"))
        if template is not None:
            if "launchTemplate" not in shape:
                raise invalid("You cannot add a launch template to a node group without one")
            check_template(template, {"instanceTypes": shape.get("instanceTypes")})
            group.instance_type = template.get("InstanceType", group.instance_type)
            check_types([group.instance_type], shape["amiType"])
        update = record_update(
            cluster,
            "VersionUpdate",
            {
                label: asked[key]
                for key, label in (("version", "Version"), ("releaseVersion", "ReleaseVersion"))
                if key in asked
            },
            group.name,
        )
        for key in ("version", "releaseVersion"):
            if key in asked:
                shape[key] = asked[key]
        if "launchTemplate" in asked:
            shape["launchTemplate"] = self._named(asked["launchTemplate"])
        shape.update(status="UPDATING", modifiedAt=now())
        answer = ActionResult({"update": dict(update)})
        force = asked.get("force", False)
        later(
            f"roll node group {group.name}",
            lambda: eks_nodes.roll(cluster, group, update, force=force),
        )
        return answer

    def delete_nodegroup(self) -> ActionResult:
        """DeleteNodegroup."""
        cluster, group = self._group(self.request())
        if group.shape["status"] in ("CREATING", "UPDATING", "DELETING"):
            raise in_use(f"Nodegroup {group.name} is {group.shape['status']}")
        group.shape["status"] = "DELETING"
        later(f"delete node group {group.name}", lambda: eks_nodes.delete(cluster, group))
        return ActionResult({"nodegroup": dict(group.shape)})

    def _shape(self, cluster: Cluster, asked: Shape, ami_type: str) -> Shape:
        name = asked["nodegroupName"]
        shape: Shape = {
            "nodegroupName": name,
            "nodegroupArn": self.eks.arn("nodegroup", cluster.name, name, new_id()),
            "clusterName": cluster.name,
            "version": asked.get("version", cluster.shape["version"]),
            "createdAt": now(),
            "modifiedAt": now(),
            "status": "CREATING",
            "capacityType": asked.get("capacityType", "ON_DEMAND"),
            "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 2}
            | asked.get("scalingConfig", {}),
            "subnets": asked["subnets"],
            "amiType": ami_type,
            "nodeRole": asked["nodeRole"],
            "labels": asked.get("labels", {}),
            "taints": asked.get("taints", []),
            "health": {"issues": []},
            "updateConfig": asked.get("updateConfig", {"maxUnavailable": 1}),
            "tags": asked.get("tags", {}),
            **{key: asked[key] for key in _KEPT if key in asked},
        }
        if "releaseVersion" in asked:
            shape["releaseVersion"] = asked["releaseVersion"]
        if "launchTemplate" in asked:
            shape["launchTemplate"] = self._named(asked["launchTemplate"])
        else:
            shape["diskSize"] = asked.get("diskSize", 20)
        return shape

    def _template(self, specification: Shape | None) -> Shape | None:
        """What the launch template says, read without a request: this one holds the turn."""
        if specification is None:
            return None
        version = self._version(specification)
        return version.data

    def _version(self, specification: Shape) -> LaunchTemplateVersion:
        templates = ec2_backends[self.current_account][self.region]
        try:
            template = (
                templates.get_launch_template(specification["id"])
                if "id" in specification
                else templates.get_launch_template_by_name(specification["name"])
            )
            wanted = specification.get("version")
            return template.get_version(wanted) if wanted else template.default_version()
        except (ServiceException, StopIteration, ValueError) as missing:
            raise invalid(f"The launch template or version does not exist: {missing}") from None

    def _named(self, specification: Shape) -> Shape:
        """With id, name and version number, as DescribeNodegroup shows it."""
        version = self._version(specification)
        return {
            "id": version.template.id,
            "name": version.template.name,
            "version": str(version.number),
        }

    def _group(self, asked: Shape) -> tuple[Cluster, NodeGroup]:
        cluster = self.eks.cluster(asked["clusterName"])
        if asked["nodegroupName"] not in cluster.node_groups:
            raise not_found(f"No node group found for name: {asked['nodegroupName']}.")
        return cluster, cluster.node_groups[asked["nodegroupName"]]

    def _active(self, asked: Shape) -> tuple[Cluster, NodeGroup]:
        cluster, group = self._group(asked)
        if group.shape["status"] != "ACTIVE":
            raise in_use(f"Nodegroup {group.name} is {group.shape['status']}")
        return cluster, group


def _update_params(given: Shape) -> Shape:
    names = {"Labels": "LabelsToAdd", "Taints": "TaintsToAdd", "UpdateConfig": "MaxUnavailable"}
    return {names.get(key, key): value for key, value in given.items()}


def _changed_labels(labels: dict[str, str], change: Shape) -> dict[str, str]:
    removed = change.get("removeLabels", [])
    kept = {key: value for key, value in labels.items() if key not in removed}
    return kept | change.get("addOrUpdateLabels", {})


def _changed_taints(taints: list[Shape], change: Shape) -> list[Shape]:
    def identity(taint: Shape) -> tuple[str, str]:
        return taint["key"], taint["effect"]

    added = change.get("addOrUpdateTaints", [])
    gone = {identity(taint) for taint in [*added, *change.get("removeTaints", [])]}
    return [taint for taint in taints if identity(taint) not in gone] + added
