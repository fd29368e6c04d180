"""What tells of a node itself."""

from typing import Any

from r1_on_eks.catalog.images import NODE_EXPORTER
from r1_on_eks.plan.monitoring.pods import NOBODY, probe
from r1_on_eks.plan.monitoring.policies import NODE_EXPORTER_PORT
from r1_on_eks.plan.restricted import CONTAINER, run_as


def node_pod() -> Any:
    """`spec` of its pods."""
    folders = {"proc": "/proc", "sys": "/sys", "root": "/"}
    # Of the pod's own network there is nothing to tell, and it gets no other.
    off = (
        "netdev",
        "netclass",
        "netstat",
        "sockstat",
        "softnet",
        "udp_queues",
        "arp",
        "conntrack",
    )
    return {
        "automount_service_account_token": False,
        "enable_service_links": False,
        # Every node is somebody's concern, whatever keeps other pods off it.
        "tolerations": [{"operator": "Exists"}],
        "security_context": run_as(NOBODY, run_as_group=NOBODY),
        "containers": [
            {
                "name": "exporter",
                "image": NODE_EXPORTER,
                "args": [
                    "--path.procfs=/host/proc",
                    "--path.sysfs=/host/sys",
                    "--path.rootfs=/host/root",
                    f"--web.listen-address=:{NODE_EXPORTER_PORT}",
                    "--collector.filesystem.mount-points-exclude="
                    "^/(dev|proc|run|sys|var/lib/(containerd|kubelet))($|/)",
                    *(f"--no-collector.{one}" for one in off),
                ],
                "ports": [{"name": "metrics", "container_port": NODE_EXPORTER_PORT}],
                "liveness_probe": probe("/", NODE_EXPORTER_PORT),
                "readiness_probe": probe("/", NODE_EXPORTER_PORT),
                "resources": {
                    "requests": {"cpu": "20m", "memory": "48Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "security_context": CONTAINER,
                "volume_mounts": [
                    {
                        "name": name,
                        "mount_path": f"/host/{name}",
                        "mount_propagation": "HostToContainer",
                        "read_only": True,
                    }
                    for name in folders
                ],
            }
        ],
        "volumes": [{"name": name, "host_path": {"path": path}} for name, path in folders.items()],
    }
