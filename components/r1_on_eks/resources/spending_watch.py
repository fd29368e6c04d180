"""AWS's own eye on what a stack costs."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.monitoring.spending import spending_of
from r1_on_eks.plan.names import tagged


@dataclass(frozen=True, kw_only=True)
class SpendingWatchArgs:
    """Inputs of `SpendingWatch`.

    Attributes:
        stack: Whose costs, by the tag that all its resources carry.
        topic: ARN of the SNS topic that is told.
        usd: Only what is unusual by so many dollars is told.
    """

    stack: str
    topic: str
    usd: float


class SpendingWatch(pulumi.ComponentResource):
    """Cost anomaly detection: a monitor of the stack's tag, and who is told."""

    def __init__(
        self, name: str, args: SpendingWatchArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:SpendingWatch", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        monitor = aws.costexplorer.AnomalyMonitor(
            f"{name}-monitor",
            name=f"r1-{args.stack}",
            monitor_type="CUSTOM",
            monitor_specification=json.dumps(spending_of(args.stack)),
            tags=tagged({}, f"{name}-monitor"),
            opts=within,
        )
        aws.costexplorer.AnomalySubscription(
            f"{name}-told",
            name=f"r1-{args.stack}",
            # SNS takes no digest.
            frequency="IMMEDIATE",
            monitor_arn_lists=[monitor.arn],
            subscribers=[{"type": "SNS", "address": args.topic}],
            threshold_expression={
                "dimension": {
                    "key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                    "match_options": ["GREATER_THAN_OR_EQUAL"],
                    "values": [f"{args.usd:g}"],
                }
            },
            tags=tagged({}, f"{name}-told"),
            opts=within,
        )
        self.register_outputs({})
