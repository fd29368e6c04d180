"""Everyday edits of a stack that stands: exactly what each would change, held as a snapshot.

What forces a replacement is cited where the local provider decides it: each row of
components/r1_on_eks/rehearsal/aws_provider/resources names file and commit of
terraform-provider-aws (`Replaces`), and force_new.py the like for Kubernetes.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from r1_on_eks.catalog.eks_parts import ADDONS
from r1_on_eks.catalog.images import every_image

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

STACK = "changes"
# What holds state, takes long to build, or is everybody's way in or out.
PRECIOUS = {
    "aws:fsx/lustreFileSystem:LustreFileSystem",
    "aws:eks/cluster:Cluster", "aws:ec2/natGateway:NatGateway", "aws:ec2/vpc:Vpc",
    "aws:lb/loadBalancer:LoadBalancer", "aws:kms/key:Key",
}  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """One change of the stack file, or of the program.

    Attributes:
        settings: Changes the mapping under `r1-on-eks:stack`.
        refresh: Whether placements are decided anew, as `r1 plan --refresh` does.
        program: Put before the program.
        looked_up: Changes the content of the pins file.
        ends: Precious kinds that it replaces or deletes, as its author must know.
    """

    settings: Callable[[dict[str, Any]], Any] = lambda settings: None
    refresh: bool = False
    program: str = ""
    looked_up: Callable[[dict[str, Any]], Any] = lambda pins: None
    ends: frozenset[str] = frozenset()


def of(variant: str, **keys: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda settings: settings["variants"][variant].update(keys)


def versions(kubernetes: str, day: str) -> dict[str, Any]:
    """What AWS might publish for a Kubernetes version: releases and builds of no real day."""
    return {
        "images": {
            f"AL2023_x86_64_{kind}": f"{kubernetes}.0-{day}" for kind in ("NVIDIA", "STANDARD")
        },
        "addons": dict.fromkeys(ADDONS, f"v{kubernetes}.0-eksbuild.{day[-1]}"),
        "looked_up": "2026-11-25",
    }


PINS = {
    "images": dict.fromkeys(every_image(), "sha256:" + 64 * "a"),
    "regions": {
        "us-west-2": {
            "account": "111122223333",
            "looked_up": "2026-11-25",
            "kubernetes": {
                "1.35": versions("1.35", "20990101"),
                "1.36": versions("1.36", "20990101"),
            },
        }
    },
}


def newer(part: str) -> Callable[[dict[str, Any]], Any]:
    """What `r1 pins refresh` finds another day."""
    found = versions("1.35", "20990202")[part]
    return lambda pins: pins["regions"]["us-west-2"]["kubernetes"]["1.35"].update({part: found})


# Today a stack file on Lustre that asks for 1.36 is refused.
_AS_IF_1_36_MOUNTED_LUSTRE = """
import dataclasses
from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS as rows
rows["1.36"] = dataclasses.replace(rows["1.36"], lustre_client=True)
"""
LUSTRE = frozenset({"aws:fsx/lustreFileSystem:LustreFileSystem"})
NAT = frozenset({"aws:ec2/natGateway:NatGateway"})
NLB = frozenset({"aws:lb/loadBalancer:LoadBalancer"})
EDITS = {
    "nothing": Edit(),
    "one replica more": Edit(of("7b", replicas=2)),
    "longer context": Edit(of("7b", context=16384), refresh=True),
    "fewer requests at a time": Edit(of("7b", concurrency=4)),
    "another share of the memory": Edit(of("70b", gpu_memory_utilization=0.9, concurrency=12)),
    "larger instance type": Edit(of("7b", instance="g6.4xlarge")),
    "another precision": Edit(of("70b", precision="int8")),
    "a variant more": Edit(
        lambda settings: settings["variants"].update({"1.5b": {"instance": "g6.xlarge"}}),
        refresh=True,
    ),
    "a variant less": Edit(lambda settings: settings["variants"].pop("7b")),
    "a variant reserved": Edit(of("7b", reserved=True)),
    "bought as spot": Edit(of("7b", purchase="spot")),
    "bought as a capacity block": Edit(
        of("70b", purchase={"capacity_block": "cr-0123456789abcdef0"})
    ),
    "a newer server": Edit(
        program="from r1_on_eks.catalog import images\nimages.VLLM = 'vllm/vllm-openai:v0.34.0'\n"
    ),
    "a newer gateway": Edit(
        program="from r1_on_eks.catalog import images\n"
        "images.NGINX = 'docker.io/nginxinc/nginx-unprivileged:1.30.5'\n"
    ),
    "newer Kubernetes": Edit(
        lambda settings: settings.update(kubernetes="1.36"), program=_AS_IF_1_36_MOUNTED_LUSTRE
    ),
    "more storage": Edit(lambda settings: settings["weights"]["fsx"].update(capacity_gib=4800)),
    "a longer load": Edit(lambda settings: settings["weights"].update(load_minutes=30)),
    "faster storage": Edit(
        lambda settings: settings["weights"]["fsx"].update(mbps_per_tib=500), ends=LUSTRE
    ),
    "scratch storage": Edit(
        lambda settings: settings["weights"].update(
            fsx={"deployment": "SCRATCH_2", "capacity_gib": 2400}
        ),
        ends=LUSTRE,
    ),
    "weights from S3": Edit(
        lambda settings: (
            settings["weights"].pop("fsx"), settings["weights"].update(storage="s3-stream")
        ),
        ends=LUSTRE,
    ),
    "another bucket": Edit(lambda settings: settings["weights"].update(bucket="other-weights")),
    "GPUs in another zone": Edit(lambda settings: settings.update(gpu_zone="us-west-2a"),
                                 ends=LUSTRE),
    "a zone more": Edit(
        lambda settings: settings.update(zones=["us-west-2a", "us-west-2b", "us-west-2c"])
    ),
    "endpoint for another office": Edit(
        lambda settings: settings.update(endpoint={"public_from": ["198.51.100.0/24"]})
    ),
    "private endpoint": Edit(lambda settings: settings.update(endpoint="private")),
    "one administrator more": Edit(
        lambda settings: settings["admins"].append("arn:aws:iam::111122223333:role/on-call")
    ),
    "services without NAT": Edit(
        lambda settings: settings.update(private_endpoints=["ecr", "sts"])
    ),
    "gateway on the internet": Edit(
        lambda settings: settings["gateway"].update(public_from=["203.0.113.0/24"]), ends=NLB
    ),
    "a key more": Edit(
        lambda settings: settings["gateway"].update(keys=[{"name": "alice", "sha256": "ab" * 32}])
    ),
    "a variant that stands in": Edit(
        lambda settings: settings["gateway"].update(fallback={"70b": "7b"})
    ),
    "a canary": Edit(
        lambda settings: settings["gateway"].update(
            splits={"assistant": {"percent": {"70b": 95, "7b": 5}}}
        )
    ),
    "to production": Edit(lambda settings: settings.update(production=True)),
    "newer machine images": Edit(looked_up=newer("images")),
    "newer add-ons": Edit(looked_up=newer("addons")),
    "the same tags with other digests": Edit(
        looked_up=lambda pins: pins["images"].update(
            dict.fromkeys(pins["images"], "sha256:" + 64 * "c")
        )
    ),
}  # fmt: skip


def base(settings: dict[str, Any]) -> None:
    """prod-70b with a small variant beside, on two zones, not protected."""
    settings.update(production=False, zones=["us-west-2a", "us-west-2b"])
    settings["weights"]["fsx"] = {"capacity_gib": 2400, "mbps_per_tib": 250}
    settings["variants"]["7b"] = {"instance": "g6.2xlarge", "rate": 0.05}


class Standing:
    """A stack that is up, whose file each edit changes for the time of one preview."""

    def __init__(self, checkout: Any) -> None:
        self._checkout = checkout
        self._file = checkout.root / "stacks" / f"Pulumi.{STACK}.yaml"
        self._pins = checkout.root / "stacks" / "placements" / f"{STACK}.yaml"
        self._looked_up = checkout.root / "stacks" / "pins.yaml"
        self._looked_up.write_text(yaml.safe_dump(PINS))
        self._program = checkout.root / "infra" / "__main__.py"
        source = (checkout.root / "stacks" / "Pulumi.prod-70b.yaml").read_text()
        content = yaml.safe_load(source)
        base(content["config"]["r1-on-eks:stack"])
        self._file.write_text(yaml.safe_dump(content))
        self._refresh()
        self._up()

    def _up(self) -> None:
        up = self._checkout.rehearse("pulumi", "up", "--yes", "--skip-preview", "--stack", STACK)
        assert up.returncode == 0, up.stdout

    def become(self, settings: Callable[[dict[str, Any]], Any]) -> None:
        """Changes the file for good, and brings the stack up as it says."""
        content = yaml.safe_load(self._file.read_text())
        settings(content["config"]["r1-on-eks:stack"])
        self._file.write_text(yaml.safe_dump(content))
        self._up()

    def _refresh(self) -> None:
        refreshed = self._checkout.run("r1", "plan", STACK, "--refresh")
        assert self._pins.exists(), refreshed.stdout

    def preview(self, edit: Edit) -> list[dict[str, Any]]:
        """The steps that the engine would take, all but those that change nothing."""
        shown = self.shown(edit)
        assert shown.returncode == 0, shown.stdout
        text = shown.stdout[shown.stdout.index("{") :]
        return json.JSONDecoder().raw_decode(text)[0]["steps"]

    def shown(self, edit: Edit) -> Any:
        """What the engine answers to the preview of an edit."""
        files = (self._file, self._pins, self._program, self._looked_up)
        before = [file.read_text() for file in files]
        content = yaml.safe_load(before[0])
        edit.settings(content["config"]["r1-on-eks:stack"])
        self._file.write_text(yaml.safe_dump(content))
        self._program.write_text(edit.program + before[2] if edit.program else before[2])
        looked_up = yaml.safe_load(before[3])
        edit.looked_up(looked_up)
        self._looked_up.write_text(yaml.safe_dump(looked_up))
        try:
            if edit.refresh:
                self._refresh()
            return self._checkout.rehearse("pulumi", "preview", "--json", "--stack", STACK)
        finally:
            for file, text in zip(files, before, strict=True):
                file.write_text(text)


@pytest.fixture(scope="module")
def standing(shared_checkout):
    return Standing(shared_checkout)


def told(steps: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Operation → resources, with what differs, or what forces the replacement."""
    found: dict[str, list[str]] = {}
    for step in steps:
        state = step.get("newState") or step["oldState"]
        if not state.get("custom") or step["op"] == "same":
            continue
        reasons = (
            step.get("replaceReasons") if "replace" in step["op"] else step.get("diffReasons")
        )
        keys = sorted({re.split(r"[.\[]", reason)[0] for reason in reasons or ()})
        name = f"{state['type']} {step['urn'].rpartition('::')[2]}"
        found.setdefault(step["op"], []).append(f"{name}: {', '.join(keys)}" if keys else name)
    return {op: sorted(names) for op, names in sorted(found.items())}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_exactly_this(standing, name, snapshot):
    edit = EDITS[name]
    steps = standing.preview(edit)
    ended = {
        (step.get("newState") or step["oldState"])["type"]
        for step in steps
        if "replace" in step["op"] or step["op"] == "delete"
    }
    assert ended & PRECIOUS == edit.ends
    assert told(steps) == snapshot


def test_less_storage_is_refused_for_it_would_replace_the_file_system(standing):
    less = Edit(lambda settings: settings["weights"]["fsx"].update(capacity_gib=1200))
    refused = standing.shown(less)
    assert refused.returncode != 0
    assert "weights.fsx.capacity_gib: 1200, but 2400 stand, and a file system only" in " ".join(
        refused.stdout.split()
    )


def test_there_are_twenty_edits():
    assert len(EDITS) - 1 >= 20


def test_the_only_p_nodes_of_a_production_stack_are_not_replaced_until_somebody_allows_it(
    standing,
):
    """Last, for the stack is another one afterwards."""
    standing.become(lambda settings: settings.update(production=True))
    larger = Edit(of("70b", instance="p4de.24xlarge"))
    refused = standing.shown(larger)
    assert refused.returncode != 0
    assert "NodeGroup::r1-70b" in refused.stdout
    assert "marked for protection" in refused.stdout
    standing.become(of("70b", replaceable=True))
    assert (
        "aws:eks/nodeGroup:NodeGroup r1-70b: instanceTypes"
        in told(standing.preview(larger))["replace"]
    )
