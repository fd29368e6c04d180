"""How a service that is wholly ours stands in moto: one backend and one response class."""

from typing import Any, ClassVar

from moto.core.base_backend import BaseBackend
from moto.core.exceptions import ServiceException
from moto.core.model import ServiceModel
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model

from r1_on_eks.rehearsal.aws_cloud.model_check import violations


class AwsError(ServiceException):
    """An error of AWS's, raised by us: moto looks the code up in the service that answers."""


class OwnBackend(BaseBackend):
    """A backend whose requests all go to one response class of ours."""

    response_class: ClassVar[type["OwnResponse"]]

    @property
    def flask_paths(self) -> dict[str, Any]:
        """Every path: which operation is meant, botocore's service model tells."""
        return {"/": self.response_class.dispatch, "/<path:_>": self.response_class.dispatch}


class OwnResponse(BaseResponse):
    """Parses and checks a request by botocore's model; one method per operation."""

    own_service: ClassVar[str]
    invalid_code: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(service_name=self.own_service)
        self.automated_parameter_parsing = True

    def get_region_from_url(self, request: Any, full_url: str) -> str:  # noqa: ARG002
        """Of the signature: moto takes a service's name in a path, as of a role's, for a host."""
        return super().get_region_from_url(request, "")

    def request(self) -> dict[str, Any]:
        """The parameters of the operation, named as in the API.

        Raises:
            AwsError: with the service's own code, when the service model forbids them.
        """
        model: ServiceModel = get_service_model(self.own_service)
        shape: Any = model.operation_model(self._get_action()).input_shape
        named = {
            member.serialization.get("name", name): name
            for name, member in (shape.members.items() if shape else ())
        }
        given = {named.get(key, key): value for key, value in self.uri_match.items()}
        given |= {key: value for key, value in self.params.items() if value is not None}
        wrong = list(violations(shape, given)) if shape else []
        if wrong:
            raise AwsError(self.invalid_code, "; ".join(wrong))
        return given
