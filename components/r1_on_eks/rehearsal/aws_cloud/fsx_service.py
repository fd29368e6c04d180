"""The whole of FSx as one service."""

from r1_on_eks.rehearsal.aws_cloud.fsx_data_repositories import DataRepositories
from r1_on_eks.rehearsal.aws_cloud.fsx_file_systems import FileSystems
from r1_on_eks.rehearsal.aws_cloud.fsx_state import FsxBackend


class FsxResponse(FileSystems, DataRepositories):
    """Every operation of FSx that is rehearsed; any other answers 501 with its name."""


FsxBackend.response_class = FsxResponse
