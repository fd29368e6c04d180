"""AWS whose answers a test writes: real clients, no network, shapes held to botocore's model."""

from collections.abc import Callable, Mapping
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

Answer = Any
"""A mapping, an exception to raise, or a function of the request's parameters to either."""


class _Http:
    def __init__(self, status: int) -> None:
        self.status_code = status
        self.headers: dict[str, str] = {}


def refusal(code: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Exception:
    """What boto3 raises for an error that AWS answers."""
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": dict(headers or {})}
    answer: Any = {
        "Error": {"Code": code, "Message": "not authorized to perform this operation"},
        "ResponseMetadata": metadata,
    }
    return ClientError(answer, "")


class InjectedAws:
    """Answers every call of its session from a table, and keeps what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        core = botocore.session.Session()
        core.set_credentials("AKIDEXAMPLE", "not-a-secret")
        core.register("before-parameter-build", self._remember)
        core.register("before-call", self._answer)
        self.session = boto3.Session(botocore_session=core, region_name="us-west-2")

    def _remember(self, params: Any, model: Any, context: Any, **_: Any) -> None:
        context["asked"] = params
        name = f"{model.service_model.service_name}.{model.name}"
        self.asked.append((name, dict(params)))

    def _answer(self, model: Any, context: Any, **_: Any) -> Any:
        name = f"{model.service_model.service_name}.{model.name}"
        if name not in self.answers:
            raise AssertionError(f"{name} was asked, and the test has no answer")
        answer = self.answers[name]
        if isinstance(answer, Callable):
            answer = answer(context["asked"])
        if isinstance(answer, ClientError):
            return _Http(answer.response["ResponseMetadata"]["HTTPStatusCode"]), answer.response
        if isinstance(answer, Exception):
            raise answer
        # A shape that AWS does not have is no answer.
        validate_parameters(answer, model.output_shape)
        return _Http(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}
