"""The Job that fills the file system with the weights of one variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import NGINX
from r1_on_eks.plan import restricted
from r1_on_eks.plan.names import VARIANT_LABEL
from r1_on_eks.plan.preload import WRONG_CONTENT, Preload
from r1_on_eks.plan.server import MOUNT


@dataclass(frozen=True, kw_only=True)
class WeightsPreloadArgs:
    """Inputs of `WeightsPreload`.

    Attributes:
        cluster: The cluster that the Job vanishes with.
        namespace: Kubernetes namespace of claim and Job.
        claim_name: Claim of the file system.
        variant: The word of labels.
        preload: What it runs, and for how long.
        after: What its pod needs: nodes without GPUs, and the file system's driver on them.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    claim_name: pulumi.Input[str]
    variant: str
    preload: Preload
    after: Sequence[pulumi.Resource]


class WeightsPreload(pulumi.ComponentResource):
    """Weights that are on the file system before a GPU is paid for."""

    job_name: pulumi.Output[str]
    """Known once the Job has succeeded."""

    def __init__(
        self, name: str, args: WeightsPreloadArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:WeightsPreload", name, None, opts)
        preload = args.preload
        labels = {"app.kubernetes.io/name": "preload", VARIANT_LABEL: args.variant}
        job = kubernetes.batch.v1.Job(
            f"{name}-job",
            metadata={"name": preload.name, "namespace": args.namespace, "labels": labels},
            spec=_spec(args, labels),
            opts=pulumi.ResourceOptions(
                parent=self,
                deleted_with=args.cluster,
                depends_on=list(args.after),
                custom_timeouts=pulumi.CustomTimeouts(create=preload.wait, update=preload.wait),
            ),
        )
        self.job_name = job.metadata.name
        self.register_outputs({"job_name": self.job_name})


def _spec(args: WeightsPreloadArgs, labels: dict[str, str]) -> Any:
    preload = args.preload
    return {
        "backoff_limit": 3,
        **(_NOT_AGAIN if preload.hashed else {}),
        "active_deadline_seconds": preload.limit_seconds,
        # It stays, finished: one that vanished would be run again at every `up`.
        "template": {"metadata": {"labels": labels}, "spec": _pod(args)},
    }


# What differs from the manifest does so at the next try: the Job has failed at once.
_NOT_AGAIN: Any = {
    "pod_failure_policy": {
        "rules": [
            {
                "action": "FailJob",
                "on_exit_codes": {
                    "container_name": "preload",
                    "operator": "In",
                    "values": [WRONG_CONTENT],
                },
            }
        ]
    }
}


def _pod(args: WeightsPreloadArgs) -> Any:
    return {
        "restart_policy": "Never",
        "automount_service_account_token": False,
        "enable_service_links": False,
        # Files that FSx imports are readable to all.
        "security_context": restricted.POD,
        "containers": [
            {
                "name": "preload",
                # The gateway's image, which these nodes have: of it, what Debian always has.
                "image": NGINX,
                "command": ["sh", "-c", args.preload.script],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "128Mi"},
                    "limits": {"memory": "512Mi"},
                },
                # `r1 status` shows what it said last.
                "termination_message_policy": "FallbackToLogsOnError",
                "security_context": restricted.CONTAINER,
                "volume_mounts": [{"name": "weights", "mount_path": MOUNT, "read_only": True}],
            }
        ],
        "volumes": [
            {"name": "weights", "persistent_volume_claim": {"claim_name": args.claim_name}}
        ],
    }
