"""AWS as the operations call it: one Region, clients made once, patient with throttling."""

import threading
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

FAILURES = (BotoCoreError, ClientError)
"""What a call to AWS may raise."""

PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 10})
"""For what has to be done in the end."""


class Account:
    """The account of the ambient credentials, in one Region.

    Args:
        region: `us-west-2`.
        patience: How long its clients wait, and how often they ask again.
        session: Whose credentials, if not those of the environment.
    """

    def __init__(self, region: str, patience: Config = PATIENT, session: Any = None) -> None:
        self.region = region
        self.session = session or boto3.Session(region_name=region)
        self._patience = patience
        self._clients: dict[str, Any] = {}
        # A session makes clients in one thread at a time; the clients are used by all.
        self._making = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of a service, `ec2`."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self.session.client(
                    service,  # type: ignore[call-overload]  # the name is a variable
                    region_name=self.region,
                    config=self._patience,
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
