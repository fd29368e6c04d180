"""The key with which a stack encrypts what it writes down."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.access import key_policy
from r1_on_eks.plan.names import tagged


@dataclass(frozen=True, kw_only=True)
class StackKeyArgs:
    """Inputs of `StackKey`.

    Attributes:
        stack: Part of its description.
        account: AWS account whose IAM policies govern it.
        region: Where it is.
        log_groups: Names of the log groups that it encrypts.
        protected: Whether Pulumi refuses to delete it.
    """

    stack: str
    account: str
    region: str
    log_groups: Sequence[str]
    protected: bool


class StackKey(pulumi.ComponentResource):
    """A customer-managed key for Secrets, logs, weights and cached images; it rotates yearly."""

    arn: pulumi.Output[str]
    """The key."""

    def __init__(
        self, name: str, args: StackKeyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:StackKey", name, None, opts)
        key = aws.kms.Key(
            f"{name}-key",
            description=f"Secrets and logs of {args.stack}",
            policy=pulumi.Output.json_dumps(
                key_policy(args.account, args.region, args.log_groups)
            ),
            enable_key_rotation=True,
            deletion_window_in_days=7,
            tags=tagged({}, f"{name}-key"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})
