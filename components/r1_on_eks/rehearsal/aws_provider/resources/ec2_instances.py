"""What instances are started from: launch templates and placement groups."""
# ruff: noqa: ARG001, ARG005 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import tags
from r1_on_eks.rehearsal.aws_provider.requests import build
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Naming,
    Row,
    Tagging,
    Update,
    Values,
    cite,
)

_CONTENT = (
    "blockDeviceMappings", "capacityReservationSpecification", "cpuOptions",
    "disableApiTermination", "ebsOptimized", "iamInstanceProfile", "imageId",
    "instanceInitiatedShutdownBehavior", "instanceMarketOptions", "instanceType", "keyName",
    "maintenanceOptions", "metadataOptions", "monitoring", "networkInterfaces", "placement",
    "tagSpecifications", "userData", "vpcSecurityGroupIds",
)  # fmt: skip
_NAMES = {
    "name": "LaunchTemplateName",
    "description": "VersionDescription",
    "vpcSecurityGroupIds": "LaunchTemplateData.SecurityGroupIds",
    "networkInterfaces.securityGroups": "Groups",
    # tagSpecifications is a parameter too, of the template itself.
    "tagSpecifications": "LaunchTemplateData.TagSpecifications",
}


def _new_version(cloud: Any, old: Values, new: Values) -> None:
    call = Call(
        "CreateLaunchTemplateVersion",
        _NAMES,
        {"LaunchTemplateId": "{id}"},
        "LaunchTemplateData",
    )
    made = cloud.send(build("ec2", call, new, (*_CONTENT, "description")))
    if new.get("updateDefaultVersion"):
        version = str(made["LaunchTemplateVersion"]["VersionNumber"])
        given = {"LaunchTemplateId": new["id"], "DefaultVersion": version}
        cloud.call("ec2", "ModifyLaunchTemplate", given)


LAUNCH_TEMPLATE = Row(
    token="aws:ec2/launchTemplate:LaunchTemplate",
    forces_replacement=cite(
        "internal/service/ec2/ec2_launch_template.go@025e4f81cab8",
        "name",
        "namePrefix",
    ),
    service="ec2",
    create=Call("CreateLaunchTemplate", _NAMES, inside="LaunchTemplateData"),
    id="LaunchTemplate.LaunchTemplateId",
    find=Find("DescribeLaunchTemplates", {"LaunchTemplateIds": ["{id}"]}, "LaunchTemplates[0]"),
    delete=(Call("DeleteLaunchTemplate", given={"LaunchTemplateId": "{id}"}),),
    naming=Naming(most=128),
    tagging=tags.ec2("launch-template"),
    updates=(Update((*_CONTENT, "description"), _new_version),),
    elsewhere=("updateDefaultVersion",),
    outputs={
        "name": "LaunchTemplateName",
        "arn": lambda cloud, answer, values: cloud.arn("ec2", f"launch-template/{values['id']}"),
        "latestVersion": "LatestVersionNumber",
        "defaultVersion": "DefaultVersionNumber",
    },
)

PLACEMENT_GROUP = Row(
    token="aws:ec2/placementGroup:PlacementGroup",
    forces_replacement=cite(
        "internal/service/ec2/ec2_placement_group.go@05e34de73422",
        "name",
        "partitionCount",
        "spreadLevel",
        "strategy",
    ),
    service="ec2",
    create=Call("CreatePlacementGroup", {"name": "GroupName"}),
    id="{name}",
    id_parts=("name",),
    find=Find("DescribePlacementGroups", {"GroupNames": ["{id}"]}, "PlacementGroups[0]"),
    delete=(Call("DeletePlacementGroup", given={"GroupName": "{id}"}),),
    naming=Naming(),
    tagging=Tagging(
        member="TagSpecifications",
        form="placement-group",
        add="CreateTags",
        remove="DeleteTags",
        target={"Resources": ["{placementGroupId}"]},
        tags="Tags",
        keys="Tags",
    ),
    outputs={"name": "GroupName", "arn": "GroupArn", "placementGroupId": "GroupId"},
)

ROWS = (LAUNCH_TEMPLATE, PLACEMENT_GROUP)
