"""FSx for Lustre file systems, with AWS's own size and throughput rules.

Source: FSx API reference (CreateFileSystem, UpdateFileSystem, DeleteFileSystem) and the FSx for
Lustre user guide, managing-storage-capacity.
"""

from typing import Any

from botocore.exceptions import ClientError
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import ec2_backends

from r1_on_eks.rehearsal.aws_cloud.background import client, later
from r1_on_eks.rehearsal.aws_cloud.fsx_state import (
    FsxRequest,
    Shape,
    bad_request,
    hex_id,
    mount_name,
    now,
)
from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError

# MB/s per TiB of SSD storage, by deployment type.
_SSD_THROUGHPUT = {"PERSISTENT_1": (50, 100, 200), "PERSISTENT_2": (125, 250, 500, 1000)}
_VERSIONS = ("2.10", "2.12", "2.15")
_CREATE_ONLY = ("ImportPath", "ExportPath", "ImportedFileChunkSize", "AutoImportPolicy")


class FileSystems(FsxRequest):
    """The operations on file systems and on tags."""

    def create_file_system(self) -> ActionResult:
        """CreateFileSystem, of type LUSTRE on SSD."""
        asked = self.request()
        if asked["FileSystemType"] != "LUSTRE":
            raise NotImplementedError(f"FSx file systems of type {asked['FileSystemType']}")
        lustre = dict(asked.get("LustreConfiguration", {}))
        _check(asked, lustre)
        subnet = self._subnet(asked["SubnetIds"])
        groups = asked.get("SecurityGroupIds", [])
        for group in groups:
            found = ec2_backends[self.current_account][self.region].get_security_group_from_id(
                group
            )
            if found is None or found.vpc_id != subnet.vpc_id:
                raise AwsError(
                    "InvalidNetworkSettings", f"The security group {group} is not in the VPC"
                )
        identifier = hex_id("fs")
        shape = self._shape(identifier, asked, lustre, subnet.vpc_id)
        self.fsx.file_systems[identifier] = shape
        answer = ActionResult({"FileSystem": dict(shape)})
        later(f"create {identifier}", lambda: _make(shape, subnet.id, groups))
        return answer

    def describe_file_systems(self) -> ActionResult:
        """DescribeFileSystems."""
        wanted = self.request().get("FileSystemIds")
        found = (
            [self.fsx.file_system(identifier) for identifier in wanted]
            if wanted
            else list(self.fsx.file_systems.values())
        )
        return ActionResult({"FileSystems": found})

    def update_file_system(self) -> ActionResult:
        """UpdateFileSystem: capacity only grows; throughput only where AWS changes it."""
        asked = self.request()
        shape = self.fsx.file_system(asked["FileSystemId"])
        if shape["Lifecycle"] != "AVAILABLE":
            raise bad_request(f"{asked['FileSystemId']} is {shape['Lifecycle']}")
        lustre = dict(shape["LustreConfiguration"]) | asked.get("LustreConfiguration", {})
        after = {"StorageCapacity": asked.get("StorageCapacity", shape["StorageCapacity"])}
        if after["StorageCapacity"] < shape["StorageCapacity"]:
            raise bad_request("Storage capacity can't be decreased.")
        if after["StorageCapacity"] > shape["StorageCapacity"] and (
            lustre["DeploymentType"] == "SCRATCH_1"
        ):
            raise bad_request("Storage capacity of SCRATCH_1 file systems can't be changed.")
        _check(shape | after, lustre)
        shape.update(after, LustreConfiguration=lustre)
        return ActionResult({"FileSystem": shape})

    def delete_file_system(self) -> ActionResult:
        """DeleteFileSystem; its associations go with it, its interfaces a moment later."""
        asked = self.request()
        identifier = asked["FileSystemId"]
        shape = self.fsx.file_system(identifier)
        if shape["Lifecycle"] in ("CREATING", "DELETING"):
            raise bad_request(f"{identifier} can't be deleted while {shape['Lifecycle']}")
        shape["Lifecycle"] = "DELETING"
        fsx = self.fsx

        def remove() -> None:
            for interface in shape["NetworkInterfaceIds"]:
                client("ec2").delete_network_interface(NetworkInterfaceId=interface)
            for name, association in list(fsx.associations.items()):
                if association["FileSystemId"] == identifier:
                    del fsx.associations[name]
            fsx.file_systems.pop(identifier, None)

        later(f"delete {identifier}", remove)
        return ActionResult({"FileSystemId": identifier, "Lifecycle": "DELETING"})

    def tag_resource(self) -> ActionResult:
        """TagResource."""
        asked = self.request()
        tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        self.fsx.tag_resource(asked["ResourceARN"], tags)
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """UntagResource."""
        asked = self.request()
        self.fsx.untag_resource(asked["ResourceARN"], asked["TagKeys"])
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """ListTagsForResource."""
        tags = self.fsx.tags_of(self.request()["ResourceARN"])
        return ActionResult({"Tags": [{"Key": k, "Value": v} for k, v in tags.items()]})

    def _subnet(self, subnet_ids: list[str]) -> Any:
        if len(subnet_ids) != 1:
            raise bad_request("A Lustre file system has exactly one subnet.")
        for by_zone in ec2_backends[self.current_account][self.region].subnets.values():
            if subnet_ids[0] in by_zone:
                return by_zone[subnet_ids[0]]
        raise AwsError("InvalidNetworkSettings", f"The subnet {subnet_ids[0]} does not exist")

    def _shape(self, identifier: str, asked: Shape, lustre: Shape, vpc_id: str) -> Shape:
        scratch = lustre["DeploymentType"].startswith("SCRATCH")
        shape = {
            "OwnerId": self.current_account,
            "CreationTime": now(),
            "FileSystemId": identifier,
            "FileSystemType": "LUSTRE",
            "FileSystemTypeVersion": asked.get("FileSystemTypeVersion", "2.10"),
            "Lifecycle": "CREATING",
            "StorageCapacity": asked["StorageCapacity"],
            "StorageType": asked.get("StorageType", "SSD"),
            "VpcId": vpc_id,
            "SubnetIds": asked["SubnetIds"],
            "NetworkInterfaceIds": [],
            "DNSName": f"{identifier}.fsx.{self.region}.amazonaws.com",
            "ResourceARN": self.fsx.arn("file-system", identifier),
            "Tags": asked.get("Tags", []),
            "LustreConfiguration": {
                "WeeklyMaintenanceStartTime": "1:05:00",
                "CopyTagsToBackups": False,
                "DataCompressionType": "NONE",
                **({} if scratch else {"AutomaticBackupRetentionDays": 0}),
                **lustre,
                # SCRATCH_1 and old PERSISTENT_1 file systems mount as fsx, the others by name.
                "MountName": "fsx" if lustre["DeploymentType"] == "SCRATCH_1" else mount_name(),
            },
        }
        if not scratch:
            shape["KmsKeyId"] = asked.get(
                "KmsKeyId", f"arn:aws:kms:{self.region}:{self.current_account}:alias/aws/fsx"
            )
        return shape


