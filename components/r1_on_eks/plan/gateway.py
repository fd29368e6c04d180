"""What the gateway listens on and answers for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from r1_on_eks.plan.names import NAMESPACE, PORT
from r1_on_eks.plan.routes import GatewaySettings, Route, nginx_configuration
from r1_on_eks.plan.server import ModelServer
from r1_on_eks.plan.subnets import CLUSTER_DNS, cidr_of
from r1_on_eks.stack_config import StackConfig

LISTEN_PORT = 8080
# Of Kubernetes' default range; fixed, so that the target group can name it.
NODE_PORT = 30080


@dataclass(frozen=True, kw_only=True)
class GatewayPlan:
    """What is declared of the gateway.

    Attributes:
        internal: False where the load balancer has public addresses.
        clients: IPv4 ranges that may connect.
        configuration: Text of nginx.conf.
        checksum: Of that text; the pods roll when it changes.
        paths: Public path of each variant, by its name.
    """

    internal: bool
    clients: tuple[str, ...]
    configuration: str
    checksum: str
    paths: dict[str, str]


def gateway_of(config: StackConfig, servers: Sequence[ModelServer]) -> GatewayPlan:
    """The gateway in front of `servers`."""
    routes = [
        Route(
            variant=server.variant,
            service=server.name,
            namespace=NAMESPACE,
            port=PORT,
            served_model_name=server.variant,
        )
        for server in servers
    ]
    settings = GatewaySettings(listen_port=LISTEN_PORT, resolver=CLUSTER_DNS)
    text = nginx_configuration(routes, settings)
    internal = config.gateway == "internal"
    return GatewayPlan(
        internal=internal,
        clients=(cidr_of(config),) if config.gateway == "internal" else config.gateway.public_from,
        configuration=text,
        checksum=hashlib.sha256(text.encode()).hexdigest(),
        paths={server.variant: f"/api/v1/{server.variant}" for server in servers},
    )
