"""The pod of the gateway: Nginx, and its exporter where metrics are asked for."""

from collections.abc import Sequence
from typing import Any

import pulumi

from r1_on_eks.catalog.images import NGINX, NGINX_EXPORTER
from r1_on_eks.plan.gateway import LISTEN_PORT, PRE_STOP_SECONDS, GatewayPlan
from r1_on_eks.plan.nginx import SCRIPT
from r1_on_eks.plan.nginx.locations import DRAINING, STATUS_PATH
from r1_on_eks.plan.nginx.process import FOLDER, SERVER_KEY_FOLDER, TLS_FOLDER
from r1_on_eks.plan.restricted import CONTAINER, run_as
from r1_on_eks.plan.traffic import GATEWAY_PODS, NGINX_METRICS_PORT

CONFIGURATION = "nginx.conf"
_USER = 101  # nginx-unprivileged's own
_SPREAD_OVER = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")


def pod_spec(
    gateway: GatewayPlan, configuration: pulumi.Input[str], server_key_secret: pulumi.Input[str]
) -> Any:
    """`spec` of a pod.

    Args:
        gateway: What is decided of the gateway.
        configuration: ConfigMap with its files.
        server_key_secret: Secret with the header that opens the model servers.
    """
    secrets: dict[str, pulumi.Input[str]] = {"server-key": server_key_secret}
    if gateway.tls_secret:
        secrets["tls"] = gateway.tls_secret
    return {
        "automount_service_account_token": False,
        "enable_service_links": False,
        # nginx ends when its last answer has.
        "termination_grace_period_seconds": gateway.grace_seconds,
        "topology_spread_constraints": [_spread(key) for key in _SPREAD_OVER],
        "security_context": run_as(_USER, fs_group=_USER),
        "containers": [
            _container(gateway, _mounts(list(secrets))),
            *([_exporter(gateway.status_port)] if gateway.status_port else ()),
        ],
        "volumes": [
            {"name": "configuration", "config_map": {"name": configuration}},
            {"name": "temporary", "empty_dir": {}},
            *(
                {"name": name, "secret": {"secret_name": secret, "default_mode": 0o440}}
                for name, secret in secrets.items()
            ),
        ],
    }


def _mounts(secrets: Sequence[str]) -> list[Any]:
    folders = {"server-key": SERVER_KEY_FOLDER, "tls": TLS_FOLDER}
    return [
        *(
            {
                "name": "configuration",
                "mount_path": f"{FOLDER}/{file}",
                "sub_path": file,
                "read_only": True,
            }
            for file in (CONFIGURATION, SCRIPT)
        ),
        {"name": "temporary", "mount_path": "/tmp"},
        *({"name": one, "mount_path": folders[one], "read_only": True} for one in secrets),
    ]


def _spread(key: str) -> Any:
    return {
        "max_skew": 1,
        "topology_key": key,
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": GATEWAY_PODS},
    }


def _probe(gateway: GatewayPlan, path: str) -> Any:
    return {
        "http_get": {"path": path, "port": LISTEN_PORT, "scheme": gateway.scheme.upper()},
        "timeout_seconds": 5,
    }


def _container(gateway: GatewayPlan, mounts: Sequence[Any]) -> Any:
    return {
        "name": "nginx",
        "image": NGINX,
        "ports": [
            {"name": gateway.scheme, "container_port": LISTEN_PORT},
            *(
                [{"name": "answers", "container_port": gateway.metrics_port}]
                if gateway.metrics_port
                else ()
            ),
        ],
        # Not what tells the load balancer to look away: until it has, kube-proxy must send on to a
        # pod that ends, and does so as long as it is ready (KEP-1669).
        "readiness_probe": {**_probe(gateway, "/livez"), "period_seconds": 5},
        "liveness_probe": {
            **_probe(gateway, "/livez"),
            "period_seconds": 10,
            "failure_threshold": 6,
        },
        # The load balancer's check fails from here on, and it sends no one new; then SIGQUIT (the
        # image's stop signal) lets answers end.
        "lifecycle": {
            "pre_stop": {
                "exec": {"command": ["sh", "-c", f"touch {DRAINING}; sleep {PRE_STOP_SECONDS}"]}
            }
        },
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            # A stream holds 35 KiB, and where its body chose the model up to thrice that body.
            "limits": {"memory": "2Gi"},
        },
        "security_context": CONTAINER,
        "volume_mounts": list(mounts),
    }


def _exporter(status_port: int) -> Any:
    """Tells Prometheus what nginx tells of itself; the gateway serves without it, too."""
    return {
        "name": "exporter",
        "image": NGINX_EXPORTER,
        "args": [
            f"--nginx.scrape-uri=http://127.0.0.1:{status_port}{STATUS_PATH}",
            f"--web.listen-address=:{NGINX_METRICS_PORT}",
        ],
        "ports": [{"name": "metrics", "container_port": NGINX_METRICS_PORT}],
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"memory": "64Mi"},
        },
        "security_context": CONTAINER,
    }
