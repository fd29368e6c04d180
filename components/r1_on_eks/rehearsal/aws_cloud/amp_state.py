"""What Amazon Managed Service for Prometheus remembers.

moto's workspaces are ACTIVE at once and take any text for rules; they have no alert manager, no
configuration and no scrapers, and are not used. Source: the service's API reference and user
guide, 2026-11; requests are held to botocore's model. Nothing is scraped, stored or told here.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource

from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError, OwnBackend, OwnResponse

Shape = dict[str, Any]
# User guide, AMP-workspace-configuration.
DEFAULT_RETENTION_DAYS = 150


def now() -> datetime:
    """The present, as the API gives times."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """`ws-` or `s-` and a UUID."""
    return f"{prefix}-{uuid.uuid4()}"


def not_found(message: str) -> AwsError:
    """The thing that is named does not exist."""
    return AwsError("ResourceNotFoundException", message)


def conflict(message: str) -> AwsError:
    """It exists already, or AWS works on it."""
    return AwsError("ConflictException", message)


def invalid(message: str) -> AwsError:
    """A parameter is wrong."""
    return AwsError("ValidationException", message)


def has(code: str) -> Shape:
    """A status, as everything of this service has it."""
    return {"statusCode": code}


@dataclass
class Workspace:
    """One workspace, and its parts, which go with it."""

    shape: Shape
    configuration: Shape = field(
        default_factory=lambda: {
            "status": has("ACTIVE"),
            "retentionPeriodInDays": DEFAULT_RETENTION_DAYS,
            "limitsPerLabelSet": [],
        }
    )
    namespaces: dict[str, Shape] = field(default_factory=dict)
    alert_manager: Shape | None = None


@dataclass
class Scraper:
    """One scraper, and the network interfaces that it has in its subnets."""

    shape: Shape
    interfaces: list[str] = field(default_factory=list)


class AmpBackend(OwnBackend, TaggableResourcesMixin):
    """The workspaces and scrapers of one account and Region."""

    SERVICE_NAMESPACE = "aps"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.workspaces: dict[str, Workspace] = {}
        self.scrapers: dict[str, Scraper] = {}

    def workspace(self, identifier: str) -> Workspace:
        """One workspace.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        if identifier not in self.workspaces:
            raise not_found(f"Workspace not found: {identifier}")
        return self.workspaces[identifier]

    def scraper(self, identifier: str) -> Scraper:
        """One scraper.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        if identifier not in self.scrapers:
            raise not_found(f"Scraper not found: {identifier}")
        return self.scrapers[identifier]

    def arn(self, kind: str, *names: str) -> str:
        """`arn:aws:aps:REGION:ACCOUNT:kind/name/…`."""
        where = f"arn:aws:aps:{self.region_name}:{self.account_id}"
        return f"{where}:{'/'.join((kind, *names))}"

    def taggable(self) -> Iterator[tuple[str, Shape]]:
        """Resource type and description of everything that carries tags."""
        for workspace in list(self.workspaces.values()):
            yield "aps:workspace", workspace.shape
            for namespace in list(workspace.namespaces.values()):
                yield "aps:rulegroupsnamespace", namespace
        for scraper in list(self.scrapers.values()):
            yield "aps:scraper", scraper.shape

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of one resource, to be read or changed.

        Raises:
            AwsError: ResourceNotFoundException.
        """
        for _, shape in self.taggable():
            if shape["arn"] == arn:
                return shape["tags"]
        raise not_found(f"Resource not found: {arn}")

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """For the Resource Groups Tagging API."""
        for kind, shape in self.taggable():
            yield TaggedResource(arn=shape["arn"], tags=shape["tags"], resource_type=kind)

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """Adds or changes tags."""
        self.tags_of(arn).update(tags)

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        """Removes tags."""
        for key in tag_keys:
            self.tags_of(arn).pop(key, None)


amp_backends = BackendDict(AmpBackend, "amp")


class AmpRequest(OwnResponse):
    """One request to the service; the features add their operations to it."""

    own_service = "amp"
    invalid_code = "ValidationException"

    @property
    def amp(self) -> AmpBackend:
        """The backend of the request's account and Region."""
        return amp_backends[self.current_account][self.region]

    def active_workspace(self, identifier: str) -> Workspace:
        """The workspace, which must be ACTIVE.

        That AWS refuses the parts of one that is not is assumed.

        Raises:
            AwsError: it does not exist, or is being created or deleted.
        """
        workspace = self.amp.workspace(identifier)
        status = workspace.shape["status"]["statusCode"]
        if status != "ACTIVE":
            raise conflict(f"Workspace {identifier} is {status}")
        return workspace
