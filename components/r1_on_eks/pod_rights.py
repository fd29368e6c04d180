"""What the pods of one ServiceAccount may do in AWS, by EKS Pod Identity."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.access import trusts_pods
from r1_on_eks.plan.names import role_name, tagged


@dataclass(frozen=True, kw_only=True)
class PodAccount:
    """A ServiceAccount that takes a role of its own name.

    Attributes:
        stack: Part of the role's name.
        cluster_name: Whose pods are meant.
        namespace: Theirs.
        name: The ServiceAccount's.
        tags: Of what is declared, besides the stack's.
    """

    stack: str
    cluster_name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PodRights:
    """What a pod waits for: one that starts before both never gets the role, or may do nothing."""

    policy: aws.iam.RolePolicy
    association: aws.eks.PodIdentityAssociation

    @property
    def both(self) -> list[pulumi.Resource]:
        """For `depends_on`."""
        return [self.policy, self.association]


def pod_rights(
    name: str, account: PodAccount, to: str, policy: Any, opts: pulumi.ResourceOptions
) -> PodRights:
    """Declares role, policy and association.

    Args:
        name: Of the component: the first part of all three names.
        account: Who takes the role.
        to: What the policy is about: the last part of its name.
        policy: A document of IAM; it may hold outputs.
        opts: Of all three.
    """
    role = aws.iam.Role(
        f"{name}-role",
        name=role_name(account.stack, account.name),
        assume_role_policy=json.dumps(trusts_pods()),
        tags=tagged(account.tags, f"{name}-role"),
        opts=opts,
    )
    return PodRights(
        aws.iam.RolePolicy(
            f"{name}-{to}", role=role.name, policy=pulumi.Output.json_dumps(policy), opts=opts
        ),
        aws.eks.PodIdentityAssociation(
            f"{name}-pods",
            cluster_name=account.cluster_name,
            namespace=account.namespace,
            service_account=account.name,
            role_arn=role.arn,
            tags=tagged(account.tags, f"{name}-pods"),
            opts=opts,
        ),
    )
