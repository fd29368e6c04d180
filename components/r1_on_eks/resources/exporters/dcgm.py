"""NVIDIA's DCGM: what tells of GPUs."""

from typing import Any

import pulumi

from r1_on_eks.catalog.images import DCGM_EXPORTER
from r1_on_eks.plan.monitoring.pods import probe
from r1_on_eks.plan.monitoring.policies import DCGM_PORT
from r1_on_eks.plan.names import GPU_LABEL, GPU_TAINT

COUNTERS = "counters.csv"
_COUNTERS_FOLDER = "/etc/dcgm-exporter/r1"
_POD_RESOURCES = "/var/lib/kubelet/pod-resources"


def dcgm_pod(counters: pulumi.Input[str]) -> Any:
    """`spec` of its pods.

    Args:
        counters: ConfigMap with the list of what is read.
    """
    return {
        "automount_service_account_token": False,
        "enable_service_links": False,
        "affinity": {
            "node_affinity": {
                "required_during_scheduling_ignored_during_execution": {
                    "node_selector_terms": [
                        {"match_expressions": [{"key": GPU_LABEL, "operator": "Exists"}]}
                    ]
                }
            }
        },
        "tolerations": [{"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}],
        "security_context": {"seccomp_profile": {"type": "RuntimeDefault"}},
        "containers": [_container()],
        "volumes": [
            {"name": "counters", "config_map": {"name": counters}},
            {"name": "pod-resources", "host_path": {"path": _POD_RESOURCES}},
        ],
    }


def _container() -> Any:
    mounts = [
        {"name": "counters", "mount_path": _COUNTERS_FOLDER, "read_only": True},
        # The kubelet tells which pod has which GPU.
        {"name": "pod-resources", "mount_path": _POD_RESOURCES, "read_only": True},
    ]
    return {
        "name": "exporter",
        "image": DCGM_EXPORTER,
        "args": [
            f"--collectors={_COUNTERS_FOLDER}/{COUNTERS}",
            f"--address=:{DCGM_PORT}",
            "--kubernetes=true",
            "--kubernetes-gpu-id-type=device-name",
        ],
        # The runtime gives it all GPUs, without taking one from a server.
        "env": [
            {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"},
            {"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "utility,compute"},
        ],
        "ports": [{"name": "metrics", "container_port": DCGM_PORT}],
        # It loads DCGM first, and then reads every GPU.
        "startup_probe": probe("/health", DCGM_PORT, failures=30),
        "liveness_probe": probe("/health", DCGM_PORT, failures=6),
        "readiness_probe": probe("/health", DCGM_PORT),
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        },
        # EKS's node monitoring agent has an engine of DCGM of its own beside it. Two can't
        # both profile (NVIDIA/dcgm-exporter#7); the agent's does not: it watches health,
        # policies and three other fields (aws/eks-node-monitoring-agent
        # monitors/nvidia/dcgm/dcgm_client.go, 2026-11).
        # As NVIDIA's chart has it: profiling counters (SM, tensor cores) are read with
        # SYS_ADMIN alone, and the kubelet's socket as root.
        "security_context": {"run_as_user": 0, "capabilities": {"add": ["SYS_ADMIN"]}},
        "volume_mounts": mounts,
    }
