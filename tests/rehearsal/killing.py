"""Kills engines on purpose, and compares what AWS holds with what Pulumi believes."""

import json
import re
from dataclasses import dataclass
from typing import Any

from r1_on_eks.rehearsal.cloud import NOT_REHEARSED
from r1_on_eks.rehearsal.faults import happened

KILLED = 128 + 9
# Steps that run side by side are within it.
LIVES_ON_S = 2
# What the local cloud calls what Pulumi manages; the rest AWS makes itself for a cluster.
_INVENTORY = {
    "vpcs": "Vpc", "subnets": "Subnet", "internet-gateways": "InternetGateway",
    "route-tables": "RouteTable", "addresses": "Eip", "nat-gateways": "NatGateway",
    "vpc-endpoints": "VpcEndpoint", "load-balancers": "LoadBalancer", "listeners": "Listener",
    "target-groups": "TargetGroup", "fsx-file-systems": "LustreFileSystem",
    "fsx-associations": "DataRepositoryAssociation", "iam-roles": "Role",
    "log-groups": "LogGroup", "placement-groups": "PlacementGroup",
    "prometheus-workspaces": "Workspace", "prometheus-scrapers": "Scraper",
}  # fmt: skip


@dataclass(frozen=True)
class Point:
    """Where an engine dies: `after` AWS answered the creation of a `aws:ec2/vpc:Vpc`."""

    moment: str
    work: str
    kind: str
    number: int = 1

    @property
    def fault(self) -> str:
        return f"die:{self.moment}:{self.work}:{self.kind}#{self.number}"


class Killing:
    """One stack of a checkout, whose engines are killed."""

    def __init__(self, checkout: Any, stack: str, at_once: int = 16) -> None:
        self._checkout = checkout
        self._stack = stack
        self._at_once = at_once

    def pulumi(self, work: str, *given: str) -> Any:
        """`pulumi up` or `destroy`, with faults."""
        faults = [word for fault in given for word in ("--fault", fault)]
        return self._checkout.run(
            "r1", "rehearse", *faults, "--", "pulumi", work, "--yes", "--skip-preview",
            "--stack", self._stack, "--parallel", str(self._at_once), timeout=600,
        )  # fmt: skip

    def kill(self, *points: Point, lives_on: float = LIVES_ON_S) -> list[Point]:
        """Runs an update whose engine dies at one of the points, and all that are met with it.

        For `lives_on` seconds after the first it still lives, for those that run side by side.

        Returns those; none where the update went to its end and met none of them.
        """
        (work,) = {point.work for point in points}
        done = self.pulumi(
            "up" if work == "create" else "destroy",
            f"die-late:{lives_on}",
            *(point.fault for point in points),
        )
        if done.returncode in (0, NOT_REHEARSED):
            return []
        assert done.returncode == KILLED, done.stdout[-5000:]
        died_of = happened(self._checkout.state)
        return [point for point in points if point.fault in died_of]

    def recover(self) -> str:
        """`r1 recover`, and what it says; afterwards AWS holds exactly what Pulumi believes."""
        done = self._checkout.rehearse("r1", "recover", self._stack, "--yes")
        assert done.returncode == 0, done.stdout
        assert not (unknown := self.unknown_to_pulumi()), f"{unknown}\n{done.stdout}"
        return done.stdout

    def up(self) -> None:
        done = self.pulumi("up")
        assert done.returncode == 0, done.stdout

    def destroy(self) -> None:
        done = self.pulumi("destroy")
        assert done.returncode == 0, done.stdout

    def resources(self) -> list[dict[str, Any]]:
        """What Pulumi believes, in the words of its checkpoint."""
        stacks = self._checkout.state.backend / ".pulumi" / "stacks"
        (checkpoint,) = stacks.glob(f"*/{self._stack}.json")
        latest = json.loads(checkpoint.read_text())["checkpoint"].get("latest") or {}
        assert not latest.get("pending_operations")
        return latest.get("resources") or []

    def unknown_to_pulumi(self) -> list[str]:
        """What is in AWS or in Pulumi's state alone."""
        status = self._checkout.run("r1", "rehearse", "status", "--json")
        held = json.loads(status.stdout)["resources"]
        resources = [one for one in self.resources() if one["type"].startswith("aws:")]
        wrong = []
        for called, kind in _INVENTORY.items():
            ids = {one["id"] for one in resources if one["type"].endswith(f":{kind}")}
            wrong += [f"{kind} {one}" for one in ids ^ set(held.get(called, []))]
        # Of EKS, by name, whatever the ARN's last part is.
        for part, kind in (("cluster", "Cluster"), ("nodegroup", "NodeGroup"), ("addon", "Addon")):
            arns = [arn.split(":")[-1].split("/") for arn in held.get("eks", [])]
            there = {":".join(words[1:3]) for words in arns if words[0] == part}
            known = {
                one["id"] for one in resources
                if one.get("custom") and one["type"].endswith(f":{kind}")
            }  # fmt: skip
            wrong += [f"{kind} {one}" for one in there ^ known]
        return wrong

    def believed(self) -> dict[str, Any]:
        """Pulumi's state without what differs between two equal stacks: ids, random suffixes."""
        return {one["urn"]: _steady(one) for one in self.resources()}


# First what holds others' beginnings: `system-` before a UUID looks like an id.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VARYING = re.compile(
    r"\b[a-z]+-[0-9a-z]{8,19}\b|(?<=-)[0-9a-f]{7}\b"
    r"|(?<=/)[0-9a-f]{16}\b|-\d\.us-west-2\.elb|127\.0\.0\.1:\d+"
    r'|(?<="mountname": ")\w+|(?<="ciphertext": ")[^"]+'
)


def _steady(resource: dict[str, Any]) -> Any:
    kept = ("dependencies", "deletedWith", "protect", "parent", "type")
    one = {key: resource.get(key) for key in kept}
    one["dependencies"] = sorted(one["dependencies"] or [])
    if not resource["type"].startswith("pulumi:"):
        inputs = {k: v for k, v in resource.get("inputs", {}).items() if k != "__defaults"}
        text = _UUID.sub("~", json.dumps(inputs, sort_keys=True))
        one["inputs"] = json.loads(_VARYING.sub("~", text))
        # Controllers write `status` at their own pace: it may be there when Pulumi looks, or not.
        one["outputs"] = sorted(key for key in resource.get("outputs", {}) if key != "status")
    return one
