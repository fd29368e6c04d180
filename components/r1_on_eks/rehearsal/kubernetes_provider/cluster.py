"""Objects in the cluster: get, create, apply, delete, as the official provider does each."""

import copy
import threading
from dataclasses import dataclass
from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.annotations import (
    PATCH_FORCE,
    annotation,
    name_of,
    namespace_of,
)
from r1_on_eks.rehearsal.kubernetes_provider.connection import ApiRefused, Connection
from r1_on_eks.rehearsal.kubernetes_provider.discovery import Discovery, KindMissing
from r1_on_eks.rehearsal.kubernetes_provider.field_ownership import (
    has_client_side_owner,
    take_over_patch,
)

CLIENT_SIDE_MANAGER = "pulumi-kubernetes"
RETRIES = 5

ALREADY_EXISTS = """\

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Adopting a resource into Pulumi: use `pulumi import`.
  - Intentional upsert: set upsertExistingObjects on the provider."""


class Cancelled(Exception):
    """The engine asked to stop."""


@dataclass(frozen=True)
class ApplyOptions:
    """How objects are written; from the provider's configuration.

    Attributes:
        server_side: `enableServerSideApply`.
        patch_force: `enablePatchForce`.
        upsert: `upsertExistingObjects`: a create takes over what exists.
    """

    server_side: bool = True
    patch_force: bool = False
    upsert: bool = False


class Cluster:
    """The objects of one API server."""

    def __init__(
        self,
        connection: Connection,
        options: ApplyOptions,
        cancelled: threading.Event,
    ) -> None:
        self.connection = connection
        self.discovery = Discovery(connection)
        self.cancelled = cancelled
        self._options = options

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """One object.

        Raises:
            ApiRefused: With 404 where it doesn't exist.
            KindMissing: The server doesn't have the kind.
        """
        path = self.discovery.resource(api_version, kind).path(namespace, name)
        return self.connection.request("GET", path)

    def find(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        name: str,
    ) -> dict[str, Any] | None:
        """One object, None where it doesn't exist."""
        try:
            return self.get(api_version, kind, namespace, name)
        except ApiRefused as error:
            if error.code == 404:
                return None
            raise

    def get_like(self, document: dict[str, Any]) -> dict[str, Any]:
        """The live state of an object of which kind, namespace and name are known."""
        return self.get(
            document["apiVersion"],
            document["kind"],
            namespace_of(document),
            name_of(document),
        )

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        **query: str,
    ) -> list[dict[str, Any]]:
        """Objects of a kind in a namespace, or of a kind without namespaces."""
        resource = self.discovery.resource(api_version, kind)
        answer = self.connection.request("GET", resource.path(namespace), query=query)
        return [{"apiVersion": api_version, "kind": kind, **item} for item in answer["items"]]

    def create(
        self,
        document: dict[str, Any],
        field_manager: str,
        *,
        preview: bool,
    ) -> dict[str, Any]:
        """Create an object; misordered ones (namespace or kind not there yet) are tried again.

        Raises:
            ApiRefused: The server's answer, after the retries.
            KindMissing: The server still doesn't have the kind.
            Cancelled: The engine asked to stop between two tries.
        """
        for attempt in range(RETRIES + 1):
            try:
                return self._create_once(document, field_manager, preview)
            except (ApiRefused, KindMissing) as error:
                misordered = isinstance(error, KindMissing) or error.code == 404
                namespace_to_come = preview and getattr(error, "about_namespace", False)
                if not misordered or namespace_to_come or attempt == RETRIES:
                    raise
            if self.cancelled.wait(2.0**attempt):
                raise Cancelled
        raise AssertionError("unreachable")

    def update(
        self,
        document: dict[str, Any],
        live: dict[str, Any],
        field_manager: str,
        *,
        preview: bool,
    ) -> dict[str, Any]:
        """Bring an existing object to new inputs.

        Args:
            document: The new inputs.
            live: The object now.
            field_manager: Under whose name the fields are owned.
            preview: Ask only what would come of it.
        """
        path = self.discovery.resource(document["apiVersion"], document["kind"]).path(
            namespace_of(live), name_of(live)
        )
        dry = {"dryRun": "All"} if preview else {}
        if document["kind"] == "CustomResourceDefinition":
            replacement = copy.deepcopy(document)
            replacement["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
            return self.connection.request(
                "PUT", path, query={"fieldManager": field_manager, **dry}, body=replacement
            )
        if not preview:
            patch = take_over_patch(live, field_manager)
            if patch:
                live = self.connection.request(
                    "PATCH", path, body=patch, content_type="application/json-patch+json"
                )
        return self._apply(document, path, field_manager, preview, live)

    def delete(self, document: dict[str, Any], name: str, propagation: str) -> bool:
        """Ask for an object's deletion; False where it or its kind is gone already."""
        try:
            resource = self.discovery.resource(document["apiVersion"], document["kind"])
            self.connection.request(
                "DELETE",
                resource.path(namespace_of(document), name),
                body={
                    "apiVersion": "v1",
                    "kind": "DeleteOptions",
                    "propagationPolicy": propagation,
                },
            )
        except KindMissing:
            return False
        except ApiRefused as error:
            if error.code == 404:
                return False
            raise
        return True

    def _create_once(
        self,
        document: dict[str, Any],
        field_manager: str,
        preview: bool,
    ) -> dict[str, Any]:
        resource = self.discovery.resource(document["apiVersion"], document["kind"])
        namespace, name = namespace_of(document), name_of(document)
        if self._options.server_side and self._options.upsert:
            path = resource.path(namespace, name)
            return self._apply(document, path, field_manager, preview, None)
        query = {"fieldManager": CLIENT_SIDE_MANAGER, **({"dryRun": "All"} if preview else {})}
        return self.connection.request(
            "POST", resource.path(namespace), query=query, body=document
        )

    def _apply(
        self,
        document: dict[str, Any],
        path: str,
        field_manager: str,
        preview: bool,
        live: dict[str, Any] | None,
    ) -> dict[str, Any]:
        force = (
            annotation(document, PATCH_FORCE) == "true"
            or self._options.patch_force
            # A preview must not show as a conflict what the update will take over first.
            or (preview and (live is None or has_client_side_owner(live)))
            or (live is not None and not live["metadata"].get("managedFields"))
        )
        query = {
            "fieldManager": field_manager,
            "force": str(force).lower(),
            "fieldValidation": "Warn",
            **({"dryRun": "All"} if preview else {}),
        }
        return self.connection.request(
            "PATCH", path, query=query, body=document, content_type="application/apply-patch+yaml"
        )
