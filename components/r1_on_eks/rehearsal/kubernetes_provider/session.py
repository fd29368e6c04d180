"""One configured provider: its settings, and its cluster if that can be reached."""

import contextlib
import threading
from dataclasses import dataclass

from r1_on_eks.rehearsal.kubernetes_provider.cluster import ApplyOptions, Cluster
from r1_on_eks.rehearsal.kubernetes_provider.connection import (
    ApiRefused,
    Connection,
    Unreachable,
    context_namespace,
)
from r1_on_eks.rehearsal.kubernetes_provider.discovery import KindMissing
from r1_on_eks.rehearsal.kubernetes_provider.schema import Schemas
from r1_on_eks.rehearsal.kubernetes_provider.settings import Settings


@dataclass(frozen=True)
class Session:
    """What every call works with.

    Attributes:
        settings: From Configure.
        cluster: None while it can't be reached.
        unreachable: Why it can't.
        namespace: For objects that name none; "" while the cluster is unknown.
    """

    settings: Settings
    cluster: Cluster | None
    unreachable: str
    namespace: str

    @classmethod
    def without_cluster(cls, reason: str) -> "Session":
        """A session in which only previews are possible."""
        settings = Settings(None, reason, "", ApplyOptions(), False, False, False)
        return cls(settings, None, reason, "")

    @classmethod
    def start(cls, settings: Settings, cancelled: threading.Event) -> "Session":
        """Connect, and load what the API server can check; never raises for an absent server."""
        if settings.kubeconfig is None:
            return cls(settings, None, settings.unreachable, settings.namespace)
        namespace = settings.namespace or context_namespace(settings.kubeconfig)
        try:
            cluster = Cluster(Connection(settings.kubeconfig), settings.apply, cancelled)
            cluster.discovery.schemas()
        except (Unreachable, ApiRefused) as error:
            reason = f"unable to load schema information from the API server: {error}"
            return cls(settings, None, reason, namespace)
        return cls(settings, cluster, "", namespace)

    def schemas(self) -> Schemas | None:
        """The server's OpenAPI document, None without a cluster."""
        return self.cluster.discovery.schemas() if self.cluster else None

    def namespaced(self, api_version: str, kind: str) -> bool | None:
        """Whether a kind has namespaces; None where that can't be known yet."""
        if self.cluster is not None:
            with contextlib.suppress(KindMissing):
                return self.cluster.discovery.resource(api_version, kind).namespaced
        return None
