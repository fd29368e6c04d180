"""What tells of nodes, GPUs and Kubernetes' own objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.dcgm_counters import counters_csv
from r1_on_eks.catalog.images import DCGM_EXPORTER, KUBE_STATE_METRICS, NODE_EXPORTER
from r1_on_eks.plan.monitoring.policies import (
    DCGM_PODS,
    DCGM_PORT,
    KUBE_STATE_PODS,
    KUBE_STATE_PORT,
    NODE_EXPORTER_PODS,
    NODE_EXPORTER_PORT,
)
from r1_on_eks.plan.monitoring.rights import KUBE_STATE_RULES
from r1_on_eks.plan.names import GPU_LABEL, GPU_TAINT

_COUNTERS = "counters.csv"
_COUNTERS_FOLDER = "/etc/dcgm-exporter/r1"
_POD_RESOURCES = "/var/lib/kubelet/pod-resources"
_NOBODY = 65534


@dataclass(frozen=True, kw_only=True)
class ExportersArgs:
    """Inputs of `Exporters`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Restricted namespace.
        node_namespace: Namespace of pods that read their node.
        gpus: Whether any node has one.
        after: Nodes that the first of them run on.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    node_namespace: pulumi.Input[str]
    gpus: bool
    after: Sequence[pulumi.Resource]


class Exporters(pulumi.ComponentResource):
    """Exporters of NVIDIA's DCGM, of nodes, and of the state of Kubernetes' objects."""

    def __init__(
        self, name: str, args: ExportersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Exporters", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        on_nodes = pulumi.ResourceOptions.merge(
            within, pulumi.ResourceOptions(depends_on=list(args.after))
        )
        if args.gpus:
            counters = kubernetes.core.v1.ConfigMap(
                f"{name}-counters",
                metadata={"name": "dcgm-counters", "namespace": args.node_namespace},
                data={_COUNTERS: counters_csv()},
                opts=within,
            )
            pod = _dcgm_pod(counters.metadata.name)
            _on_every_node(f"{name}-dcgm", args.node_namespace, DCGM_PODS, pod, within)
        _on_every_node(
            f"{name}-node", args.node_namespace, NODE_EXPORTER_PODS, _node_pod(), on_nodes
        )
        _states(name, args, within, on_nodes)
        self.register_outputs({})


def _on_every_node(
    name: str,
    namespace: pulumi.Input[str],
    labels: Mapping[str, str],
    pod: Any,
    opts: pulumi.ResourceOptions,
) -> None:
    kubernetes.apps.v1.DaemonSet(
        name,
        metadata={"name": labels["app.kubernetes.io/name"], "namespace": namespace},
        spec={
            "selector": {"match_labels": labels},
            # All at once: they serve nobody's requests.
            "update_strategy": {"rolling_update": {"max_unavailable": "100%"}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
        opts=opts,
    )


def _dcgm_pod(counters: pulumi.Input[str]) -> Any:
    mounts = [
        {"name": "counters", "mount_path": _COUNTERS_FOLDER, "read_only": True},
        # The kubelet tells which pod has which GPU.
        {"name": "pod-resources", "mount_path": _POD_RESOURCES, "read_only": True},
    ]
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
        "containers": [
            {
                "name": "exporter",
                "image": DCGM_EXPORTER,
                "args": [
                    f"--collectors={_COUNTERS_FOLDER}/{_COUNTERS}",
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
                "startup_probe": _probe("/health", DCGM_PORT) | {"failure_threshold": 30},
                "liveness_probe": _probe("/health", DCGM_PORT) | {"failure_threshold": 6},
                "readiness_probe": _probe("/health", DCGM_PORT),
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
        ],
        "volumes": [
            {"name": "counters", "config_map": {"name": counters}},
            {"name": "pod-resources", "host_path": {"path": _POD_RESOURCES}},
        ],
    }


def _node_pod() -> Any:
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
        "security_context": _as_nobody(),
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
                "liveness_probe": _probe("/", NODE_EXPORTER_PORT),
                "readiness_probe": _probe("/", NODE_EXPORTER_PORT),
                "resources": {
                    "requests": {"cpu": "20m", "memory": "48Mi"},
                    "limits": {"memory": "128Mi"},
                },
                "security_context": _UNPRIVILEGED,
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


def _states(
    name: str,
    args: ExportersArgs,
    within: pulumi.ResourceOptions,
    on_nodes: pulumi.ResourceOptions,
) -> None:
    called = KUBE_STATE_PODS["app.kubernetes.io/name"]
    account = kubernetes.core.v1.ServiceAccount(
        f"{name}-state",
        metadata={"name": called, "namespace": args.namespace},
        automount_service_account_token=False,
        opts=within,
    )
    role = kubernetes.rbac.v1.ClusterRole(
        f"{name}-state", metadata={"name": called}, rules=KUBE_STATE_RULES, opts=within
    )
    bound = kubernetes.rbac.v1.ClusterRoleBinding(
        f"{name}-state",
        metadata={"name": called},
        role_ref={
            "api_group": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
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
    kubernetes.apps.v1.Deployment(
        f"{name}-state",
        metadata={"name": called, "namespace": args.namespace},
        spec={
            "replicas": 1,
            "selector": {"match_labels": KUBE_STATE_PODS},
            "template": {
                "metadata": {"labels": KUBE_STATE_PODS},
                "spec": _state_pod(account.metadata.name),
            },
        },
        opts=pulumi.ResourceOptions.merge(on_nodes, pulumi.ResourceOptions(depends_on=[bound])),
    )


def _state_pod(account: pulumi.Input[str]) -> Any:
    resources = [resource for rule in KUBE_STATE_RULES for resource in rule["resources"]]
    return {
        "service_account_name": account,
        "automount_service_account_token": True,
        "security_context": _as_nobody(),
        "containers": [
            {
                "name": "exporter",
                "image": KUBE_STATE_METRICS,
                "args": [f"--port={KUBE_STATE_PORT}", f"--resources={','.join(resources)}",
                         "--metric-labels-allowlist=nodes=[r1-on-eks/variant-pool]"],
                "ports": [{"name": "metrics", "container_port": KUBE_STATE_PORT}],
                "liveness_probe": _probe("/livez", KUBE_STATE_PORT) | {"failure_threshold": 6},
                "readiness_probe": _probe("/healthz", KUBE_STATE_PORT),
                "resources": {
                    "requests": {"cpu": "20m", "memory": "128Mi"},
                    "limits": {"memory": "256Mi"},
                },
                "security_context": _UNPRIVILEGED,
            }
        ],
    }  # fmt: skip


_UNPRIVILEGED = {
    "allow_privilege_escalation": False,
    "capabilities": {"drop": ["ALL"]},
    "read_only_root_filesystem": True,
}


def _as_nobody() -> Any:
    return {
        "run_as_non_root": True,
        "run_as_user": _NOBODY,
        "run_as_group": _NOBODY,
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def _probe(path: str, port: int) -> Any:
    return {
        "http_get": {"path": path, "port": port},
        "period_seconds": 10,
        "timeout_seconds": 5,
    }
