"""The certificate that the gateway shows, and who may ask through it."""

from collections.abc import Iterable

from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.plan.names import NAMESPACE
from r1_on_eks.stack_config.gateway import Gateway

CERTIFICATE = "certificate"
KEYS = "gateway keys"


def certificate_finding(gateway: Gateway) -> Finding:
    """Whether callers are answered over TLS, and what is to be made for it."""
    if gateway.tls is not None:
        secret = gateway.tls.secret
        return unknown(
            CERTIFICATE,
            f"the Secret {secret} in namespace {NAMESPACE} is yours to make: the gateway waits for"
            " it, and pulumi up for the gateway",
            f"kubectl -n {NAMESPACE} create secret tls {secret} --cert fullchain.pem --key key.pem"
            "  # while the first pulumi up waits",
        )
    if gateway.public_from and gateway.keys:
        return lacking(
            CERTIFICATE,
            "the gateway is open to the internet without TLS: keys would pass it in clear text",
            f"gateway: {{tls: {{secret: gateway-tls}}}} in the stack's file, and the Secret in"
            f" namespace {NAMESPACE}",
        )
    return ready(CERTIFICATE, "none is asked for: plain HTTP")


def key_finding(gateway: Gateway) -> Finding:
    """Whether anybody may ask at all."""
    if gateway.open:
        return ready(KEYS, "open: nobody needs one")
    if not gateway.keys:
        return unknown(
            KEYS, "none: nobody may ask", "r1 key new NAME prints the line for gateway.keys"
        )
    return ready(KEYS, f"of {', '.join(sorted({key.name for key in gateway.keys}))}")


def certificate(ground: Ground) -> Iterable[Finding]:
    """Asks nobody."""
    gateway = ground.config.gateway_section
    return [certificate_finding(gateway), key_finding(gateway)]
