"""Metrics in Amazon Managed Service for Prometheus."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.names import tagged


@dataclass(frozen=True, kw_only=True)
class ManagedMetricsArgs:
    """Inputs of `ManagedMetrics`.

    Attributes:
        stack: Name of workspace and collector.
        cluster_arn: The cluster that is collected from.
        subnet_ids: Subnets in which the collector gets its addresses, in two zones or more.
        security_group_id: Group of the nodes, so that they take its connections.
        key_arn: Key that encrypts the metrics.
        retention_days: For how long they are kept.
        collector: Text of the collector's configuration.
        rule_groups: Groups of rules.
        alertmanager: Text of the alert manager's definition; None where nobody is told.
        after: What has to stand before anything is collected.
    """

    stack: str
    cluster_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    retention_days: int
    collector: str
    rule_groups: Sequence[Mapping[str, Any]]
    alertmanager: str | None
    after: Sequence[pulumi.Resource]


class ManagedMetrics(pulumi.ComponentResource):
    """A workspace, a collector that asks the cluster's pods, rules and their alert manager."""

    endpoint: pulumi.Output[str]
    """Where queries go, signed; for Grafana."""

    def __init__(
        self, name: str, args: ManagedMetricsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ManagedMetrics", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        workspace = aws.amp.Workspace(
            f"{name}-workspace",
            alias=args.stack,
            kms_key_arn=args.key_arn,
            tags=tagged({}, f"{name}-workspace"),
            opts=within,
        )
        aws.amp.WorkspaceConfiguration(
            f"{name}-retention",
            workspace_id=workspace.id,
            retention_period_in_days=args.retention_days,
            opts=within,
        )
        # JSON is YAML, which it takes.
        aws.amp.RuleGroupNamespace(
            f"{name}-rules",
            name="r1",
            workspace_id=workspace.id,
            data=json.dumps({"groups": list(args.rule_groups)}),
            tags=tagged({}, f"{name}-rules"),
            opts=within,
        )
        if args.alertmanager is not None:
            aws.amp.AlertManagerDefinition(
                f"{name}-alerts",
                workspace_id=workspace.id,
                definition=args.alertmanager,
                opts=within,
            )
        # AWS gives it an access entry of its own, which goes with the cluster.
        aws.amp.Scraper(
            f"{name}-collector",
            alias=args.stack,
            source={
                "eks": {
                    "cluster_arn": args.cluster_arn,
                    "subnet_ids": list(args.subnet_ids),
                    "security_group_ids": [args.security_group_id],
                }
            },
            destination={"amp": {"workspace_arn": workspace.arn}},
            scrape_configuration=args.collector,
            tags=tagged({}, f"{name}-collector"),
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(depends_on=list(args.after))
            ),
        )
        self.endpoint = workspace.prometheus_endpoint
        self.register_outputs({"endpoint": self.endpoint})
