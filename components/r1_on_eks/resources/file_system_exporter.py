"""What CloudWatch tells of the file system, for Prometheus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import CLOUDWATCH_EXPORTER
from r1_on_eks.plan.access import reads_metrics
from r1_on_eks.plan.monitoring.cloudwatch import CLOUDWATCH_ACCOUNT, cloudwatch_queries
from r1_on_eks.plan.monitoring.pods import NOBODY, probe
from r1_on_eks.plan.monitoring.policies import CLOUDWATCH_PODS, CLOUDWATCH_PORT
from r1_on_eks.plan.monitoring.storage_alerts import FSX_PERIOD_SECONDS
from r1_on_eks.plan.restricted import CONTAINER, run_as
from r1_on_eks.pod_rights import PodAccount, pod_rights

_FOLDER, _FILE = "/etc/queries", "queries.json"


@dataclass(frozen=True, kw_only=True)
class FileSystemExporterArgs:
    """Inputs of `FileSystemExporter`.

    Attributes:
        stack: Part of its role's name.
        cluster: The cluster that its objects vanish with.
        cluster_name: Whose pods may ask.
        namespace: Restricted namespace.
        region: Where the file system is.
        file_system_id: The file system.
        after: Nodes for it.
    """

    stack: str
    cluster: pulumi.Resource
    cluster_name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    region: str
    file_system_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource]


class FileSystemExporter(pulumi.ComponentResource):
    """Asks CloudWatch every five minutes how full and how busy the file system is."""

    def __init__(
        self, name: str, args: FileSystemExporterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:FileSystemExporter", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        taker = PodAccount(
            stack=args.stack,
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            name=CLOUDWATCH_ACCOUNT,
        )
        rights = pod_rights(
            name, taker, "figures", reads_metrics(), pulumi.ResourceOptions(parent=self)
        )
        metadata: Any = {"name": CLOUDWATCH_ACCOUNT, "namespace": args.namespace}
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=metadata,
            automount_service_account_token=False,
            opts=inside,
        )
        queries = kubernetes.core.v1.ConfigMap(
            f"{name}-queries",
            metadata=metadata,
            data={_FILE: pulumi.Output.json_dumps(
                cloudwatch_queries(args.region, args.file_system_id))},
            opts=inside,
        )  # fmt: skip
        kubernetes.apps.v1.Deployment(
            f"{name}-exporter",
            metadata=metadata,
            spec={
                "replicas": 1,
                "selector": {"match_labels": CLOUDWATCH_PODS},
                "template": {
                    "metadata": {"labels": CLOUDWATCH_PODS},
                    "spec": _pod(account.metadata.name, queries.metadata.name),
                },
            },
            opts=pulumi.ResourceOptions.merge(
                inside, pulumi.ResourceOptions(depends_on=[*rights.both, *args.after])
            ),
        )
        self.register_outputs({})


def _pod(account: pulumi.Input[str], queries: pulumi.Input[str]) -> Any:
    return {
        "service_account_name": account,
        "automount_service_account_token": False,
        "security_context": run_as(NOBODY),
        "containers": [
            {
                "name": "exporter",
                "image": CLOUDWATCH_EXPORTER,
                # JSON is YAML, which it reads.
                # Asked once a period, whatever scrapes it.
                "args": [
                    f"--scraping-interval={FSX_PERIOD_SECONDS}",
                    f"--config.file={_FOLDER}/{_FILE}",
                    f"--listen-address=:{CLOUDWATCH_PORT}",
                ],
                "ports": [{"name": "metrics", "container_port": CLOUDWATCH_PORT}],
                "liveness_probe": probe("/", CLOUDWATCH_PORT, failures=6),
                "readiness_probe": probe("/", CLOUDWATCH_PORT),
                "resources": {
                    "requests": {"cpu": "10m", "memory": "48Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "security_context": CONTAINER,
                "volume_mounts": [{"name": "queries", "mount_path": _FOLDER, "read_only": True}],
            }
        ],
        "volumes": [{"name": "queries", "config_map": {"name": queries}}],
    }
