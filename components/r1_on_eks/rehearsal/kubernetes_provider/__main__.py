"""`pulumi-resource-kubernetes`: serves the provider to the engine named by the first argument."""

import sys

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from r1_on_eks.rehearsal.kubernetes_provider.engine_log import EngineLog
from r1_on_eks.rehearsal.kubernetes_provider.provider import KubernetesProvider
from r1_on_eks.rehearsal.plugin_server import serve


def main() -> None:
    """Serve until the engine ends the process."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    provider = KubernetesProvider(EngineLog(addresses[0] if addresses else ""))

    def add(server: grpc.Server) -> None:
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)

    serve(add)


if __name__ == "__main__":
    main()
