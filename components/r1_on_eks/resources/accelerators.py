"""What makes GPUs visible to the scheduler."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import DEVICE_PLUGIN
from r1_on_eks.plan.names import GPU_LABEL, GPU_TAINT


@dataclass(frozen=True, kw_only=True)
class AcceleratorsArgs:
    """Inputs of `Accelerators`.

    Attributes:
        cluster: The cluster that its object vanishes with.
    """

    cluster: pulumi.Resource


class Accelerators(pulumi.ComponentResource):
    """NVIDIA's device plugin on every GPU node; once per cluster."""

    def __init__(
        self, name: str, args: AcceleratorsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Accelerators", name, None, opts)
        labels = {"app.kubernetes.io/name": "nvidia-device-plugin"}
        kubernetes.apps.v1.DaemonSet(
            f"{name}-device-plugin",
            metadata={"name": "nvidia-device-plugin", "namespace": "kube-system"},
            spec={
                "selector": {"match_labels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _pod()},
            },
            opts=pulumi.ResourceOptions(parent=self, deleted_with=args.cluster),
        )
        self.register_outputs({})


def _pod() -> kubernetes.core.v1.PodSpecArgsDict:
    return {
        "priority_class_name": "system-node-critical",
        "automount_service_account_token": False,
        "security_context": {"seccomp_profile": {"type": "RuntimeDefault"}},
        "affinity": {"node_affinity": _on_gpu_nodes()},
        "tolerations": [{"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}],
        "containers": [
            {
                "name": "device-plugin",
                "image": DEVICE_PLUGIN,
                "env": [
                    {"name": "FAIL_ON_INIT_ERROR", "value": "false"},
                    # Else it mounts InfiniBand devices, which the EFA plugin owns.
                    {"name": "MOFED_ENABLED", "value": "false"},
                ],
                "security_context": {
                    "allow_privilege_escalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {"cpu": "50m", "memory": "64Mi"},
                    "limits": {"memory": "256Mi"},
                },
                "volume_mounts": [
                    {"name": "device-plugins", "mount_path": "/var/lib/kubelet/device-plugins"}
                ],
            }
        ],
        "volumes": [
            {
                "name": "device-plugins",
                "host_path": {"path": "/var/lib/kubelet/device-plugins"},
            }
        ],
    }


def _on_gpu_nodes() -> kubernetes.core.v1.NodeAffinityArgsDict:
    return {
        "required_during_scheduling_ignored_during_execution": {
            "node_selector_terms": [
                {"match_expressions": [{"key": GPU_LABEL, "operator": "Exists"}]}
            ]
        }
    }
