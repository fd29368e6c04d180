"""What a program registers, without engine and without account: Pulumi's mocks answer for AWS."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from pulumi.runtime import mocks, rpc
from pulumi.runtime.stack import run_pulumi_func


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as it was asked for; inputs are keyed as providers see them."""

    type: str
    name: str
    inputs: dict[str, Any]


def assigned_by_aws(kind: str, name: str) -> dict[str, Any]:
    """Placeholders for what AWS would assign to a resource, as far as programs use it."""
    match kind:
        case "aws:eks/cluster:Cluster":
            return {
                "arn": "arn:aws:eks:us-west-2:111122223333:cluster/x",
                "endpoint": "https://cluster.example",
                "certificateAuthority": {"data": "Y2E="},
                "vpcConfig": {"clusterSecurityGroupId": "sg-cluster", "subnetIds": []},
            }
        case "aws:eks/nodeGroup:NodeGroup":
            return {"resources": [{"autoscalingGroups": [{"name": f"asg-{name}"}]}]}
        case "aws:fsx/lustreFileSystem:LustreFileSystem":
            return {"dnsName": "fs.example", "mountName": "abcdef"}
        case "aws:lb/loadBalancer:LoadBalancer":
            return {"dnsName": "nlb.example", "arn": f"arn:{name}"}
        case "aws:eks/podIdentityAssociation:PodIdentityAssociation":
            return {"associationId": "a-1"}
        case "aws:amp/workspace:Workspace":
            endpoint = "https://aps-workspaces.example/workspaces/ws-1/"
            return {"arn": f"arn:{name}", "prometheusEndpoint": endpoint}
        case "aws:ec2/launchTemplate:LaunchTemplate":
            return {"latestVersion": 1, "arn": f"arn:{name}"}
        case _:
            return {"arn": f"arn:{name}"}


def _open(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs without the protocol's mark on what is secret."""
    return {key: rpc.unwrap_rpc_secret(value) for key, value in inputs.items()}


class Answers(mocks.Mocks):
    """Answers every registration as AWS might, and remembers it."""

    def __init__(self) -> None:
        self.registrations: list[Registration] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Its id and outputs: its inputs, and what AWS would assign."""
        self.registrations.append(
            Registration(type=args.typ, name=args.name, inputs=_open(args.inputs))
        )
        state = dict(args.inputs)
        for key, value in assigned_by_aws(args.typ, args.name).items():
            state[key] = {**state.get(key, {}), **value} if isinstance(value, dict) else value
        return f"{args.name}-id", state

    def call(self, args: mocks.MockCallArgs) -> NoReturn:
        """Refuses: what is looked up would differ from day to day.

        Raises:
            AssertionError: always.
        """
        raise AssertionError(f"a program must not look anything up: {args.token}")


def registered_by(program: Callable[[], Any], *, stack: str) -> list[Registration]:
    """Runs `program` and returns what it registered, when all of it is."""
    answers = Answers()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(answers, project="r1-on-eks", stack=stack)
    loop.run_until_complete(run_pulumi_func(program))
    return answers.registrations
