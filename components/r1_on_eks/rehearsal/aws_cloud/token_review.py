"""EKS's token webhook: a `k8s-aws-v1.` token is a presigned sts:GetCallerIdentity URL.

The signature is computed again with the caller's own secret, for the cluster that asks; the
identity is then looked up among that cluster's access entries. moto has none of it.
Source: EKS user guide, cluster-auth and access-entries; aws-iam-authenticator's token format.
"""

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.sts.models import sts_backends

from r1_on_eks.rehearsal.aws_cloud.eks_access import ClusterIdentity, identity_of
from r1_on_eks.rehearsal.aws_cloud.eks_state import eks_backends
from r1_on_eks.rehearsal.aws_cloud.settings import settings

_PREFIX = "k8s-aws-v1."
_LIFETIME = timedelta(minutes=15)


class TokenRefused(Exception):
    """The token proves no identity that may enter; the message says why."""


def review(cluster_name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Answers one TokenReview (authentication.k8s.io/v1) of `cluster_name`'s API server."""
    try:
        arn = caller_arn(cluster_name, asked.get("spec", {}).get("token", ""))
        found = _access(cluster_name, arn)
        status: dict[str, Any] = {
            "authenticated": True,
            "user": {
                "username": found.username,
                "uid": f"aws-iam-authenticator:{settings().account}:{arn}",
                "groups": found.groups,
                "extra": {"arn": [arn], "principalArn": [found.principal_arn]},
            },
        }
    except TokenRefused as refusal:
        status = {"authenticated": False, "error": str(refusal)}
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}


def caller_arn(cluster_name: str, token: str) -> str:
    """The ARN that the token proves.

    Raises:
        TokenRefused: malformed, too old, for another cluster, or not signed by a known key.
    """
    url = _url(token)
    query = dict(parse_qsl(urlsplit(url).query))
    if query.get("Action") != "GetCallerIdentity":
        raise TokenRefused("the token does not sign sts:GetCallerIdentity")
    signed_at = _time(query.get("X-Amz-Date", ""))
    if not timedelta(minutes=-5) < datetime.now(UTC) - signed_at < _LIFETIME:
        raise TokenRefused(f"the token of {signed_at:%H:%M:%S} UTC has expired")
    key = query.get("X-Amz-Credential", "").split("/")[0]
    session = sts_backends[settings().account]["aws"].get_assumed_role_from_access_key(key)
    if session is None:
        raise TokenRefused(f"no one is signed in with the access key {key}")
    expected = _signature(url, query, cluster_name, session.secret_access_key)
    if not hmac.compare_digest(expected, query.get("X-Amz-Signature", "")):
        raise TokenRefused(f"the signature is not valid for the cluster {cluster_name}")
    return session.arn


def _access(cluster_name: str, arn: str) -> ClusterIdentity:
    cluster = eks_backends[settings().account][settings().region].clusters.get(cluster_name)
    if cluster is None:
        raise TokenRefused(f"no cluster {cluster_name}")
    identity = identity_of(cluster, arn)
    if identity is None:
        raise TokenRefused(f"{arn} has no access entry in the cluster {cluster_name}")
    return identity


def _url(token: str) -> str:
    if not token.startswith(_PREFIX):
        raise TokenRefused(f"the token does not start with {_PREFIX}")
    encoded = token.removeprefix(_PREFIX)
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise TokenRefused(f"the token holds no URL: {error}") from None


def _time(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise TokenRefused("the token has no valid X-Amz-Date") from None


def _signature(url: str, query: dict[str, str], cluster_name: str, secret: str) -> str:
    parts = urlsplit(url)
    unsigned = "&".join(
        pair for pair in parts.query.split("&") if not pair.startswith("X-Amz-Signature=")
    )
    request = AWSRequest(
        method="GET",
        url=urlunsplit(parts._replace(query=unsigned)),
        headers={"x-k8s-aws-id": cluster_name},
    )
    request.context["timestamp"] = query["X-Amz-Date"]
    scope = query.get("X-Amz-Credential", "").split("/")
    if len(scope) != 5:
        raise TokenRefused("the token has no valid X-Amz-Credential")
    signer = SigV4QueryAuth(Credentials(scope[0], secret), scope[3], scope[2])
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))
