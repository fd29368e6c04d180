"""`pulumi-resource-aws`: serves the provider to the engine, never beyond this machine."""

import sys

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from r1_on_eks.rehearsal.aws_provider.provider import AwsProvider
from r1_on_eks.rehearsal.aws_provider.session import NotLocal, local_endpoint
from r1_on_eks.rehearsal.plugin_server import serve


def main() -> None:
    """Serve until the engine ends the process."""
    try:
        local_endpoint()
    except NotLocal as refusal:
        sys.exit(f"pulumi-resource-aws (stand-in): {refusal}")

    def add(server: grpc.Server) -> None:
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsProvider(), server)

    serve(add)


if __name__ == "__main__":
    main()
