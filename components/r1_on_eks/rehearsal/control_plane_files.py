"""What a control plane starts with: certificates, kubeconfigs, its way into the cluster."""

import base64
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from r1_on_eks.rehearsal.certificates import Authority, Certificate, private_pem

ADMIN_KUBECONFIG = "admin.kubeconfig"
"""Of `system:masters`."""
FRONT_PROXY = "front-proxy-client"
"""As whom the API server hands requests on to servers behind it."""


def write_files(
    folder: Path,
    cluster: str,
    authority: Authority,
    *,
    endpoint: str,
    egress_port: int,
    token_webhook_url: str,
) -> None:
    """Writes all of them, for nobody else to read.

    Args:
        folder: Of the cluster.
        cluster: Its name.
        authority: Signs its certificates.
        endpoint: The API server's URL.
        egress_port: Where the proxy into the cluster listens.
        token_webhook_url: Who reviews bearer tokens.
    """
    server = authority.server(
        ["127.0.0.1"], ["localhost", "kubernetes.default.svc", "kubernetes.default"]
    )
    egress = authority.client("kube-apiserver", "egress")
    admin = authority.client("rehearsal-admin", "system:masters")
    # Of its own: whoever has a certificate of it may say of anybody that it is he who asks.
    front = Authority(f"front proxy of {cluster}")
    asking = front.client(FRONT_PROXY, "kube-apiserver")
    known = {
        "server": endpoint,
        "certificate-authority-data": _encoded(authority.certificate),
    }
    files = {
        "ca.crt": authority.certificate,
        "server.crt": server.certificate,
        "server.key": server.key,
        "service-accounts.key": private_pem(ec.generate_private_key(ec.SECP256R1())),
        ADMIN_KUBECONFIG: _kubeconfig(cluster, known, _client(admin)),
        "egress.crt": egress.certificate,
        "egress.key": egress.key,
        "front-proxy-ca.crt": front.certificate,
        "front-proxy.crt": asking.certificate,
        "front-proxy.key": asking.key,
        "egress.yaml": _egress(folder, egress_port),
        "token-review.kubeconfig": _kubeconfig("review", {"server": token_webhook_url}, {}),
    }
    for name, text in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)


def _egress(folder: Path, port: int) -> str:
    """Where the API server goes for whatever is inside the cluster."""
    transport = {
        "tcp": {
            "url": f"https://127.0.0.1:{port}",
            "tlsConfig": {
                "caBundle": str(folder / "ca.crt"),
                "clientCert": str(folder / "egress.crt"),
                "clientKey": str(folder / "egress.key"),
            },
        }
    }
    connection = {"proxyProtocol": "HTTPConnect", "transport": transport}
    return yaml.safe_dump(
        {
            "apiVersion": "apiserver.k8s.io/v1beta1",
            "kind": "EgressSelectorConfiguration",
            "egressSelections": [{"name": "cluster", "connection": connection}],
        }
    )


def _kubeconfig(name: str, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    """One context, called as the cluster: several such files then go together in KUBECONFIG."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
        }
    )


def _client(certificate: Certificate) -> dict[str, str]:
    return {
        "client-certificate-data": _encoded(certificate.certificate),
        "client-key-data": _encoded(certificate.key),
    }


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