def _check(asked: Shape, lustre: Shape) -> None:
    kind = lustre.setdefault("DeploymentType", "SCRATCH_1")
    for key in _CREATE_ONLY:
        if key in lustre:
            raise NotImplementedError(f"{key} on a file system: use a data repository association")
    if asked.get("StorageType", "SSD") != "SSD":
        raise NotImplementedError(f"FSx storage of type {asked['StorageType']}")
    capacity = asked.get("StorageCapacity")
    if capacity is None:
        raise bad_request("StorageCapacity is required.")
    step = 3600 if kind == "SCRATCH_1" else 2400
    if capacity != 1200 and (capacity < 2400 or (capacity % step and capacity != 2400)):
        raise bad_request(
            f"Invalid storage capacity {capacity} GiB for {kind}: 1200, 2400, or a multiple of "
            f"{step}."
        )
    throughput, allowed = lustre.get("PerUnitStorageThroughput"), _SSD_THROUGHPUT.get(kind, ())
    if throughput is None and allowed:
        raise AwsError(
            "InvalidPerUnitStorageThroughput", f"{kind} needs one of {list(allowed)} MB/s/TiB"
        )
    if throughput is not None and throughput not in allowed:
        raise AwsError(
            "InvalidPerUnitStorageThroughput",
            f"{throughput} MB/s/TiB is not possible for {kind}; possible: {list(allowed)}",
        )
    version = asked.get("FileSystemTypeVersion", "2.10")
    if version not in _VERSIONS:
        raise bad_request(f"Lustre version {version} is not one of {', '.join(_VERSIONS)}")
    if kind.startswith("SCRATCH") and "KmsKeyId" in asked:
        raise bad_request("KmsKeyId is possible for persistent file systems only.")


def _make(shape: Shape, subnet_id: str, groups: list[str]) -> None:
    try:
        interface = client("ec2").create_network_interface(
            SubnetId=subnet_id,
            Description=f"Created By Amazon FSx {shape['FileSystemId']}",
            **({"Groups": groups} if groups else {}),
        )["NetworkInterface"]["NetworkInterfaceId"]
        shape["NetworkInterfaceIds"] = [interface]
        shape["Lifecycle"] = "AVAILABLE"
    except ClientError as failure:
        shape["FailureDetails"] = {"Message": str(failure)}
        shape["Lifecycle"] = "FAILED"
