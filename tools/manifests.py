"""Writes the Kubernetes objects of a stack as manifests, for tools that read YAML.

    python tools/manifests.py prod-70b > manifests.yaml

The program runs under mocks: no engine, no account. What AWS would assign is a placeholder.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime import mocks
from r1_on_eks import declare, parse_stack_config, read_pins

PROJECT = Path(__file__).parent.parent
_ASSIGNED: dict[str, dict[str, Any]] = {
    "aws:eks/cluster:Cluster": {
        "arn": "arn:aws:eks:us-west-2:111122223333:cluster/placeholder",
        "endpoint": "https://placeholder.example",
        "certificateAuthority": {"data": ""},
        "vpcConfig": {"clusterSecurityGroupId": "sg-placeholder", "subnetIds": []},
    },
    "aws:eks/nodeGroup:NodeGroup": {
        "resources": [{"autoscalingGroups": [{"name": "placeholder"}]}]
    },
    "aws:fsx/lustreFileSystem:LustreFileSystem": {
        "dnsName": "placeholder.example", "mountName": "placeholder",
    },
    "aws:lb/loadBalancer:LoadBalancer": {"dnsName": "placeholder.example", "arn": "placeholder"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
}  # fmt: skip


class _Recorder(mocks.Mocks):
    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ.startswith("kubernetes:"):
            _, module, kind = args.typ.split(":")
            version = module.removeprefix("core/")
            self.objects.append({"apiVersion": version, "kind": kind, **args.inputs})
        return f"{args.name}-id", {**args.inputs, **_ASSIGNED.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"a program must not look anything up: {args.token}")


_GROUPS = {"networking": "networking.k8s.io", "rbac": "rbac.authorization.k8s.io"}


def manifests(stack: str) -> list[dict[str, Any]]:
    """The Kubernetes objects of one stack, in the order of their registration."""
    path = PROJECT / "stacks" / f"Pulumi.{stack}.yaml"
    settings = yaml.safe_load(path.read_text())["config"]["r1-on-eks:stack"]
    config = parse_stack_config({"name": stack, **settings})
    recorder = _Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(recorder, project="r1-on-eks", stack=stack)
    pins = read_pins(PROJECT / "stacks", stack)
    loop.run_until_complete(mocks.run_pulumi_func(lambda: declare(config, pins)))
    return [_named(one) for one in recorder.objects if "metadata" in one]


def _named(found: dict[str, Any]) -> dict[str, Any]:
    group, _, version = found["apiVersion"].rpartition("/")
    group = _GROUPS.get(group, group)
    return {**_whole(found), "apiVersion": f"{group}/{version}" if group else version}


def _whole(value: Any) -> Any:
    """The engine knows floats alone; Kubernetes wants whole numbers."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def main(argv: list[str]) -> int:
    """Prints one document per object."""
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    print(yaml.safe_dump_all(manifests(argv[0]), sort_keys=False), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
