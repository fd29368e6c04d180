"""What AWS does after it answered: in a thread, through the same public API as everybody."""

import sys
import threading
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from r1_on_eks.rehearsal.aws_cloud.settings import settings

_client_lock = threading.Lock()


def say(line: str) -> None:
    """Prints one line in one piece, so that threads do not share a line."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def later(name: str, work: Callable[[], None]) -> None:
    """Runs `work` in the background. It reports its own failures; a bug is printed."""

    def run() -> None:
        try:
            work()
        except Exception:
            say(f"background {name} failed:\n{traceback.format_exc()}")

    threading.Thread(target=run, name=name, daemon=True).start()


def client(service: str) -> Any:
    """A client of this very cloud, as the AWS service itself would call another service."""
    with _client_lock:
        return _client(service)


@cache
def _client(service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]  # the name is a variable
        region_name=settings().region,
        endpoint_url=settings().endpoint,
        aws_access_key_id="AKIAAWSSERVICEITSELF",
        aws_secret_access_key="the-service-itself",
        config=Config(retries={"total_max_attempts": 1}, user_agent_extra="aws-service"),
    )
