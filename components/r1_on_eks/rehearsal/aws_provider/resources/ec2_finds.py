"""How things of EC2 are found and named."""
# ruff: noqa: ARG005 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider.row import Find


def first_of(operation: str, by: str, path: str) -> Find:
    """The one of an id: `first_of("DescribeVpcs", "VpcIds", "Vpcs")`."""
    return Find(operation, {by: ["{id}"]}, f"{path}[0]")


def arn_of(kind: str) -> Any:
    """An output: the ARN of a kind of thing, `vpc`."""
    return lambda cloud, answer, values: cloud.arn("ec2", f"{kind}/{values['id']}")
