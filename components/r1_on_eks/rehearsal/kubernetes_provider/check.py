"""Check: a name, a namespace, and the object held against the API server's OpenAPI document."""

from typing import Any

from pulumi.runtime.proto import provider_pb2

from r1_on_eks.rehearsal.kubernetes_provider.annotations import (
    NameMissing,
    is_autonamed,
    is_named,
    metadata,
    name_of,
    namespace_of,
    new_name,
    set_name,
)
from r1_on_eks.rehearsal.kubernetes_provider.checkpoint import mark_secrets, to_document
from r1_on_eks.rehearsal.kubernetes_provider.normalize import normalized
from r1_on_eks.rehearsal.kubernetes_provider.schema import violations
from r1_on_eks.rehearsal.kubernetes_provider.session import Session
from r1_on_eks.rehearsal.property_values import UNKNOWN, contains_unknown, to_python

LIST_REFUSED = (
    "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be "
    "created directly. Use the underlying resource type instead"
)


class CheckFailed(Exception):
    """The object can't be checked at all."""


def checked_inputs(
    request: provider_pb2.CheckRequest,
    session: Session,
) -> tuple[dict[str, Any], list[str]]:
    """The inputs as they will be kept, and what is wrong with them.

    Raises:
        CheckFailed: It is a list, or has no name where it must.
    """
    if is_list_type(request.urn):
        raise CheckFailed(LIST_REFUSED)
    news = to_python(request.news)
    olds = to_document(to_python(request.olds))
    given = to_document(news)
    # Before normalizing, which would drop or rewrite what is wrong.
    failures = (
        []
        if contains_unknown(given) or session.cluster is None
        else violations(session.cluster.discovery.schemas(), given)
    )
    document = normalized(given, session.schemas())
    _name(document, olds, request)
    generated = metadata(document).get("generateName")
    if generated and not is_named(document) and session.settings.apply.server_side:
        raise CheckFailed(
            "the `.metadata.generateName` field is not supported in Server-Side Apply mode"
        )
    _fill_namespace(document, session)
    # Secrets are marked by path; Secret objects by their kind.
    mark_secrets(document, news)
    # The path is in the reason alone: beside a property the engine prints its value, as "<nil>".
    return document, [f"{path}: {reason}" for path, reason in failures]


def is_list_type(urn: str) -> bool:
    """Whether the resource's type is a list of objects."""
    token = urn.split("::")[2].rpartition("$")[2]
    return token.startswith("kubernetes:") and token.endswith("List") and "/" in token


def _name(
    document: dict[str, Any],
    olds: dict[str, Any],
    request: provider_pb2.CheckRequest,
) -> None:
    if document.get("metadata") is UNKNOWN or is_named(document):
        return
    if olds:
        if is_autonamed(olds):
            set_name(document, name_of(olds))
        return
    if metadata(document).get("generateName"):
        return
    autonaming = request.autonaming if request.HasField("autonaming") else None
    try:
        logical_name = request.urn.rpartition("::")[2]
        set_name(document, new_name(logical_name, request.randomSeed, autonaming))
    except NameMissing as error:
        raise CheckFailed(str(error)) from error


def _fill_namespace(document: dict[str, Any], session: Session) -> None:
    unknown = metadata(document).get("namespace") is UNKNOWN
    if not session.namespace or unknown or namespace_of(document):
        return
    namespaced = session.namespaced(str(document.get("apiVersion")), str(document.get("kind")))
    # A custom resource whose definition is still to come is taken for one with a namespace.
    if namespaced is not False and isinstance(document.get("metadata"), dict):
        document["metadata"]["namespace"] = session.namespace
