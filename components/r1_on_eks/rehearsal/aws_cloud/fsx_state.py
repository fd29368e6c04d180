"""What FSx for Lustre remembers.

moto's FSx has no lifecycle, no mount name, no updates, no data repository associations and drops
most fields; it is not used. Other types of file systems answer 501.
"""

import secrets
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource

from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError, OwnBackend, OwnResponse

Shape = dict[str, Any]


def now() -> datetime:
    """The present, as the API gives times."""
    return datetime.now(UTC)


def hex_id(prefix: str) -> str:
    """`fs-` or `dra-` and 17 hexadecimal digits."""
    return f"{prefix}-{secrets.token_hex(9)[:17]}"


def mount_name() -> str:
    """Eight letters, as FSx gives them."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))


def bad_request(message: str) -> AwsError:
    """FSx: a parameter is wrong."""
    return AwsError("BadRequest", message)


class FsxBackend(OwnBackend, TaggableResourcesMixin):
    """The file systems and associations of one account and Region."""

    SERVICE_NAMESPACE = "fsx"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.file_systems: dict[str, Shape] = {}
        self.associations: dict[str, Shape] = {}

    def file_system(self, identifier: str) -> Shape:
        """One file system.

        Raises:
            AwsError: FileSystemNotFound.
        """
        if identifier not in self.file_systems:
            raise AwsError("FileSystemNotFound", f"File system '{identifier}' does not exist.")
        return self.file_systems[identifier]

    def arn(self, kind: str, *names: str) -> str:
        """`arn:aws:fsx:REGION:ACCOUNT:kind/name/…`."""
        where = f"arn:aws:fsx:{self.region_name}:{self.account_id}"
        return f"{where}:{'/'.join((kind, *names))}"

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of one resource as a mapping.

        Raises:
            AwsError: ResourceNotFound.
        """
        return {tag["Key"]: tag["Value"] for tag in self._shape(arn)["Tags"]}

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """Adds or changes tags."""
        merged = self.tags_of(arn) | tags
        self._shape(arn)["Tags"] = [{"Key": key, "Value": value} for key, value in merged.items()]

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        """Removes tags."""
        shape = self._shape(arn)
        shape["Tags"] = [tag for tag in shape["Tags"] if tag["Key"] not in tag_keys]

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """For the Resource Groups Tagging API."""
        for kind, shapes in (
            ("fsx:file-system", self.file_systems),
            ("fsx:association", self.associations),
        ):
            for shape in list(shapes.values()):
                arn = shape["ResourceARN"]
                yield TaggedResource(arn=arn, tags=self.tags_of(arn), resource_type=kind)

    def _shape(self, arn: str) -> Shape:
        for shape in (*self.file_systems.values(), *self.associations.values()):
            if shape["ResourceARN"] == arn:
                return shape
        raise AwsError("ResourceNotFound", f"The resource {arn} does not exist.")


fsx_backends = BackendDict(FsxBackend, "fsx")


class FsxRequest(OwnResponse):
    """One request to FSx."""

    own_service = "fsx"
    invalid_code = "BadRequest"

    @property
    def fsx(self) -> FsxBackend:
        """The backend of the request's account and Region."""
        return fsx_backends[self.current_account][self.region]
