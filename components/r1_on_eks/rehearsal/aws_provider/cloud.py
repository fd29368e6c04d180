"""The local cloud as the provider calls it."""

import os
import threading
import urllib.parse
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from r1_on_eks.rehearsal.aws_provider.problems import Ended, Refused
from r1_on_eks.rehearsal.aws_provider.requests import Request, fill
from r1_on_eks.rehearsal.aws_provider.row import Find, Values


class CallFailed(Refused):
    """AWS refused a call; `code` is its error code."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code
        self.message = message

    @property
    def not_found(self) -> bool:
        """Whether what was asked about doesn't exist."""
        return any(word in self.code for word in ("NotFound", "NoSuchEntity", "Unknown"))


def local_endpoint() -> str:
    """The cloud's address from the environment.

    Raises:
        Refused: there is none, or it isn't on this machine.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    host = urllib.parse.urlsplit(endpoint).hostname
    if host not in ("127.0.0.1", "localhost", "::1"):
        raise Refused(
            f"AWS_ENDPOINT_URL is {endpoint or 'not set'}: this provider rehearses, and calls "
            "only a cloud on this machine (start it by `r1 rehearse -- …`)"
        )
    return endpoint


class Cloud:
    """Calls operations in one region, until `end`."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._endpoint = local_endpoint()
        self._session = boto3.Session(region_name=region)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._account = ""

    @property
    def account(self) -> str:
        """Account number of the credentials."""
        if not self._account:
            self._account = self.call("sts", "GetCallerIdentity", {})["Account"]
        return self._account

    def arn(self, service: str, resource: str) -> str:
        """ARN of a resource in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Calls an operation after AWS's model allowed the parameters.

        Raises:
            Refused: the model refuses a parameter.
            CallFailed: AWS refuses the call.
        """
        wrong = [problem.reason for problem in Request(service, operation, params).problems()]
        if wrong:
            raise Refused(f"{operation}: {'; '.join(wrong)}")
        try:
            return getattr(self._client(service), xform_name(operation))(**params)
        except ClientError as error:
            told = error.response["Error"]
            raise CallFailed(operation, told["Code"], told.get("Message", "")) from error
        except BotoCoreError as error:
            raise Refused(f"{operation}: {error}") from error

    def send(self, request: Request) -> dict[str, Any]:
        """Calls what a request says."""
        return self.call(request.service, request.operation, request.params)

    def find(self, service: str, find: Find, values: Values) -> Any:
        """What a look-up answers, None when nothing is there."""
        try:
            answer = self.call(service, find.operation, fill(dict(find.given), values))
        except CallFailed as error:
            if error.not_found:
                return None
            raise
        return jmespath.search(find.path, answer)

    def pause(self, seconds: float) -> None:
        """Sleeps.

        Raises:
            Ended: the engine cancelled meanwhile.
        """
        if self._ended.wait(seconds):
            raise Ended("cancelled while waiting")

    def end(self) -> None:
        """Ends all waits, now and later."""
        self._ended.set()

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=self._endpoint,
                    # As often as the official provider (its `maxRetries`).
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 25},
                        max_pool_connections=64,
                    ),
                )
            return self._clients[service]
