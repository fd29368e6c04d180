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
from r1_on_eks.plan.monitoring.pods import UNPRIVILEGED, probe, run_as
from r1_on_eks.plan.monitoring.policies import GRAFANA_PODS, GRAFANA_PORT
from r1_on_eks.plan.monitoring.provisioning import (
    DASHBOARDS_FOLDER,
    PROVISIONING_FOLDER,
    provisioning_files,
)

_NAME = GRAFANA_PODS["app.kubernetes.io/name"]
_PASSWORD = "password"
_USER = 472  # The image's own.


@dataclass(frozen=True, kw_only=True)
class GrafanaArgs:
    """Inputs of `Grafana`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Restricted namespace.
        dashboards: JSON by file name.
        after: Nodes for it.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
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
        files = {**provisioning_files(), **boards}
        maps = {
            called: kubernetes.core.v1.ConfigMap(
                f"{name}-{called}",
                metadata={"name": f"grafana-{called}", "namespace": args.namespace},
                data=content,
                opts=within,
            ).metadata.name
            for called, content in (("provisioning", provisioning_files()), ("dashboards", boards))
        }
        checksum = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
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
                    "spec": _pod(password.metadata.name, maps),
                },
            },
            opts=pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(depends_on=list(args.after))
            ),
        )
        self.register_outputs({})


def _pod(password: pulumi.Input[str], maps: Mapping[str, pulumi.Input[str]]) -> Any:
    secret = {"secret_key_ref": {"name": password, "key": _PASSWORD}}
    settings = {
        # Nothing leaves the cluster, and nobody comes in without the password.
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_PATHS_PROVISIONING": PROVISIONING_FOLDER,
    }
    return {
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
                "security_context": UNPRIVILEGED,
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
            for file in provisioning_files()
        ),
    ]
