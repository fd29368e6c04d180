"""The right to stream weights from S3."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.access import reads_bucket, trusts_pods
from r1_on_eks.plan.names import role_name, tagged


@dataclass(frozen=True, kw_only=True)
class WeightsReaderArgs:
    """Inputs of `WeightsReader`.

    Attributes:
        stack: Part of the role's name.
        cluster_name: The cluster whose pods may read.
        bucket: The bucket that they may read.
        namespace: Their Kubernetes namespace.
        service_account: Their ServiceAccount.
        tags: What role and association carry.
    """

    stack: str
    cluster_name: pulumi.Input[str]
    bucket: str
    namespace: pulumi.Input[str]
    service_account: str
    tags: Mapping[str, str]


class WeightsReader(pulumi.ComponentResource):
    """A role that reads one bucket, for the pods of one ServiceAccount."""

    association_id: pulumi.Output[str]
    """Known once new pods of the ServiceAccount get the role; earlier ones never do."""

    def __init__(
        self, name: str, args: WeightsReaderArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:WeightsReader", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-role",
            name=role_name(args.stack, args.service_account),
            assume_role_policy=pulumi.Output.json_dumps(trusts_pods()),
            tags=tagged(args.tags, f"{name}-role"),
            opts=within,
        )
        aws.iam.RolePolicy(
            f"{name}-bucket",
            role=role.name,
            policy=pulumi.Output.json_dumps(reads_bucket(args.bucket)),
            opts=within,
        )
        association = aws.eks.PodIdentityAssociation(
            f"{name}-pods",
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            tags=tagged(args.tags, f"{name}-pods"),
            opts=within,
        )
        self.association_id = association.association_id
        self.register_outputs({"association_id": self.association_id})
