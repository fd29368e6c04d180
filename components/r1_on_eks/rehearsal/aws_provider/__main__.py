"""`pulumi-resource-aws`: serves the provider until the engine ends it."""

import sys

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from r1_on_eks.rehearsal.aws_provider.cloud import local_endpoint
from r1_on_eks.rehearsal.aws_provider.problems import Refused
from r1_on_eks.rehearsal.aws_provider.provider import AwsProvider
from r1_on_eks.rehearsal.plugin_server import serve


def main() -> None:
    """Serve, unless the cloud that would be called isn't on this machine."""
    try:
        local_endpoint()
    except Refused as error:
        sys.exit(str(error))

    def add(server: grpc.Server) -> None:
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsProvider(), server)

    serve(add)


if __name__ == "__main__":
    main()
