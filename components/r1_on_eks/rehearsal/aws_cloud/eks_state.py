"""What EKS remembers.

moto's EKS drops most fields of clusters and node groups and has no add-ons, access entries, pod
identity associations or versions. Here everything is kept in the shape in which the API
describes it (botocore's eks model), and moto's own EKS is not used.
"""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource

from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError, OwnBackend, OwnResponse

Shape = dict[str, Any]


def now() -> datetime:
    """The present, as the API gives times."""
    return datetime.now(UTC)


def new_id() -> str:
    """A random id in the form that EKS uses."""
    return str(uuid.uuid4())


def not_found(message: str) -> AwsError:
    """EKS: the thing that is named does not exist."""
    return AwsError("ResourceNotFoundException", message)


def in_use(message: str) -> AwsError:
    """EKS: it exists already, or something still needs it."""
    return AwsError("ResourceInUseException", message)


def invalid(message: str) -> AwsError:
    """EKS: a parameter is wrong."""
    return AwsError("InvalidParameterException", message)


def refused(message: str) -> AwsError:
    """EKS: the request is well formed but not allowed in this state."""
    return AwsError("InvalidRequestException", message)


@dataclass
class AccessEntry:
    """One principal that may enter, and the access policies associated with it."""

    shape: Shape
    policies: dict[str, Shape] = field(default_factory=dict)


@dataclass
class NodeGroup:
    """One managed node group; `template_id` is the launch template that EKS made for itself."""

    shape: Shape
    instance_type: str
    group_name: str = ""
    template_id: str = ""
    # One change at a time: nodes of a half-made group cannot be removed.
    turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The node group's name."""
        return self.shape["nodegroupName"]


@dataclass
class Cluster:
    """One cluster and all that belongs to it."""

    shape: Shape
    self_managed_addons: bool = True
    admin_kubeconfig: Path | None = None
    node_groups: dict[str, NodeGroup] = field(default_factory=dict)
    addons: dict[str, Shape] = field(default_factory=dict)
    access_entries: dict[str, AccessEntry] = field(default_factory=dict)
    pod_identities: dict[str, Shape] = field(default_factory=dict)
    updates: dict[str, tuple[str | None, Shape]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.shape["name"]

    def taggable(self) -> Iterator[tuple[str, str, Shape]]:
        """ARN, resource type and description of everything that carries tags."""
        yield self.shape["arn"], "eks:cluster", self.shape
        for group in self.node_groups.values():
            yield group.shape["nodegroupArn"], "eks:nodegroup", group.shape
        for addon in self.addons.values():
            yield addon["addonArn"], "eks:addon", addon
        for entry in self.access_entries.values():
            yield entry.shape["accessEntryArn"], "eks:access-entry", entry.shape
        for association in self.pod_identities.values():
            yield association["associationArn"], "eks:podidentityassociation", association


class EksBackend(OwnBackend, TaggableResourcesMixin):
    """The clusters of one account and Region."""

    SERVICE_NAMESPACE = "eks"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.clusters: dict[str, Cluster] = {}

    def cluster(self, name: str) -> Cluster:
        """The cluster of that name.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        if name not in self.clusters:
            raise not_found(f"No cluster found for name: {name}.")
        return self.clusters[name]

    def arn(self, kind: str, *names: str) -> str:
        """`arn:aws:eks:REGION:ACCOUNT:kind/name/…`."""
        where = f"arn:aws:eks:{self.region_name}:{self.account_id}"
        return f"{where}:{'/'.join((kind, *names))}"

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of one resource, to be read or changed.

        Raises:
            AwsError: NotFoundException.
        """
        for cluster in self.clusters.values():
            for known, _, shape in cluster.taggable():
                if known == arn:
                    return shape.setdefault("tags", {})
        raise AwsError("NotFoundException", f"No resource found for ARN {arn}")

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """For the Resource Groups Tagging API."""
        for cluster in list(self.clusters.values()):
            for arn, kind, shape in cluster.taggable():
                yield TaggedResource(arn=arn, tags=shape.get("tags", {}), resource_type=kind)

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """For the Resource Groups Tagging API."""
        self.tags_of(arn).update(tags)

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        """For the Resource Groups Tagging API."""
        for key in tag_keys:
            self.tags_of(arn).pop(key, None)


eks_backends = BackendDict(EksBackend, "eks")


class EksRequest(OwnResponse):
    """One request to EKS; the features add their operations to it."""

    own_service = "eks"
    invalid_code = "InvalidParameterException"

    @property
    def eks(self) -> EksBackend:
        """The backend of the request's account and Region."""
        return eks_backends[self.current_account][self.region]

    def active_cluster(self, name: str) -> Cluster:
        """The cluster, which must be ACTIVE.

        Raises:
            AwsError: it does not exist, or is being created, changed or deleted.
        """
        cluster = self.eks.cluster(name)
        if cluster.shape["status"] not in ("ACTIVE", "UPDATING"):
            raise refused(f"Cluster '{name}' is not in ACTIVE status")
        return cluster


def record_update(
    cluster: Cluster, kind: str, params: dict[str, Any], about: str | None = None
) -> Shape:
    """An entry of ListUpdates, InProgress; `about` names the node group or add-on."""
    update = {
        "id": new_id(),
        "status": "InProgress",
        "type": kind,
        "params": [{"type": key, "value": str(value)} for key, value in params.items()],
        "createdAt": now(),
        "errors": [],
    }
    cluster.updates[update["id"]] = (about, update)
    return update


def page(names: list[Any], asked: Shape) -> tuple[list[Any], str | None]:
    """One page of a list: `maxResults` from `nextToken` on, and the next token."""
    start = int(asked.get("nextToken") or 0)
    end = start + int(asked.get("maxResults") or 100)
    return names[start:end], str(end) if end < len(names) else None
