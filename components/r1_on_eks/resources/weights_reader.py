"""The right to stream weights from S3."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from r1_on_eks.plan.access import reads_bucket
from r1_on_eks.pod_rights import PodAccount, pod_rights


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
        account = PodAccount(
            stack=args.stack,
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            name=args.service_account,
            tags=args.tags,
        )
        rights = pod_rights(
            name, account, "bucket", reads_bucket(args.bucket), pulumi.ResourceOptions(parent=self)
        )
        self.association_id = rights.association.association_id
        self.register_outputs({"association_id": self.association_id})
