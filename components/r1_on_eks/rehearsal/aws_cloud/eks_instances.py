"""The EC2 side of a node group: EKS's own launch template, an Auto Scaling group, instances.

moto names an Auto Scaling group for a node group and makes none.
"""

import secrets
import uuid
from functools import cache
from typing import Any

from r1_on_eks.rehearsal.aws_cloud.background import client
from r1_on_eks.rehearsal.aws_cloud.eks_state import Cluster, NodeGroup, Shape

# Not copied to EKS's own template: the Auto Scaling group decides about the subnet, and moto's
# instances have one interface, whose security groups are given for the instance.
_REPLACED = ("NetworkInterfaces", "SecurityGroupIds", "TagSpecifications", "InstanceType")


def template_data(specification: Shape) -> Shape:
    """What one version of a launch template says.

    Raises:
        ClientError: no such template or version.
    """
    key = "LaunchTemplateId" if "id" in specification else "LaunchTemplateName"
    versions = client("ec2").describe_launch_template_versions(
        **{key: specification.get("id") or specification["name"]},
        Versions=[str(specification.get("version", "$Default"))],
    )["LaunchTemplateVersions"]
    return versions[0]["LaunchTemplateData"]


def make_template(cluster: Cluster, group: NodeGroup, given: Shape) -> None:
    """EKS's launch template: the given one's data and what EKS adds to it."""
    ec2 = client("ec2")
    data = _data(cluster, group, given)
    if group.template_id:
        version = ec2.create_launch_template_version(
            LaunchTemplateId=group.template_id, LaunchTemplateData=data
        )["LaunchTemplateVersion"]["VersionNumber"]
        ec2.modify_launch_template(LaunchTemplateId=group.template_id, DefaultVersion=str(version))
        return
    group.template_id = ec2.create_launch_template(
        LaunchTemplateName=f"eks-{uuid.uuid4()}", LaunchTemplateData=data
    )["LaunchTemplate"]["LaunchTemplateId"]


def make_scaling_group(group: NodeGroup, subnets: list[str], desired: int | None = None) -> None:
    """The Auto Scaling group, with as many instances as the node group or `desired` says."""
    shape = group.shape
    group.group_name = f"eks-{group.name}-{uuid.UUID(bytes=secrets.token_bytes(16))}"
    scaling = shape["scalingConfig"]
    client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=group.group_name,
        LaunchTemplate={"LaunchTemplateId": group.template_id, "Version": "$Latest"},
        MinSize=scaling["minSize"] if desired is None else min(desired, scaling["minSize"]),
        MaxSize=scaling["maxSize"],
        DesiredCapacity=scaling["desiredSize"] if desired is None else desired,
        VPCZoneIdentifier=",".join(subnets),
        Tags=[
            {"Key": key, "Value": value, "PropagateAtLaunch": True}
            for key, value in _own_tags(shape).items()
        ],
    )
    shape["resources"] = {"autoScalingGroups": [{"name": group.group_name}]}


def scale(group: NodeGroup, desired: int | None = None) -> None:
    """Gives the Auto Scaling group the node group's sizes, or `desired` for a moment."""
    scaling = group.shape["scalingConfig"]
    wanted = scaling["desiredSize"] if desired is None else desired
    client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName=group.group_name,
        MinSize=min(wanted, scaling["minSize"]),
        MaxSize=max(wanted, scaling["maxSize"]),
        DesiredCapacity=wanted,
    )


def end(group: NodeGroup, instance_id: str) -> None:
    """Ends one instance; none takes its place until the group is scaled."""
    autoscaling = client("autoscaling")
    autoscaling.update_auto_scaling_group(AutoScalingGroupName=group.group_name, MinSize=0)
    autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=instance_id, ShouldDecrementDesiredCapacity=True
    )


def instances(group: NodeGroup) -> list[dict[str, str]]:
    """The running instances: id, zone, private name and address."""
    found = client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[group.group_name]
    )["AutoScalingGroups"]
    ids = [each["InstanceId"] for one in found for each in one["Instances"]]
    if not ids:
        return []
    reservations = client("ec2").describe_instances(InstanceIds=ids)["Reservations"]
    return [
        {
            "instance_id": instance["InstanceId"],
            "zone": instance["Placement"]["AvailabilityZone"],
            "private_dns_name": instance["PrivateDnsName"],
            "private_ip": instance["PrivateIpAddress"],
        }
        for reservation in reservations
        for instance in reservation["Instances"]
        if instance["State"]["Name"] == "running"
    ]


def remove(group: NodeGroup) -> None:
    """Ends the instances and removes the Auto Scaling group and EKS's launch template."""
    if group.group_name:
        client("autoscaling").delete_auto_scaling_group(
            AutoScalingGroupName=group.group_name, ForceDelete=True
        )
        group.group_name = ""
    if group.template_id:
        client("ec2").delete_launch_template(LaunchTemplateId=group.template_id)
        group.template_id = ""


def _data(cluster: Cluster, group: NodeGroup, given: Shape) -> Shape:
    own = cluster.shape["resourcesVpcConfig"]["clusterSecurityGroupId"]
    on_interfaces = [
        one for each in given.get("NetworkInterfaces", []) for one in each.get("Groups", [])
    ]
    # Groups in the given template mean that EKS does not add the cluster's own.
    groups = given.get("SecurityGroupIds") or on_interfaces or [own]
    specifications = {
        each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        for each in given.get("TagSpecifications", [])
    }
    specifications["instance"] = specifications.get("instance", {}) | _own_tags(group.shape)
    data: dict[str, Any] = {key: val for key, val in given.items() if key not in _REPLACED}
    data.setdefault("ImageId", _eks_image())
    for mapping in data.get("BlockDeviceMappings", []):
        # EC2's default for volumes that are made with the instance; moto's is the opposite.
        if "Ebs" in mapping:
            mapping["Ebs"].setdefault("DeleteOnTermination", True)
    return data | {
        "InstanceType": group.instance_type,
        "SecurityGroupIds": sorted(set(groups)),
        "TagSpecifications": [
            {
                "ResourceType": kind,
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
            for kind, tags in specifications.items()
        ],
    }


def _own_tags(shape: Shape) -> dict[str, str]:
    cluster = shape["clusterName"]
    return {
        "eks:cluster-name": cluster,
        "eks:nodegroup-name": shape["nodegroupName"],
        f"kubernetes.io/cluster/{cluster}": "owned",
    }


@cache
def _eks_image() -> str:
    """Some image of Amazon's that moto knows; nothing is started from it."""
    images = client("ec2").describe_images(Owners=["amazon"])["Images"]
    return min(image["ImageId"] for image in images)
