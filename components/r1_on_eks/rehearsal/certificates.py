"""The few certificates of one control plane: made new for each, valid for as long as it lives."""

import datetime
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = datetime.timedelta(days=365)
# Another process's clock may be a little behind.
_BACKDATED = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str


class Authority:
    """A certificate authority of its own."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = built.public_bytes(serialization.Encoding.PEM).decode()

    def server(self, addresses: list[str], names: list[str]) -> Certificate:
        """For a server that is reached at `addresses` and `names`."""
        alternatives: list[x509.GeneralName] = [
            *(x509.IPAddress(ipaddress.ip_address(a)) for a in addresses),
            *(x509.DNSName(name) for name in names),
        ]
        return self._issue(
            [x509.NameAttribute(NameOID.COMMON_NAME, names[0])],
            ExtendedKeyUsageOID.SERVER_AUTH,
            x509.SubjectAlternativeName(alternatives),
        )

    def client(self, user: str, group: str) -> Certificate:
        """For a client that Kubernetes calls `user`, a member of `group`."""
        subject = [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, group),
            x509.NameAttribute(NameOID.COMMON_NAME, user),
        ]
        return self._issue(subject, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _issue(
        self,
        subject: list[x509.NameAttribute],
        usage: x509.ObjectIdentifier,
        *extensions: x509.ExtensionType,
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(x509.Name(subject), key.public_key()).add_extension(
            x509.ExtendedKeyUsage([usage]), critical=False
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return Certificate(
            signed.public_bytes(serialization.Encoding.PEM).decode(), private_pem(key)
        )

    def _builder(
        self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(now + _VALID)
        )


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """A private key as unencrypted PEM, in the one form that kube-apiserver reads its keys in."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
