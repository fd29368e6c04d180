"""Who tells people of alerts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import ALERTMANAGER
from r1_on_eks.plan.access import tells
from r1_on_eks.plan.monitoring.notifying import WEBHOOK_FOLDER
from r1_on_eks.plan.monitoring.objects import ALERTMANAGER_NAME, alertmanager_ports
from r1_on_eks.plan.monitoring.pods import NOBODY, probe
from r1_on_eks.plan.monitoring.policies import ALERTMANAGER_PODS, ALERTMANAGER_PORT
from r1_on_eks.plan.restricted import CONTAINER, run_as
from r1_on_eks.pod_rights import PodAccount, pod_rights

_FOLDER, _FILE = "/etc/alertmanager/config", "alertmanager.yml"
_STATE = "/alertmanager"


@dataclass(frozen=True, kw_only=True)
class AlertmanagerArgs:
    """Inputs of `Alertmanager`.

    Attributes:
        stack: Part of its role's name.
        cluster: The cluster that its objects vanish with.
        cluster_name: Whose pod may publish.
        namespace: Restricted namespace.
        configuration: Text of its configuration.
        topic: ARN of the SNS topic that it tells, or None.
        webhook_secret: Secret with the address that it tells, or None.
        after: Nodes for it.
    """

    stack: str
    cluster: pulumi.Resource
    cluster_name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    configuration: str
    topic: str | None
    webhook_secret: str | None
    after: Sequence[pulumi.Resource]


class Alertmanager(pulumi.ComponentResource):
    """Alertmanager, with the right to publish to one SNS topic where there is one."""

    def __init__(
        self, name: str, args: AlertmanagerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Alertmanager", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        metadata: Any = {"name": ALERTMANAGER_NAME, "namespace": args.namespace}
        rights = _publishes(name, args, args.topic, self) if args.topic else []
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata=metadata,
            automount_service_account_token=False,
            opts=within,
        )
        configuration = kubernetes.core.v1.ConfigMap(
            f"{name}-configuration",
            metadata=metadata,
            data={_FILE: args.configuration},
            opts=within,
        )
        checksum = hashlib.sha256(args.configuration.encode()).hexdigest()
        deployment = kubernetes.apps.v1.Deployment(
            f"{name}-server",
            metadata=metadata,
            spec={
                "replicas": 1,
                "selector": {"match_labels": ALERTMANAGER_PODS},
                "template": {
                    "metadata": {
                        "labels": ALERTMANAGER_PODS,
                        "annotations": {"r1-on-eks/configuration": checksum},
                    },
                    "spec": _pod(args, account.metadata.name, configuration.metadata.name),
                },
            },
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(depends_on=[*rights, *args.after])
            ),
        )
        kubernetes.core.v1.Service(
            f"{name}-service",
            metadata=metadata | {"labels": ALERTMANAGER_PODS},
            spec={"selector": ALERTMANAGER_PODS, "ports": alertmanager_ports()},
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(depends_on=[deployment])
            ),
        )
        self.register_outputs({})


def _publishes(
    name: str, args: AlertmanagerArgs, topic: str, component: pulumi.Resource
) -> list[pulumi.Resource]:
    account = PodAccount(
        stack=args.stack,
        cluster_name=args.cluster_name,
        namespace=args.namespace,
        name=ALERTMANAGER_NAME,
    )
    within = pulumi.ResourceOptions(parent=component)
    return pod_rights(name, account, "topic", tells(topic), within).both


def _pod(
    args: AlertmanagerArgs, account: pulumi.Input[str], configuration: pulumi.Input[str]
) -> Any:
    volumes: list[Any] = [
        {"name": "configuration", "config_map": {"name": configuration}},
        # Silences and what was told: lost with the pod, after which a thing is told again.
        {"name": "state", "empty_dir": {}},
    ]
    mounts = [
        {"name": "configuration", "mount_path": _FOLDER, "read_only": True},
        {"name": "state", "mount_path": _STATE},
    ]
    if args.webhook_secret:
        volumes.append({"name": "webhook", "secret": {"secret_name": args.webhook_secret}})
        mounts.append({"name": "webhook", "mount_path": WEBHOOK_FOLDER, "read_only": True})
    return {
        "service_account_name": account,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": run_as(NOBODY, fs_group=NOBODY),
        "containers": [
            {
                "name": "alertmanager",
                "image": ALERTMANAGER,
                "args": [
                    f"--config.file={_FOLDER}/{_FILE}",
                    f"--storage.path={_STATE}",
                    # One alone has nobody to agree with.
                    "--cluster.listen-address=",
                ],
                "ports": [{"name": "web", "container_port": ALERTMANAGER_PORT}],
                "liveness_probe": probe("/-/healthy", ALERTMANAGER_PORT, failures=6),
                "readiness_probe": probe("/-/ready", ALERTMANAGER_PORT),
                "resources": {
                    "requests": {"cpu": "10m", "memory": "48Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "security_context": CONTAINER,
                "volume_mounts": mounts,
            }
        ],
        "volumes": volumes,
    }
