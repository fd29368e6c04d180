"""Errors as the engine understands them."""

import re
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from r1_on_eks.rehearsal.property_values import to_struct

INSTEAD = "install the official Kubernetes provider"


def refuse(context: grpc.ServicerContext, message: str) -> NoReturn:
    """End the call with an error."""
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort returned")


def refuse_unsupported(context: grpc.ServicerContext, what: str) -> NoReturn:
    """End a call for something that the stand-in leaves to the official provider."""
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED, f"the rehearsal's stand-in does not do {what}; {INSTEAD}"
    )
    raise AssertionError("abort returned")


def refuse_partially(
    context: grpc.ServicerContext,
    message: str,
    *,
    object_id: str,
    state: dict[str, Any],
    reasons: list[str],
    inputs: dict[str, Any] | None = None,
) -> NoReturn:
    """End the call with an error that still holds the object, so that the state keeps it."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=object_id,
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


def unsupported_type(type_token: str) -> str:
    """What is meant by a type that isn't a single Kubernetes object, "" for one that is."""
    if re.match(r"^kubernetes:(helm\.sh|yaml|kustomize)[:/]", type_token):
        return type_token
    kind = type_token.rpartition(":")[2]
    return f"{kind} (a Patch resource)" if kind.endswith("Patch") else ""
