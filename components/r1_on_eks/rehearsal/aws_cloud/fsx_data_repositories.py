"""Data repository associations: an S3 prefix seen as a directory. moto has none.

Source: FSx API reference (CreateDataRepositoryAssociation) and the FSx for Lustre user guide,
create-linked-dra: at most 8 per file system, no overlap, not for SCRATCH_1, Lustre 2.12 or newer.
"""

from urllib.parse import urlsplit

from moto.core.responses import ActionResult
from moto.s3.models import s3_backends

from r1_on_eks.rehearsal.aws_cloud.background import later
from r1_on_eks.rehearsal.aws_cloud.fsx_state import (
    FsxBackend,
    FsxRequest,
    Shape,
    bad_request,
    hex_id,
    now,
)
from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError

_MOST_PER_FILE_SYSTEM = 8
_FILTERS = {"file-system-id": "FileSystemId"}


class DataRepositories(FsxRequest):
    """The operations on data repository associations."""

    def create_data_repository_association(self) -> ActionResult:
        """CreateDataRepositoryAssociation."""
        asked = self.request()
        file_system = self.fsx.file_system(asked["FileSystemId"])
        path = "/" + asked.get("FileSystemPath", "/").strip("/")
        _check(self.fsx, file_system, path, asked)
        identifier = hex_id("dra")
        arn = self.fsx.arn("association", file_system["FileSystemId"], identifier)
        shape: Shape = {
            "AssociationId": identifier,
            "ResourceARN": arn,
            "FileSystemId": file_system["FileSystemId"],
            "Lifecycle": "CREATING",
            "FileSystemPath": path,
            "DataRepositoryPath": asked["DataRepositoryPath"],
            "BatchImportMetaDataOnCreate": asked.get("BatchImportMetaDataOnCreate", False),
            "ImportedFileChunkSize": asked.get("ImportedFileChunkSize", 1024),
            "S3": asked.get("S3", {}),
            "Tags": asked.get("Tags", []),
            "CreationTime": now(),
        }
        self.fsx.associations[identifier] = shape
        answer = ActionResult({"Association": dict(shape)})
        later(f"create {identifier}", lambda: _link(self.current_account, shape))
        return answer

    def describe_data_repository_associations(self) -> ActionResult:
        """DescribeDataRepositoryAssociations, by ids or by file system."""
        asked = self.request()
        if wanted := asked.get("AssociationIds"):
            return ActionResult({"Associations": [self._association(each) for each in wanted]})
        found = list(self.fsx.associations.values())
        for condition in asked.get("Filters", []):
            if condition["Name"] not in _FILTERS:
                raise NotImplementedError(f"filter {condition['Name']}")
            key = _FILTERS[condition["Name"]]
            found = [each for each in found if each[key] in condition["Values"]]
        return ActionResult({"Associations": found})

    def update_data_repository_association(self) -> ActionResult:
        """UpdateDataRepositoryAssociation: chunk size and the events that are followed."""
        asked = self.request()
        shape = self._association(asked["AssociationId"])
        if shape["Lifecycle"] not in ("AVAILABLE", "MISCONFIGURED"):
            raise bad_request(f"{asked['AssociationId']} is {shape['Lifecycle']}")
        for key in ("ImportedFileChunkSize", "S3"):
            if key in asked:
                shape[key] = asked[key]
        return ActionResult({"Association": shape})

    def delete_data_repository_association(self) -> ActionResult:
        """DeleteDataRepositoryAssociation."""
        asked = self.request()
        identifier = asked["AssociationId"]
        shape = self._association(identifier)
        if shape["Lifecycle"] in ("CREATING", "DELETING"):
            raise bad_request(f"{identifier} can't be deleted while {shape['Lifecycle']}")
        shape["Lifecycle"] = "DELETING"
        associations = self.fsx.associations

        def remove() -> None:
            associations.pop(identifier, None)

        later(f"delete {identifier}", remove)
        return ActionResult(
            {
                "AssociationId": identifier,
                "Lifecycle": "DELETING",
                "DeleteDataInFileSystem": asked.get("DeleteDataInFileSystem", False),
            }
        )

    def _association(self, identifier: str) -> Shape:
        if identifier not in self.fsx.associations:
            raise AwsError(
                "DataRepositoryAssociationNotFound",
                f"The data repository association '{identifier}' does not exist.",
            )
        return self.fsx.associations[identifier]


def _check(fsx: FsxBackend, file_system: Shape, path: str, asked: Shape) -> None:
    if file_system["Lifecycle"] != "AVAILABLE":
        raise bad_request(
            f"{file_system['FileSystemId']} is {file_system['Lifecycle']}, not AVAILABLE"
        )
    if file_system["LustreConfiguration"]["DeploymentType"] == "SCRATCH_1":
        raise AwsError(
            "UnsupportedOperation", "Data repository associations need SCRATCH_2 or PERSISTENT."
        )
    if file_system["FileSystemTypeVersion"] == "2.10":
        raise AwsError(
            "UnsupportedOperation", "Data repository associations need Lustre 2.12 or newer."
        )
    others = [
        each
        for each in fsx.associations.values()
        if each["FileSystemId"] == file_system["FileSystemId"]
    ]
    if len(others) >= _MOST_PER_FILE_SYSTEM:
        raise AwsError(
            "ServiceLimitExceeded", f"{_MOST_PER_FILE_SYSTEM} associations per file system"
        )
    for other in others:
        for key, wanted in (("FileSystemPath", path),
                            ("DataRepositoryPath", asked["DataRepositoryPath"])):  # fmt: skip
            if _overlap(wanted, other[key]):
                raise bad_request(
                    f"{key} {wanted} overlaps with {other[key]} of {other['AssociationId']}"
                )
    url = urlsplit(asked["DataRepositoryPath"])
    if url.scheme != "s3" or not url.netloc:
        raise bad_request(
            f"DataRepositoryPath {asked['DataRepositoryPath']} is not s3://BUCKET/PREFIX"
        )
    if url.netloc not in s3_backends[fsx.account_id]["aws"].buckets:
        raise bad_request(
            f"Amazon FSx is unable to validate access to the S3 bucket {url.netloc}: ensure that "
            "the bucket exists and that the caller has permission to use it."
        )


def _overlap(one: str, other: str) -> bool:
    first, second = one.rstrip("/") + "/", other.rstrip("/") + "/"
    return first.startswith(second) or second.startswith(first)


def _link(account: str, shape: Shape) -> None:
    bucket = urlsplit(shape["DataRepositoryPath"]).netloc
    if bucket in s3_backends[account]["aws"].buckets:
        shape["Lifecycle"] = "AVAILABLE"
        return
    shape["FailureDetails"] = {"Message": f"The bucket {bucket} does not exist."}
    shape["Lifecycle"] = "MISCONFIGURED"
