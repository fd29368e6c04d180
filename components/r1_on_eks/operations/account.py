"""AWS as the operations call it: one Region, clients made once, patient with throttling."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

FAILURES = (BotoCoreError, ClientError)
"""What a call to AWS may raise."""


class Account:
    """The account of the ambient credentials, in one Region.

    Args:
        region: `us-west-2`.
    """

    def __init__(self, region: str) -> None:
        self.region = region
        self._session = boto3.Session(region_name=region)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service, `ec2`."""
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service,  # type: ignore[call-overload]  # the name is a variable
                config=Config(retries={"mode": "adaptive", "total_max_attempts": 10}),
            )
        return self._clients[service]

    def listed(self, service: str, operation: str, key: str, **given: Any) -> Iterator[Any]:
        """Every entry of a listing operation, over all its pages.

        Args:
            service: boto3's name, `ec2`.
            operation: boto3's name, `describe_vpcs`.
            key: Of the list in its answer, `Vpcs`.
            **given: Its parameters.
        """
        client = self.client(service)
        if client.can_paginate(operation):
            for page in client.get_paginator(operation).paginate(**given):
                yield from page[key]
        else:
            yield from getattr(client, operation)(**given)[key]


def code_of(error: Exception) -> str:
    """AWS's code of a refusal, `DependencyViolation`; empty where the call never arrived."""
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else ""


def is_gone(error: Exception) -> bool:
    """Whether a refusal says that there is no such thing."""
    return any(word in code_of(error) for word in ("NotFound", "NoSuch", "Unknown"))
