"""AWS's own detection of unusual costs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.names import tagged


@dataclass(frozen=True, kw_only=True)
class CostAnomaliesArgs:
    """Inputs of `CostAnomalies`.

    Attributes:
        called: Name of monitor and subscription in the account.
        watched: Which costs, as Cost Explorer's expression.
        told_from: Which anomalies are told.
        topic: ARN of the SNS topic that is told; its policy lets costalerts.amazonaws.com publish.
    """

    called: str
    watched: Mapping[str, Any]
    told_from: Mapping[str, Any]
    topic: str


class CostAnomalies(pulumi.ComponentResource):
    """A monitor of the stack's costs, and a subscription of one SNS topic to it.

    A monitor by tag is made in the account that pays alone: in a member of an organization AWS
    refuses it.
    """

    def __init__(
        self, name: str, args: CostAnomaliesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:CostAnomalies", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        monitor = aws.costexplorer.AnomalyMonitor(
            f"{name}-monitor",
            name=args.called,
            # An account may have one that watches each service, which may be there already.
            monitor_type="CUSTOM",
            monitor_specification=json.dumps(args.watched),
            tags=tagged({}, f"{name}-monitor"),
            opts=within,
        )
        aws.costexplorer.AnomalySubscription(
            f"{name}-subscription",
            name=args.called,
            # The one that SNS takes; days and weeks are for e-mail.
            frequency="IMMEDIATE",
            monitor_arn_lists=[monitor.arn],
            subscribers=[{"type": "SNS", "address": args.topic}],
            threshold_expression=args.told_from,  # type: ignore[arg-type]  # a plain mapping
            tags=tagged({}, f"{name}-subscription"),
            opts=within,
        )
        self.register_outputs({})
