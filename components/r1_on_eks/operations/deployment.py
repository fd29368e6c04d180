"""A stack's deployment as `pulumi stack export` gives it: what it says, and how it is mended."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_PROVIDER = "pulumi:providers:"
_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Pending:
    """An operation that began and whose end nobody wrote down.

    Attributes:
        work: `creating`, `updating`, `deleting` or `reading`.
        resource: What it was about: urn, type, inputs, parent, provider.
    """

    work: str
    resource: Mapping[str, Any]

    @property
    def urn(self) -> str:
        """Of the resource."""
        return self.resource["urn"]

    @property
    def kind(self) -> str:
        """Pulumi's type of the resource."""
        return self.resource["type"]

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class Deployment:
    """What Pulumi believes of a stack."""

    content: Mapping[str, Any]

    @property
    def resources(self) -> list[dict[str, Any]]:
        """Everything that it knows."""
        return self._latest.get("resources") or []

    @property
    def pending(self) -> list[Pending]:
        """What was under way when the engine died."""
        found = self._latest.get("pending_operations") or []
        return [Pending(one["type"], one["resource"]) for one in found]

    @property
    def region(self) -> str | None:
        """AWS Region of the stack's provider."""
        for one in self.resources:
            if one["type"] == f"{_PROVIDER}aws" and "region" in one.get("inputs", {}):
                return one["inputs"]["region"]
        return None

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What the program exported."""
        for one in self.resources:
            if one["type"] == _STACK:
                return one.get("outputs") or {}
        return {}

    @property
    def ids(self) -> set[str]:
        """Ids of all resources that it knows."""
        return {one["id"] for one in self.resources if one.get("id")}

    @property
    def urns(self) -> set[str]:
        """URNs of all resources that it knows."""
        return {one["urn"] for one in self.resources}

    @property
    def protected(self) -> list[str]:
        """URNs of what Pulumi refuses to delete."""
        return [one["urn"] for one in self.resources if one.get("protect")]

    def without_pending(self, adopted: Iterable[tuple[Pending, str]]) -> dict[str, Any]:
        """The same content with no operation under way.

        Args:
            adopted: Pending creations, each with the id of what it made: they become resources,
                whose outputs a refresh then reads.
        """
        content = copy.deepcopy(dict(self.content))
        latest = content["deployment"]
        latest.pop("pending_operations", None)
        resources = latest.setdefault("resources", [])
        for pending, made in adopted:
            inputs = copy.deepcopy(pending.resource.get("inputs", {}))
            resources.append(
                {**copy.deepcopy(dict(pending.resource)), "id": made, "outputs": inputs}
            )
        return content

    @property
    def _latest(self) -> Mapping[str, Any]:
        return self.content.get("deployment") or {}
