"""Where the weights lie, and the file system that they are read from."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from r1_on_eks.stack_config.section import Section, pattern

Deployment = Literal["PERSISTENT_2", "SCRATCH_2"]
Throughput = Literal[125, 250, 500, 1000]


class WantedFileSystem(Section):
    """What of the FSx for Lustre file system is fixed; the plan decides what is not said."""

    deployment: Deployment | None = None
    """PERSISTENT_2 keeps its data when a server fails; SCRATCH_2 is cheaper and doesn't.

    Another one replaces the file system.
    """
    capacity_gib: int | None = None
    """1200, 2400 or a multiple of 2400. It can only grow: less replaces the file system."""
    mbps_per_tib: Throughput | None = None
    """Throughput for each TiB, of PERSISTENT_2; another one replaces the file system."""

    @model_validator(mode="after")
    def _sold_by_fsx(self) -> Self:
        _check_sold(self.deployment, self.capacity_gib, self.mbps_per_tib)
        return self


class FileSystem(Section):
    """Size and speed of the file system, decided; SSD."""

    deployment: Deployment = "PERSISTENT_2"
    capacity_gib: int
    mbps_per_tib: Throughput | None = None

    @model_validator(mode="after")
    def _sold_by_fsx(self) -> Self:
        _check_sold(self.deployment, self.capacity_gib, self.mbps_per_tib)
        if self.deployment == "PERSISTENT_2" and self.mbps_per_tib is None:
            raise ValueError("PERSISTENT_2 needs mbps_per_tib: 125, 250, 500 or 1000")
        return self


def _check_sold(deployment: str | None, capacity_gib: int | None, mbps: int | None) -> None:
    # FSx API reference, CreateFileSystem StorageCapacity: 1200, 2400, then steps of 2400.
    if capacity_gib not in (None, 1200) and (capacity_gib < 2400 or capacity_gib % 2400):
        below = max(1200, capacity_gib // 2400 * 2400)
        above = 2400 if capacity_gib < 2400 else below + 2400
        raise ValueError(
            f"capacity_gib {capacity_gib} is not sold; nearest are {below} and {above}"
        )
    if deployment == "SCRATCH_2" and mbps is not None:
        raise ValueError("SCRATCH_2 has one speed, 200 MB/s per TiB; leave mbps_per_tib out")


SYNC_FROM = r"^(hub|https://[^\s?#]+|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s]*)?)$"


class Weights(Section):
    """Where the weights lie, and how they come to the GPUs.

    The bucket holds one folder per variant, named as its repository on Hugging Face.
    """

    bucket: Annotated[str, pattern(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    """Name of the S3 bucket that holds the weights. The stack reads it and never makes it."""
    storage: Literal["fsx", "s3-stream"]
    """`fsx`: a file system that imports from the bucket; `s3-stream`: read from the bucket."""
    fsx: WantedFileSystem | None = None
    """What of the file system is fixed; the plan decides what is not said."""
    load_minutes: Annotated[float, Field(ge=1, le=120)] = 15.0
    """How long reading may take when every variant starts at once; sizes the file system."""

    sync_from: Annotated[str, pattern(SYNC_FROM)] | None = None
    """Where a Job in the cluster brings the weights from: `hub`, a mirror's https://…, or
    s3://bucket/prefix. Left out, nothing in the cluster writes to the bucket.
    """

    verify: Literal["sizes", "hashes"] = "sizes"
    """What the Job that fills the file system holds against the manifest. `hashes` reads every
    byte there once more: 671b takes it about 2 hours, an estimate.
    """

    @model_validator(mode="after")
    def _file_system_if_any(self) -> Self:
        if self.streamed and self.fsx is not None:
            raise ValueError("storage s3-stream has no file system; leave fsx out")
        if self.streamed and "load_minutes" in self.model_fields_set:
            raise ValueError("storage s3-stream is as fast as its nodes; leave load_minutes out")
        if self.streamed and self.verify == "hashes":
            raise ValueError("storage s3-stream has no file system to verify; leave verify out")
        return self

    @property
    def streamed(self) -> bool:
        """Whether servers read the bucket themselves."""
        return self.storage == "s3-stream"
