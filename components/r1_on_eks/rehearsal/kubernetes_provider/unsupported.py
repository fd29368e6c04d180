"""What the stand-in for the Kubernetes provider does not do."""

import re
from typing import NoReturn

import grpc

INSTEAD = "install the official Kubernetes provider"


def refuse_unsupported(context: grpc.ServicerContext, what: str) -> NoReturn:
    """End a call for something that the stand-in leaves to the official provider."""
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED, f"the rehearsal's stand-in does not do {what}; {INSTEAD}"
    )
    raise AssertionError("abort returned")


def unsupported_type(type_token: str) -> str:
    """What is meant by a type that isn't a single Kubernetes object, "" for one that is."""
    if re.match(r"^kubernetes:(helm\.sh|yaml|kustomize)[:/]", type_token):
        return type_token
    kind = type_token.rpartition(":")[2]
    return f"{kind} (a Patch resource)" if kind.endswith("Patch") else ""
