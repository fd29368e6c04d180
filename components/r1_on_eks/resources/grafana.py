"""Where people look at metrics."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.api_keys import new_key
from r1_on_eks.catalog.images import GRAFANA
from r1_on_eks.plan.access import queries
from r1_on_eks.plan.monitoring.pods import probe
from r1_on_eks.plan.monitoring.policies import GRAFANA_PODS, GRAFANA_PORT
from r1_on_eks.plan.monitoring.provisioning import (
    ADDRESS_VARIABLE,
    DASHBOARDS_FOLDER,
    PROVISIONING_FILES,
    PROVISIONING_FOLDER,
    provisioning_files,
)
from r1_on_eks.plan.restricted import CONTAINER, run_as
from r1_on_eks.pod_rights import PodAccount, pod_rights

_NAME = GRAFANA_PODS["app.kubernetes.io/name"]
_PASSWORD = "password"
_USER = 472  # The image's own.


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A workspace of Amazon Managed Service for Prometheus.

    Attributes:
        arn: The workspace.
        endpoint: Where it answers.
        stack: Part of the name of the role that reads it.
        cluster_name: Whose pod has the role.
    """

    arn: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    stack: str
    cluster_name: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """Inputs of `Grafana`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Restricted namespace.
        source: Address and settings of what answers its queries (plan/monitoring/provisioning.py).
        workspace: What it reads with a role of its own; None where it needs none.
        dashboards: JSON by file name.
        after: Nodes for it.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    source: dict[str, Any]
    workspace: Workspace | None
    dashboards: Mapping[str, Mapping[str, Any]]
    after: Sequence[pulumi.Resource]


class Grafana(pulumi.ComponentResource):
    """Grafana with the stack's dashboards, reached by `kubectl port-forward` alone."""

    def __init__(
        self, name: str, args: GrafanaArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Grafana", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        password = kubernetes.core.v1.Secret(
            f"{name}-admin",
            metadata={"name": "grafana-admin", "namespace": args.namespace},
            data=pulumi.Output.secret({_PASSWORD: b64encode(new_key().encode()).decode()}),
            # Made once: every later run draws another, which is not looked at.
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(ignore_changes=["data"])
            ),
        )
        boards = {file: json.dumps(board) for file, board in args.dashboards.items()}
        provisioned = provisioning_files(args.source)
        maps = {
            called: kubernetes.core.v1.ConfigMap(
                f"{name}-{called}",
                metadata={"name": f"grafana-{called}", "namespace": args.namespace},
                data=content,
                opts=within,
            ).metadata.name
            for called, content in (("provisioning", provisioned), ("dashboards", boards))
        }
        checksum = _checksum({**provisioned, **boards})
        rights = _reads(name, args, args.workspace, self) if args.workspace else []
        kubernetes.apps.v1.Deployment(
            f"{name}-server",
            metadata={"name": _NAME, "namespace": args.namespace},
            spec={
                "replicas": 1,
                "selector": {"match_labels": GRAFANA_PODS},
                "template": {
                    "metadata": {
                        "labels": GRAFANA_PODS,
                        "annotations": {"r1-on-eks/configuration": checksum},
                    },
                    "spec": _pod(password.metadata.name, maps, args.workspace),
                },
            },
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(depends_on=[*rights, *args.after])
            ),
        )
        self.register_outputs({})


def _checksum(files: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _reads(
    name: str, args: GrafanaArgs, workspace: Workspace, component: pulumi.Resource
) -> list[pulumi.Resource]:
    """The account of its pod, with the right to query one workspace."""
    account = PodAccount(
        stack=workspace.stack,
        cluster_name=workspace.cluster_name,
        namespace=args.namespace,
        name=_NAME,
    )
    within = pulumi.ResourceOptions(parent=component)
    return [
        *pod_rights(name, account, "queries", queries(workspace.arn), within).both,
        kubernetes.core.v1.ServiceAccount(
            f"{name}-account",
            metadata={"name": _NAME, "namespace": args.namespace},
            automount_service_account_token=False,
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(deleted_with=args.cluster)
            ),
        ),
    ]


def _pod(
    password: pulumi.Input[str],
    maps: Mapping[str, pulumi.Input[str]],
    workspace: Workspace | None,
) -> Any:
    secret = {"secret_key_ref": {"name": password, "key": _PASSWORD}}
    settings: dict[str, pulumi.Input[str]] = {
        # Nothing leaves the cluster, and nobody comes in without the password.
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_PATHS_PROVISIONING": PROVISIONING_FOLDER,
    }
    if workspace:
        # Without the first, its data source signs nothing.
        settings["GF_AUTH_SIGV4_AUTH_ENABLED"] = "true"
        settings[ADDRESS_VARIABLE] = workspace.endpoint
    return {
        **({"service_account_name": _NAME} if workspace else {}),
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": run_as(_USER, fs_group=_USER),
        "containers": [
            {
                "name": "grafana",
                "image": GRAFANA,
                "env": [
                    *({"name": key, "value": value} for key, value in settings.items()),
                    {"name": "GF_SECURITY_ADMIN_PASSWORD", "value_from": secret},
                ],
                "ports": [{"name": "http", "container_port": GRAFANA_PORT}],
                "liveness_probe": probe("/api/health", GRAFANA_PORT, failures=12),
                "readiness_probe": probe("/api/health", GRAFANA_PORT),
                "resources": {
                    "requests": {"cpu": "50m", "memory": "192Mi"},
                    "limits": {"memory": "512Mi"},
                },
                "security_context": CONTAINER,
                "volume_mounts": [*_mounts()],
            }
        ],
        "volumes": [
            {"name": "state", "empty_dir": {}},
            {"name": "temporary", "empty_dir": {}},
            *({"name": called, "config_map": {"name": maps[called]}} for called in maps),
        ],
    }


def _mounts() -> list[Any]:
    return [
        {"name": "state", "mount_path": "/var/lib/grafana"},
        {"name": "temporary", "mount_path": "/tmp"},
        {"name": "dashboards", "mount_path": DASHBOARDS_FOLDER, "read_only": True},
        *(
            {
                "name": "provisioning",
                "mount_path": f"{PROVISIONING_FOLDER}/{file.replace('.', '/', 1)}",
                "sub_path": file,
                "read_only": True,
            }
            for file in PROVISIONING_FILES
        ),
    ]
