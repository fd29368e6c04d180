"""Amazon Managed Service for Prometheus: what is scraped, kept, watched for and told."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.names import tagged


@dataclass(frozen=True, kw_only=True)
class ManagedPrometheusArgs:
    """Inputs of `ManagedPrometheus`.

    Attributes:
        called: Alias of workspace and collector in the account.
        retention_days: For how long metrics are kept.
        rules: Text of the rules' file.
        alerts: Text of the alert manager's definition, or None where nobody is told.
        scrapes: Text of the collector's configuration.
        cluster_arn: Whose pods and nodes are scraped.
        subnet_ids: Where the collector has an interface each, in two zones at least.
        security_group_id: Of the interfaces: the cluster's own, which lets itself in.
        protected: Whether Pulumi refuses to delete the history.
    """

    called: str
    retention_days: int
    rules: str
    alerts: str | None
    scrapes: str
    cluster_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    protected: bool


class ManagedPrometheus(pulumi.ComponentResource):
    """A workspace, and the collector that scrapes the cluster into it from outside of it.

    AWS itself lets the collector into a cluster that knows access entries, with its
    AmazonPrometheusScraperPolicy; EKS refuses one that is declared, since its principal is a
    service-linked role (three public programs for Terraform, 2026-11).
    """

    workspace_arn: pulumi.Output[str]
    """For the rights of whoever reads it."""
    endpoint: pulumi.Output[str]
    """Base of the address that answers Prometheus' queries."""

    def __init__(
        self, name: str, args: ManagedPrometheusArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ManagedPrometheus", name, None, opts)
        within = pulumi.ResourceOptions(parent=self)
        workspace = aws.amp.Workspace(
            f"{name}-workspace",
            alias=args.called,
            # Not the stack's key: into a workspace with one a collector writes by a role of its
            # own alone (user guide, AMP-collector-how-to, 2026-11).
            tags=tagged({}, f"{name}-workspace"),
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(protect=args.protected)
            ),
        )
        aws.amp.WorkspaceConfiguration(
            f"{name}-retention",
            workspace_id=workspace.id,
            retention_period_in_days=args.retention_days,
            opts=within,
        )
        aws.amp.RuleGroupNamespace(
            f"{name}-rules",
            name="r1",
            workspace_id=workspace.id,
            data=args.rules,
            tags=tagged({}, f"{name}-rules"),
            opts=within,
        )
        if args.alerts is not None:
            aws.amp.AlertManagerDefinition(
                f"{name}-alerts", workspace_id=workspace.id, definition=args.alerts, opts=within
            )
        aws.amp.Scraper(
            f"{name}-scraper",
            alias=args.called,
            source={
                "eks": {
                    "cluster_arn": args.cluster_arn,
                    "subnet_ids": args.subnet_ids,
                    "security_group_ids": [args.security_group_id],
                }
            },
            destination={"amp": {"workspace_arn": workspace.arn}},
            scrape_configuration=args.scrapes,
            tags=tagged({}, f"{name}-scraper"),
            opts=within,
        )
        self.workspace_arn = workspace.arn
        self.endpoint = workspace.prometheus_endpoint
        self.register_outputs({"workspace_arn": self.workspace_arn, "endpoint": self.endpoint})
