"""The folder of one checkpoint in the bucket: objects, and uploads that are under way in S3."""

import base64
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from r1_on_eks.operations.weights.hashes import MANIFEST, CannotSync
from r1_on_eks.operations.weights.manifest import Manifest, parse_manifest

MIB = 1 << 20
# S3 takes 10,000 parts of 5 MiB or more (S3 user guide, qfacts, 2026-11).
_MOST_PARTS = 10_000
_GONE = ("NoSuchUpload", "NoSuchKey", "404")
# S3 computes it over what arrives and refuses what differs, as it does for its own clients. What a
# file is, SHA-256 says, once and before S3: a second one of each part is a third of the work.
CHECKSUM = "CRC32"
_PART_CHECKSUM = f"Checksum{CHECKSUM}"


@dataclass(frozen=True, kw_only=True)
class Object:
    """One object.

    Attributes:
        size: In bytes.
        etag: Another one for another content.
    """

    size: int
    etag: str


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that is partly in S3.

    Attributes:
        name: Of the file.
        id: S3's word for it.
        parts: What of each part is needed to complete it, by number from 1.
        sizes: Bytes of each part.
        checksum: The kind that S3 wants of each part; another client begins it with another one.
    """

    name: str
    id: str
    parts: Mapping[int, dict[str, Any]] = field(default_factory=dict)
    sizes: Mapping[int, int] = field(default_factory=dict)
    checksum: str = CHECKSUM


class UploadGone(Exception):
    """Somebody completed or ended an upload meanwhile."""


class Folder:
    """One checkpoint's folder.

    Args:
        client: boto3's of S3.
        bucket: Its name.
        folder: The checkpoint's, without a slash at its end.
    """

    def __init__(self, client: Any, bucket: str, folder: str) -> None:
        self._s3, self.bucket, self.folder = client, bucket, folder
        self.told = f"s3://{bucket}/{folder}"

    def objects(self) -> dict[str, Object]:
        """What is there, by name below the folder."""
        found = {}
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.folder}/"):
            for one in page.get("Contents", ()):
                name = one["Key"].removeprefix(f"{self.folder}/")
                found[name] = Object(size=one["Size"], etag=one["ETag"].strip('"'))
        return found

    def uploads(self) -> dict[str, Upload]:
        """Files that somebody began, by name; of several tries at one, the one that has most."""
        found: dict[str, Upload] = {}
        for begun in self._begun():
            upload = self._with_parts(begun)
            before = found.get(begun.name)
            if upload and (before is None or len(upload.parts) > len(before.parts)):
                found[begun.name] = upload
        return found

    def _begun(self) -> Iterator[Upload]:
        pages = self._s3.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.folder}/"):
            for one in page.get("Uploads", ()):
                yield Upload(
                    name=one["Key"].removeprefix(f"{self.folder}/"),
                    id=one["UploadId"],
                    checksum=one.get("ChecksumAlgorithm", ""),
                )

    def _with_parts(self, begun: Upload) -> Upload | None:
        parts, sizes = {}, {}
        pages = self._s3.get_paginator("list_parts")
        try:
            for page in pages.paginate(
                Bucket=self.bucket, Key=self._key(begun.name), UploadId=begun.id
            ):
                for one in page.get("Parts", ()):
                    number = one["PartNumber"]
                    sizes[number] = one["Size"]
                    parts[number] = {"PartNumber": number, "ETag": one["ETag"]}
                    if _PART_CHECKSUM in one:
                        parts[number][_PART_CHECKSUM] = one[_PART_CHECKSUM]
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise
        return replace(begun, parts=parts, sizes=sizes)

    def manifest(self, name: str = MANIFEST) -> Manifest | None:
        """What was written of the folder; None where nothing was."""
        try:
            answer = self._s3.get_object(Bucket=self.bucket, Key=self._key(name))
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise
        return parse_manifest(answer["Body"].read())

    def write_manifest(self, manifest: Manifest, name: str = MANIFEST) -> None:
        """Says what lies in the folder."""
        self._s3.put_object(
            Bucket=self.bucket,
            Key=self._key(name),
            Body=manifest.written().encode(),
            ContentType="application/json",
        )

    def delete(self, *names: str) -> None:
        """Takes objects away; those that are not there are no error."""
        for name in names:
            self._s3.delete_object(Bucket=self.bucket, Key=self._key(name))

    def put(self, name: str, content: bytes | bytearray, described: Mapping[str, str]) -> str:
        """Writes a small file; S3 checks what arrives. Returns its ETag."""
        answer = self._s3.put_object(
            Bucket=self.bucket,
            Key=self._key(name),
            Body=content,
            **{_PART_CHECKSUM: _crc32(content)},
            Metadata=dict(described),
        )
        return answer["ETag"].strip('"')

    def begin(self, name: str, described: Mapping[str, str]) -> Upload:
        """Begins a large file."""
        answer = self._s3.create_multipart_upload(
            Bucket=self.bucket,
            Key=self._key(name),
            ChecksumAlgorithm=CHECKSUM,
            Metadata=dict(described),
        )
        return Upload(name=name, id=answer["UploadId"])

    def put_part(self, upload: Upload, number: int, content: bytes | bytearray) -> dict[str, Any]:
        """Writes one part; S3 checks what arrives.

        Raises:
            UploadGone: somebody completed or ended the upload.
        """
        checksum = {_PART_CHECKSUM: _crc32(content)}
        try:
            answer = self._s3.upload_part(
                Bucket=self.bucket,
                Key=self._key(upload.name),
                UploadId=upload.id,
                PartNumber=number,
                Body=content,
                **checksum,
            )
        except ClientError as error:
            raise (UploadGone() if _code(error) in _GONE else error) from None
        return {"PartNumber": number, "ETag": answer["ETag"], **checksum}

    def complete(self, upload: Upload, parts: Mapping[int, dict[str, Any]]) -> str:
        """Makes an object of the parts; returns its ETag.

        Raises:
            UploadGone: somebody completed or ended the upload.
        """
        try:
            answer = self._s3.complete_multipart_upload(
                Bucket=self.bucket,
                Key=self._key(upload.name),
                UploadId=upload.id,
                MultipartUpload={"Parts": [parts[number] for number in sorted(parts)]},
            )
        except ClientError as error:
            raise (UploadGone() if _code(error) in _GONE else error) from None
        return answer["ETag"].strip('"')

    def abort(self, upload: Upload) -> None:
        """Ends an upload; its parts are not kept, and not billed."""
        try:
            self._s3.abort_multipart_upload(
                Bucket=self.bucket, Key=self._key(upload.name), UploadId=upload.id
            )
        except ClientError as error:
            if _code(error) not in _GONE:
                raise

    def abort_all(self) -> None:
        """Ends what is still under way in the folder: all of it is there already."""
        for upload in self._begun():
            self.abort(upload)

    def read(self, name: str, start: int, length: int) -> bytes:
        """Bytes of an object."""
        answer = self._s3.get_object(
            Bucket=self.bucket,
            Key=self._key(name),
            Range=f"bytes={start}-{start + length - 1}",
        )
        return answer["Body"].read()

    def _key(self, name: str) -> str:
        return f"{self.folder}/{name}"


def part_size(file_size: int, least: int) -> int:
    """Bytes of each part but the last: as small as may be, of a file that S3 takes."""
    return max(least, -(-file_size // _MOST_PARTS))


def told(error: ClientError, bucket: str) -> CannotSync:
    """What S3 refuses, as a colleague would say it."""
    code = _code(error)
    if code in ("NoSuchBucket", "404"):
        return CannotSync(f"there is no bucket {bucket}; aws s3 mb s3://{bucket} makes it")
    if code in ("AccessDenied", "403"):
        operation = error.operation_name
        return CannotSync(
            f"s3://{bucket}: {operation} is denied; the role needs s3:ListBucket,"
            " s3:ListBucketMultipartUploads, s3:ListMultipartUploadParts, s3:GetObject,"
            " s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload"
        )
    if code in ("SlowDown", "503"):
        return CannotSync(
            f"s3://{bucket}: S3 still asks {error.operation_name} to slow down after all tries;"
            " run again in a few minutes, it goes on"
        )
    return CannotSync(f"s3://{bucket}: {error}")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _crc32(content: bytes | bytearray) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4)).decode()
