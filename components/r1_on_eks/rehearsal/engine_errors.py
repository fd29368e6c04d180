"""Errors of the providers' stand-ins, as the engine understands them."""

from collections.abc import Sequence
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from r1_on_eks.rehearsal.property_values import to_struct


def refuse(context: grpc.ServicerContext, message: str) -> NoReturn:
    """End the call with an error."""
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort returned")


def refuse_partly_made(
    context: grpc.ServicerContext,
    message: str,
    *,
    resource_id: str,
    state: dict[str, Any],
    inputs: dict[str, Any] | None,
    reasons: Sequence[str] = (),
) -> NoReturn:
    """End the call with an error that holds the resource, so that the engine keeps it."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=resource_id,
        properties=to_struct(state),
        reasons=[message, *reasons],
        inputs=to_struct(inputs) if inputs is not None else None,
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(
        code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[packed]
    )
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    refuse(context, message)
