"""What the API server has: kinds and their paths, and the OpenAPI document it checks against."""

import threading
import urllib.parse
from dataclasses import dataclass
from typing import Any

from r1_on_eks.rehearsal.kubernetes_provider.connection import ApiRefused, Connection
from r1_on_eks.rehearsal.kubernetes_provider.schema import Schemas


class KindMissing(Exception):
    """The API server has no such apiVersion and kind."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


@dataclass(frozen=True)
class ApiResource:
    """One kind as the API server serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """The REST path of one object, or of the collection when there is no name."""
        prefix = "/apis/" if "/" in self.api_version else "/api/"
        parts = [self.api_version]
        if self.namespaced:
            parts += ["namespaces", namespace or "default"]
        parts.append(self.plural)
        if name:
            parts.append(urllib.parse.quote(name, safe=""))
        return prefix + "/".join(parts)


class Discovery:
    """Answers from the API server, remembered until something may have changed them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._versions: dict[str, dict[str, ApiResource]] = {}
        self._schemas: Schemas | None = None

    def resource(self, api_version: str, kind: str) -> ApiResource:
        """Find a kind; asks the server again when it isn't remembered.

        Raises:
            KindMissing: The server doesn't have it.
        """
        with self._lock:
            known = self._versions.get(api_version, {})
            if kind not in known:
                known = self._ask(api_version)
                self._versions[api_version] = known
        if kind not in known:
            raise KindMissing(api_version, kind)
        return known[kind]

    def has(self, api_version: str, kind: str) -> bool:
        """Whether the server serves this kind."""
        try:
            self.resource(api_version, kind)
        except KindMissing:
            return False
        return True

    def schemas(self) -> Schemas:
        """The server's OpenAPI v2 document."""
        with self._lock:
            if self._schemas is None:
                self._schemas = Schemas(self._connection.request("GET", "/openapi/v2"))
            return self._schemas

    def forget(self) -> None:
        """After a custom resource definition came or went."""
        with self._lock:
            self._versions.clear()
            self._schemas = None

    def _ask(self, api_version: str) -> dict[str, ApiResource]:
        prefix = "/apis/" if "/" in api_version else "/api/"
        try:
            answer = self._connection.request("GET", prefix + api_version)
        except ApiRefused as error:
            if error.code == 404:
                return {}
            raise
        return {
            item["kind"]: _resource(api_version, item)
            for item in answer.get("resources", [])
            if "/" not in item["name"]
        }


def _resource(api_version: str, item: dict[str, Any]) -> ApiResource:
    return ApiResource(
        api_version=api_version,
        kind=item["kind"],
        plural=item["name"],
        namespaced=bool(item["namespaced"]),
    )
