"""The API server of an EKS cluster, asked without `kubectl` and without `aws` on PATH."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from botocore.signers import RequestSigner

from r1_on_eks.operations.account import Account

# aws-iam-authenticator's token format: a URL that STS would answer, valid for so long.
_TOKEN_PREFIX, _TOKEN_S = "k8s-aws-v1.", 60
_CLUSTER_HEADER = "x-k8s-aws-id"
_NOT_LET_IN = {
    401: "it does not know these credentials (401): the stack's admins are who it knows",
    403: "it knows these credentials, and they may not look there (403)",
}


class ApiServerSilent(Exception):
    """It did not answer, or refused; one line says why."""


class NotLetIn(ApiServerSilent):
    """It answered: who asks is nobody it knows (401), or may not look there (403)."""


class ClusterApi:
    """One cluster's API server, with the credentials of an account.

    Args:
        cluster: As EKS describes it.
        account: Whose credentials.
        seconds: For how long an answer is waited for.
    """

    def __init__(self, cluster: Mapping[str, Any], account: Account, seconds: float) -> None:
        self._endpoint: str = cluster["endpoint"]
        authority = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        self._token = token(cluster["name"], account)
        self._seconds = seconds

    def get(self, path: str) -> Any:
        """What it answers, as its own JSON; None where it has no such thing.

        Raises:
            ApiServerSilent: there is no answer.
        """
        request = urllib.request.Request(
            self._endpoint + path,
            headers={"Authorization": f"Bearer {self._token}", "Accept": "application/json"},
        )
        try:
            with urllib.request.urlopen(
                request, timeout=self._seconds, context=self._context
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                if refused.code == 404:
                    return None
                if told := _NOT_LET_IN.get(refused.code):
                    raise NotLetIn(told) from None
                raise ApiServerSilent(f"it answers {refused.code}") from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            silent = isinstance(reason, TimeoutError)
            raise ApiServerSilent("no answer" if silent else str(reason)) from None


def token(cluster: str, account: Account) -> str:
    """What proves to a cluster who asks, as `aws eks get-token` makes it.

    Raises:
        BotoCoreError: there are no credentials.
    """
    sts = account.client("sts")
    signer = RequestSigner(
        sts.meta.service_model.service_id, account.region, "sts", "v4",
        account.session.get_credentials(), account.session.events,
    )  # fmt: skip
    url = signer.generate_presigned_url(
        {
            "method": "GET",
            "url": f"{sts.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
            "body": {},
            "headers": {_CLUSTER_HEADER: cluster},
            "context": {},
        },
        region_name=account.region,
        expires_in=_TOKEN_S,
        operation_name="",
    )
    return _TOKEN_PREFIX + base64.urlsafe_b64encode(str(url).encode()).decode().rstrip("=")
