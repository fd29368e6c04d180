"""Where the weights lie, and the file system that they are read from."""

from typing import Annotated, Literal, Self

from pydantic import model_validator

from r1_on_eks.stack_config.section import Section, pattern


class FileSystem(Section):
    """Size and speed of the FSx for Lustre file system; SSD."""

    deployment: Literal["PERSISTENT_2", "SCRATCH_2"] = "PERSISTENT_2"
    """PERSISTENT_2 keeps its data when a server fails; SCRATCH_2 is cheaper and doesn't.

    Another one replaces the file system.
    """
    capacity_gib: int = 1200
    """1200, 2400 or a multiple of 2400. It can only grow: less replaces the file system."""
    mbps_per_tib: Literal[125, 250, 500, 1000] | None = None
    """Throughput for each TiB, of PERSISTENT_2; another one replaces the file system."""

    @model_validator(mode="after")
    def _sold_by_fsx(self) -> Self:
        # FSx API reference, CreateFileSystem StorageCapacity: 1200, 2400, then steps of 2400.
        if self.capacity_gib != 1200 and (self.capacity_gib < 2400 or self.capacity_gib % 2400):
            below = max(1200, self.capacity_gib // 2400 * 2400)
            above = 2400 if self.capacity_gib < 2400 else below + 2400
            raise ValueError(
                f"capacity_gib {self.capacity_gib} is not sold; nearest are {below} and {above}"
            )
        if self.deployment == "PERSISTENT_2" and self.mbps_per_tib is None:
            raise ValueError("PERSISTENT_2 needs mbps_per_tib: 125, 250, 500 or 1000")
        if self.deployment == "SCRATCH_2" and self.mbps_per_tib is not None:
            raise ValueError("SCRATCH_2 has one speed, 200 MB/s per TiB; leave mbps_per_tib out")
        return self


class Weights(Section):
    """Where the weights lie, and how they come to the GPUs.

    The bucket holds one folder per variant, named as its repository on Hugging Face.
    """

    bucket: Annotated[str, pattern(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    """Name of the S3 bucket that holds the weights. The stack reads it and never makes it."""
    storage: Literal["fsx", "s3-stream"]
    """`fsx`: a file system that imports from the bucket; `s3-stream`: read from the bucket."""
    fsx: FileSystem | None = None
    """Size and speed of the file system, with storage fsx."""

    @model_validator(mode="after")
    def _file_system_if_wanted(self) -> Self:
        if self.storage == "fsx" and self.fsx is None:
            raise ValueError("storage fsx needs fsx: {deployment, capacity_gib, mbps_per_tib}")
        if self.storage == "s3-stream" and self.fsx is not None:
            raise ValueError("storage s3-stream has no file system; leave fsx out")
        return self
