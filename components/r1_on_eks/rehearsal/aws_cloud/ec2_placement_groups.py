"""Placement groups, which moto lacks. Source: EC2 API reference, CreatePlacementGroup."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.autoscaling.models import autoscaling_backends
from moto.core.responses import ActionResult, EmptyResult

from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError

_STRATEGIES = ("cluster", "partition", "spread")


@dataclass
class PlacementGroup:
    """One placement group, in the API's words."""

    name: str
    strategy: str
    arn: str
    partitions: int | None
    spread_level: str | None
    tags: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"pg-{secrets.token_hex(9)[:17]}")

    def shape(self) -> dict[str, Any]:
        """As DescribePlacementGroups shows it."""
        return {
            "GroupName": self.name,
            "GroupId": self.id,
            "GroupArn": self.arn,
            "State": "available",
            "Strategy": self.strategy,
            "PartitionCount": self.partitions,
            "SpreadLevel": self.spread_level,
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
        }


# Beside moto's backend, which has no room for them: by account and Region, then by name.
_groups: dict[tuple[str, str], dict[str, PlacementGroup]] = {}


def placement_groups(account: str, region: str) -> dict[str, PlacementGroup]:
    """The placement groups of one account and Region by name."""
    return _groups.setdefault((account, region), {})


_FILTERS: dict[str, Callable[[PlacementGroup, str], str | None]] = {
    "group-name": lambda group, _: group.name,
    "strategy": lambda group, _: group.strategy,
    "tag": lambda group, name: group.tags.get(name.partition(":")[2]),
}


class PlacementGroups:
    """Operations that are added to moto's EC2 response class."""

    current_account: str
    region: str
    _get_param: Any
    _parse_tag_specification: Any

    def create_placement_group(self) -> ActionResult:
        """CreatePlacementGroup."""
        known = placement_groups(self.current_account, self.region)
        name, strategy = self._get_param("GroupName"), self._get_param("Strategy", "cluster")
        if strategy not in _STRATEGIES:
            raise AwsError("InvalidParameterValue", f"Strategy '{strategy}' is invalid")
        if name in known:
            raise AwsError(
                "InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists."
            )
        group = PlacementGroup(
            name=name,
            strategy=strategy,
            arn=f"arn:aws:ec2:{self.region}:{self.current_account}:placement-group/{name}",
            partitions=self._get_param("PartitionCount"),
            spread_level=self._get_param("SpreadLevel"),
            tags=self._parse_tag_specification().get("placement-group", {}),
        )
        known[name] = group
        return ActionResult({"PlacementGroup": group.shape()})

    def describe_placement_groups(self) -> ActionResult:
        """DescribePlacementGroups, by names, ids, group-name, strategy or tags."""
        known = placement_groups(self.current_account, self.region)
        names, ids = self._get_param("GroupNames", []), self._get_param("GroupIds", [])
        for name in names:
            if name not in known:
                raise _unknown(name)
        found = [
            group
            for group in known.values()
            if (not names or group.name in names) and (not ids or group.id in ids)
        ]
        for condition in self._get_param("Filters", []):
            of = _FILTERS.get(condition["Name"].partition(":")[0])
            if of is None:
                raise NotImplementedError(f"placement group filter {condition['Name']}")
            found = [each for each in found if of(each, condition["Name"]) in condition["Values"]]
        return ActionResult({"PlacementGroups": [group.shape() for group in found]})

    def delete_placement_group(self) -> ActionResult:
        """DeletePlacementGroup; not while instances are in it."""
        known = placement_groups(self.current_account, self.region)
        name = self._get_param("GroupName")
        if name not in known:
            raise _unknown(name)
        for group in autoscaling_backends[self.current_account][
            self.region
        ].autoscaling_groups.values():
            template = group.ec2_launch_template
            if template is None or not group.active_instances():
                continue
            data = template.get_version(group.launch_template_version).data
            if data.get("Placement", {}).get("GroupName") == name:
                raise AwsError(
                    "InvalidPlacementGroup.InUse",
                    f"The placement group {name} is in use and may not be deleted.",
                )
        del known[name]
        return EmptyResult()


def _unknown(name: str) -> AwsError:
    return AwsError("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
