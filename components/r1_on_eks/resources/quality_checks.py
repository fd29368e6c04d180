"""The CronJobs that put questions with known answers to the models, and keep what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import PYTHON_WITH_BOTO3
from r1_on_eks.plan import restricted
from r1_on_eks.plan.names import SERVER_KEY, VARIANT_LABEL
from r1_on_eks.plan.quality import (
    CHECK_ACCOUNT,
    CHECK_PODS,
    CODE_FILE,
    FELL,
    HISTORY,
    SCRATCH,
    QualityCheck,
    check_code,
)

# `r1 status` tells the last line of a container that failed.
_TOLD_BY_STATUS = "FallbackToLogsOnError"
_CODE, _COMPARES = "/code", "compare"
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_SCRATCH_MOUNT: Any = {"name": "scratch", "mount_path": SCRATCH}


@dataclass(frozen=True, kw_only=True)
class QualityChecksArgs:
    """Inputs of `QualityChecks`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Kubernetes namespace.
        server_key_secret: Secret with the key that model servers ask for.
        checks: One for each variant that is asked.
        after: What its pods need: nodes without GPUs.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    server_key_secret: pulumi.Input[str]
    checks: Sequence[QualityCheck]
    after: Sequence[pulumi.Resource]


class QualityChecks(pulumi.ComponentResource):
    """One CronJob a variant, and one ConfigMap with the history of all."""

    history: pulumi.Output[str]
    """Name of that ConfigMap."""

    def __init__(
        self, name: str, args: QualityChecksArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:QualityChecks", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        code = kubernetes.core.v1.ConfigMap(
            f"{name}-code",
            metadata={"name": "quality-code", "namespace": args.namespace},
            data=check_code(),
            opts=within,
        )
        history = kubernetes.core.v1.ConfigMap(
            f"{name}-history",
            metadata={"name": HISTORY, "namespace": args.namespace},
            data={},
            # The checks write it.
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(ignore_changes=["data"])
            ),
        )
        right = _right(name, args, history.metadata.name, within)
        for check in args.checks:
            kubernetes.batch.v1.CronJob(
                f"{name}-{check.variant}",
                metadata={"name": check.name, "namespace": args.namespace},
                spec=_spec(check, args, code.metadata.name),
                opts=pulumi.ResourceOptions.merge(
                    within, pulumi.ResourceOptions(depends_on=[right, *args.after])
                ),
            )
        self.history = history.metadata.name
        self.register_outputs({"history": self.history})


def _right(
    name: str,
    args: QualityChecksArgs,
    history: pulumi.Output[str],
    within: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """To read and change that one ConfigMap, and nothing else."""
    metadata: Any = {"name": CHECK_ACCOUNT, "namespace": args.namespace}
    account = kubernetes.core.v1.ServiceAccount(f"{name}-account", metadata=metadata, opts=within)
    role = kubernetes.rbac.v1.Role(
        f"{name}-history",
        metadata=metadata,
        rules=[
            {
                "api_groups": [""],
                "resources": ["configmaps"],
                "resource_names": [history],
                "verbs": ["get", "patch"],
            }
        ],
        opts=within,
    )
    return kubernetes.rbac.v1.RoleBinding(
        f"{name}-history",
        metadata=metadata,
        role_ref={
            "api_group": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": role.metadata.name,
        },
        subjects=[
            {
                "kind": "ServiceAccount",
                "name": account.metadata.name,
                "namespace": args.namespace,
            }
        ],
        opts=within,
    )


def _spec(check: QualityCheck, args: QualityChecksArgs, code: pulumi.Input[str]) -> Any:
    labels = {**CHECK_PODS, VARIANT_LABEL: check.variant}
    return {
        "schedule": check.schedule,
        "time_zone": "Etc/UTC",
        "concurrency_policy": "Forbid",
        # What could not begin within an hour waits for the next time.
        "starting_deadline_seconds": 3600,
        "successful_jobs_history_limit": 1,
        "failed_jobs_history_limit": 1,
        "job_template": {
            "metadata": {"labels": labels},
            "spec": {
                # A node that is drained takes a check with it.
                "backoff_limit": 1,
                "active_deadline_seconds": check.limit_seconds,
                "pod_failure_policy": _FELL_ONCE,
                "template": {"metadata": {"labels": labels}, "spec": _pod(check, args, code)},
            },
        },
    }


# The alert tells by it what fell from what could not be measured (plan/monitoring).
_FELL_ONCE: Any = {
    "rules": [
        {
            "action": "FailJob",
            "on_exit_codes": {"container_name": _COMPARES, "operator": "In", "values": [FELL]},
        }
    ]
}


def _pod(check: QualityCheck, args: QualityChecksArgs, code: pulumi.Input[str]) -> Any:
    return {
        "restart_policy": "Never",
        "service_account_name": CHECK_ACCOUNT,
        # The container that compares alone has a token: the harness is a hundred packages.
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": restricted.POD_WITH_VOLUMES,
        "init_containers": [_asks(check, args)],
        "containers": [_compares(check)],
        "volumes": [
            {"name": "scratch", "empty_dir": {"size_limit": "2Gi"}},
            {"name": "code", "config_map": {"name": code}},
            {"name": "account", "projected": _TOKEN},
        ],
    }


# As Kubernetes mounts it by itself, but into one container.
_TOKEN: Any = {
    "sources": [
        {"service_account_token": {"path": "token", "expiration_seconds": 3600}},
        {
            "config_map": {
                "name": "kube-root-ca.crt",
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }
        },
    ]
}


def _asks(check: QualityCheck, args: QualityChecksArgs) -> Any:
    environment = {
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
        "HF_HOME": f"{SCRATCH}/huggingface",
        # What the image lacks is not looked for.
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TQDM_DISABLE": "1",
    }
    key = {"secret_key_ref": {"name": args.server_key_secret, "key": SERVER_KEY}}
    return {
        "name": "ask",
        "image": check.image,
        "command": ["sh", "-c", check.script],
        "termination_message_policy": _TOLD_BY_STATUS,
        "env": [
            *({"name": name, "value": value} for name, value in environment.items()),
            {"name": "OPENAI_API_KEY", "value_from": key},
        ],
        # It takes 280 MB to ask a handful of questions (lm-eval 0.4.13, measured 2026-11).
        "resources": {
            "requests": {"cpu": "250m", "memory": "512Mi"},
            "limits": {"memory": "1536Mi"},
        },
        "security_context": restricted.CONTAINER,
        "volume_mounts": [_SCRATCH_MOUNT],
    }


def _compares(check: QualityCheck) -> Any:
    return {
        "name": _COMPARES,
        # Of it, Python alone.
        "image": PYTHON_WITH_BOTO3,
        "command": ["python3", f"{_CODE}/{CODE_FILE}"],
        "termination_message_policy": _TOLD_BY_STATUS,
        "env": [
            {"name": "R1_QUALITY", "value": check.wanted},
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
        ],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": "256Mi"},
        },
        "security_context": restricted.CONTAINER,
        "volume_mounts": [
            {**_SCRATCH_MOUNT, "read_only": True},
            {"name": "code", "mount_path": _CODE, "read_only": True},
            {"name": "account", "mount_path": _ACCOUNT, "read_only": True},
        ],
    }
