"""FSx for Lustre and its links to S3."""
# ruff: noqa: ARG001 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import replacements, rules
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Row,
    Tagging,
    Update,
    Values,
    Wait,
    cite,
)

_LUSTRE = "LustreConfiguration"
_TAGGING = Tagging(
    "Tags",
    "list",
    "TagResource",
    "UntagResource",
    {"ResourceARN": "{arn}"},
    "Tags",
    "TagKeys",
)


def _delete_file_system(cloud: Any, old: Values, new: Values) -> None:
    given: dict[str, Any] = {"FileSystemId": old["id"]}
    # FSx refuses the setting for SCRATCH types, which have no backups.
    if str(old.get("deploymentType", "")).startswith("PERSISTENT"):
        given[_LUSTRE] = {"SkipFinalBackup": bool(old.get("skipFinalBackup"))}
    cloud.call("fsx", "DeleteFileSystem", given)


def _security_groups(cloud: Any, answer: Any, values: Values) -> Any:
    """FSx doesn't tell them; its network interfaces would."""
    return values.get("securityGroupIds")


LUSTRE_FILE_SYSTEM = Row(
    token="aws:fsx/lustreFileSystem:LustreFileSystem",
    forces_replacement=cite(
        "internal/service/fsx/lustre_file_system.go@06ee53d9fed4",
        "backupId",
        "copyTagsToBackups",
        "deploymentType",
        "driveCacheType",
        "exportPath",
        "fileSystemTypeVersion",
        "importPath",
        "importedFileChunkSize",
        "kmsKeyId",
        "perUnitStorageThroughput",
        "securityGroupIds",
        "storageType",
        "subnetIds",
    ),
    replaces_when=(replacements.lustre_shrinks,),
    service="fsx",
    create=Call("CreateFileSystem", given={"FileSystemType": "LUSTRE"}, inside=_LUSTRE),
    id="FileSystem.FileSystemId",
    find=Find("DescribeFileSystems", {"FileSystemIds": ["{id}"]}, "FileSystems[0]"),
    delete=(_delete_file_system,),
    tagging=_TAGGING,
    updates=(
        Update(
            (
                "storageCapacity",
                "perUnitStorageThroughput",
                "dataCompressionType",
                "weeklyMaintenanceStartTime",
            ),
            Call("UpdateFileSystem", given={"FileSystemId": "{id}"}, inside=_LUSTRE),
        ),
    ),
    elsewhere=("skipFinalBackup",),
    outputs={
        "arn": "ResourceARN",
        "dnsName": "DNSName",
        "kmsKeyId": "KmsKeyId",
        "mountName": "LustreConfiguration.MountName",
        "deploymentType": "LustreConfiguration.DeploymentType",
        "perUnitStorageThroughput": "LustreConfiguration.PerUnitStorageThroughput",
        "dataCompressionType": "LustreConfiguration.DataCompressionType",
        "weeklyMaintenanceStartTime": "LustreConfiguration.WeeklyMaintenanceStartTime",
        "securityGroupIds": _security_groups,
    },
    wait=Wait(
        "Lifecycle",
        ("AVAILABLE",),
        ("FAILED", "MISCONFIGURED"),
        "FailureDetails.Message",
    ),
    rules=(
        rules.lustre_capacity,
        rules.lustre_throughput,
        rules.lustre_key,
        rules.one_subnet,
    ),
    unordered=("securityGroupIds",),
)

_ASSOCIATION = {"AssociationId": "{id}"}


def _delete_association(cloud: Any, old: Values, new: Values) -> None:
    given = {
        "AssociationId": old["id"],
        "DeleteDataInFileSystem": bool(old.get("deleteDataInFilesystem")),
    }
    cloud.call("fsx", "DeleteDataRepositoryAssociation", given)


DATA_REPOSITORY_ASSOCIATION = Row(
    token="aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
    forces_replacement=cite(
        "internal/service/fsx/data_repository_association.go@0a77465627ef",
        "dataRepositoryPath",
        "fileSystemId",
        "fileSystemPath",
    ),
    service="fsx",
    create=Call("CreateDataRepositoryAssociation"),
    id="Association.AssociationId",
    find=Find(
        "DescribeDataRepositoryAssociations",
        {"AssociationIds": ["{id}"]},
        "Associations[0]",
    ),
    delete=(_delete_association,),
    tagging=_TAGGING,
    updates=(
        Update(
            ("s3", "importedFileChunkSize"),
            Call("UpdateDataRepositoryAssociation", given=_ASSOCIATION),
        ),
    ),
    elsewhere=("deleteDataInFilesystem",),
    outputs={"arn": "ResourceARN"},
    wait=Wait(
        "Lifecycle",
        ("AVAILABLE",),
        ("FAILED", "MISCONFIGURED"),
        "FailureDetails.Message",
    ),
)

ROWS = (LUSTRE_FILE_SYSTEM, DATA_REPOSITORY_ASSOCIATION)
