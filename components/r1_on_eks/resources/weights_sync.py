"""The Job that brings weights into the bucket, and the right to write there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import PYTHON_WITH_BOTO3
from r1_on_eks.plan import restricted
from r1_on_eks.plan.access import fills_bucket
from r1_on_eks.plan.sync import BOTO3_FOLDER, PACKAGE, SYNC_ACCOUNT, SYNC_PODS, Sync, sync_code
from r1_on_eks.pod_rights import PodAccount, pod_rights

_CODE = "/code"
# A pod that ends goes on where the one before it was; the hub may be away for an hour.
_PODS = 12


@dataclass(frozen=True, kw_only=True)
class WeightsSyncArgs:
    """Inputs of `WeightsSync`.

    Attributes:
        stack: Part of the role's name.
        cluster: The cluster that its objects vanish with.
        cluster_name: Its name.
        namespace: Kubernetes namespace of the Job.
        sync: What it brings, and for how long.
        tags: What role and association carry.
        after: What its pod needs: nodes without GPUs.
    """

    stack: str
    cluster: pulumi.Resource
    cluster_name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    sync: Sync
    tags: Mapping[str, str]
    after: Sequence[pulumi.Resource]


class WeightsSync(pulumi.ComponentResource):
    """Weights that are in the bucket, complete and verified, before anything reads them."""

    job_name: pulumi.Output[str]
    """Known once the Job has succeeded."""

    def __init__(
        self, name: str, args: WeightsSyncArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:WeightsSync", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        metadata: Any = {"name": SYNC_ACCOUNT, "namespace": args.namespace}
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata, opts=within
        )
        code = kubernetes.core.v1.ConfigMap(
            f"{name}-code", metadata=metadata, data=sync_code(), opts=within
        )
        rights = _rights(name, args, pulumi.ResourceOptions(parent=self))
        wait, sync = args.sync.wait, args.sync
        job = kubernetes.batch.v1.Job(
            f"{name}-job",
            metadata={"name": sync.name, "namespace": args.namespace, "labels": SYNC_PODS},
            spec={
                "backoff_limit": _PODS,
                "active_deadline_seconds": sync.limit_seconds,
                # It stays, finished: one that vanished would be run again at every `up`.
                "template": {
                    "metadata": {"labels": SYNC_PODS},
                    "spec": _pod(sync, account.metadata.name, code.metadata.name),
                },
            },
            opts=pulumi.ResourceOptions.merge(
                within,
                pulumi.ResourceOptions(
                    depends_on=[*rights, *args.after],
                    custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait),
                ),
            ),
        )
        self.job_name = job.metadata.name
        self.register_outputs({"job_name": self.job_name})


def _rights(
    name: str, args: WeightsSyncArgs, within: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    account = PodAccount(
        stack=args.stack,
        cluster_name=args.cluster_name,
        namespace=args.namespace,
        name=SYNC_ACCOUNT,
        tags=args.tags,
    )
    policy = fills_bucket(args.sync.bucket, args.sync.other_bucket)
    return pod_rights(name, account, "bucket", policy, within).both


def _pod(sync: Sync, account: pulumi.Input[str], code: pulumi.Input[str]) -> Any:
    environment = {
        "R1_WEIGHTS": sync.wanted,
        "PYTHONPATH": f"{_CODE}:{BOTO3_FOLDER}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/tmp",
    }
    return {
        "restart_policy": "Never",
        "service_account_name": account,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": restricted.POD,
        "containers": [
            {
                "name": "sync",
                "image": PYTHON_WITH_BOTO3,
                "command": ["python3", "-m", f"{PACKAGE.replace('/', '.')}.job"],
                "env": [{"name": key, "value": value} for key, value in environment.items()],
                "resources": {
                    "requests": {"cpu": "500m", "memory": "1Gi"},
                    "limits": {"memory": "2Gi"},
                },
                # `r1 status` shows what it said last.
                "termination_message_policy": "FallbackToLogsOnError",
                "security_context": restricted.CONTAINER,
                "volume_mounts": [{"name": "code", "mount_path": _CODE, "read_only": True}],
            }
        ],
        "volumes": [
            {
                "name": "code",
                "config_map": {
                    "name": code,
                    "items": [{"key": file, "path": f"{PACKAGE}/{file}"} for file in sync_code()],
                },
            }
        ],
    }
