"""The server of one variant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import AWS_CLI
from r1_on_eks.plan.group import Group
from r1_on_eks.plan.names import POOL_LABEL, PORT, SERVER_KEY, VARIANT_LABEL
from r1_on_eks.plan.server import CACHE, MOUNT, ModelServer
from r1_on_eks.plan.timeline import PROBE_PERIOD_SECONDS
from r1_on_eks.plan.traffic import SERVER_PODS, WORKER_PODS, instance_of

# Any that is not root: neither files nor image know it.
_USER = 10001


@dataclass(frozen=True, kw_only=True)
class ModelServiceArgs:
    """Inputs of `ModelService`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Kubernetes namespace.
        server: Command line, size and limits on the start.
        group: How a replica is laid over nodes, or None where it is on one.
        pool: Label value of the nodes that it runs on.
        server_key_secret: Secret with the key that it asks for.
        claim_name: Claim that holds the weights, or None where they are streamed.
        after: What its pods need: nodes, GPUs, permissions.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    server: ModelServer
    group: Group | None = None
    pool: str
    server_key_secret: pulumi.Input[str]
    claim_name: pulumi.Input[str] | None
    after: Sequence[pulumi.Resource]


class ModelService(pulumi.ComponentResource):
    """vLLM with one variant behind a headless Service: a Deployment, or groups over nodes."""

    service_name: pulumi.Output[str]
    """DNS label under which the gateway finds its pods."""

    def __init__(
        self, name: str, args: ModelServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:ModelService", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        server = args.server
        metadata: Any = {
            "name": server.name,
            "namespace": args.namespace,
            "labels": _labels(server),
        }
        account = kubernetes.core.v1.ServiceAccount(
            f"{name}-account", metadata=metadata, opts=within
        )
        service = kubernetes.core.v1.Service(
            f"{name}-service",
            # Pods come after it: waiting for them here would wait for ever.
            metadata=metadata | {"annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "cluster_ip": "None",
                "selector": _selector(server),
                "ports": [{"name": "http", "port": PORT, "target_port": PORT}],
            },
            opts=within,
        )
        if args.group is None:
            _deployment(name, args, metadata, account, within)
        else:
            _groups(name, args, args.group, account, within)
        if server.replicas > 1:
            kubernetes.policy.v1.PodDisruptionBudget(
                f"{name}-budget",
                metadata=metadata,
                # Of groups: one pod that is moved ends its whole group, whose other pods may then
                # be moved too; a second group may not.
                spec={
                    "max_unavailable": 1,
                    "unhealthy_pod_eviction_policy": "AlwaysAllow",
                    "selector": {"match_labels": instance_of(server)},
                },
                opts=within,
            )
        self.service_name = service.metadata.name
        self.register_outputs({"service_name": self.service_name})


def _selector(server: ModelServer) -> dict[str, str]:
    """Pods that answer requests; of a group over nodes, the leader."""
    return {**SERVER_PODS, **instance_of(server)}


def _labels(server: ModelServer) -> dict[str, str]:
    return {**_selector(server), VARIANT_LABEL: server.variant}


def _deployment(
    name: str,
    args: ModelServiceArgs,
    metadata: Any,
    account: kubernetes.core.v1.ServiceAccount,
    within: pulumi.ResourceOptions,
) -> None:
    server = args.server
    container = _container(server, server.arguments, mounted=_mounted(args))
    pod = _pod(args, account, _asking_for_key(container, args))
    kubernetes.apps.v1.Deployment(
        f"{name}-server",
        metadata=metadata,
        spec={
            "replicas": server.replicas,
            "strategy": _strategy(server),
            "progress_deadline_seconds": server.timeline.progress_deadline_seconds,
            "selector": {"match_labels": _selector(server)},
            "template": {
                "metadata": {"labels": _labels(server)},
                # Where a pool has several nodes: the end of one leaves other replicas standing.
                "spec": pod | {"topology_spread_constraints": [_over_nodes(server)]},
            },
        },
        opts=_waiting(args, within),
    )


def _waiting(args: ModelServiceArgs, within: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    wait = args.server.timeline.wait
    return pulumi.ResourceOptions.merge(
        within,
        pulumi.ResourceOptions(
            depends_on=list(args.after),
            custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait),
        ),
    )


def _strategy(server: ModelServer) -> Any:
    # Without spare GPUs a new pod beside the old one would wait for what nobody has.
    first = {"max_surge": 1, "max_unavailable": 0} if server.spare else {
        "max_surge": 0, "max_unavailable": 1
    }  # fmt: skip
    return {"type": "RollingUpdate", "rolling_update": first}


def _over_nodes(server: ModelServer) -> Any:
    return {
        "max_skew": 1,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": _selector(server)},
    }


def _groups(
    name: str,
    args: ModelServiceArgs,
    group: Group,
    account: kubernetes.core.v1.ServiceAccount,
    within: pulumi.ResourceOptions,
) -> None:
    server, mounted = args.server, _mounted(args)
    leader = _container(server, group.leader_arguments, mounted=mounted, devices=group.devices)
    leader = _asking_for_key(leader, args)
    worker = _worker(server, group, mounted=mounted)
    worker_labels = {**WORKER_PODS, **instance_of(server), VARIANT_LABEL: server.variant}
    kubernetes.apiextensions.CustomResource(
        f"{name}-groups",
        api_version="leaderworkerset.x-k8s.io/v1",
        kind="LeaderWorkerSet",
        metadata={
            "name": group.name,
            "namespace": args.namespace,
            "labels": _labels(server),
            "annotations": {
                "leaderworkerset.sigs.k8s.io/exclusive-topology": group.topology_key,
                "pulumi.com/waitFor": "condition=Available",
            },
        },
        # Pulumi has no type for it.
        spec={
            "replicas": server.replicas,
            "startupPolicy": "LeaderCreated",
            "networkConfig": {"subdomainPolicy": "Shared"},
            "rolloutStrategy": {
                "type": "RollingUpdate",
                # A group beside the first would wait for GPUs that nobody has.
                "rollingUpdateConfiguration": {"maxUnavailable": 1, "maxSurge": 0},
            },
            "leaderWorkerTemplate": {
                "size": group.size,
                # A rank can't join again: with one pod the whole group starts anew.
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": {
                    "metadata": {"labels": _labels(server)},
                    "spec": _as_the_api_spells(_pod(args, account, leader)),
                },
                "workerTemplate": {
                    "metadata": {"labels": worker_labels},
                    "spec": _as_the_api_spells(_pod(args, account, worker)),
                },
            },
        },
        opts=_waiting(args, within),
    )


def _as_the_api_spells(value: Any) -> Any:
    """`node_selector` as `nodeSelector`, at every depth; no label here has such a key."""
    if isinstance(value, dict):
        return {_camel(key): _as_the_api_spells(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_the_api_spells(one) for one in value]
    return value


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _mounted(args: ModelServiceArgs) -> bool:
    return args.claim_name is not None


def _pod(
    args: ModelServiceArgs, account: kubernetes.core.v1.ServiceAccount, container: Any
) -> Any:
    server = args.server
    volumes = [
        {"name": "shared-memory", "empty_dir": {"medium": "Memory"} | _limit(server)},
        # On the instance store where the node has one.
        {"name": "cache", "empty_dir": {}},
        {"name": "temporary", "empty_dir": {}},
    ]
    if args.claim_name is not None:
        volumes.append(
            {"name": "weights", "persistent_volume_claim": {"claim_name": args.claim_name}}
        )
    elif server.fetched_from:
        volumes.append({"name": "weights", "empty_dir": {}})
    return {
        "service_account_name": account.metadata.name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "termination_grace_period_seconds": server.timeline.grace_seconds,
        "node_selector": {POOL_LABEL: args.pool},
        "tolerations": [{"key": server.taint, "operator": "Exists", "effect": "NoSchedule"}],
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": _USER,
            "run_as_group": _USER,
            "fs_group": _USER,
            # A file system of terabytes must not be walked at each start.
            "fs_group_change_policy": "OnRootMismatch",
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        **({"init_containers": [_fetching(server)]} if server.fetched_from else {}),
        "containers": [container],
        "volumes": volumes,
    }


def _limit(server: ModelServer) -> dict[str, str]:
    return {"size_limit": server.shared_memory}


def _worker(server: ModelServer, group: Group, *, mounted: bool) -> Any:
    """The container of a node beyond the first: it answers nobody, so nothing probes it."""
    whole = _container(server, group.worker_arguments, mounted=mounted, devices=group.devices)
    serving = {"ports", "startup_probe", "readiness_probe", "liveness_probe"}
    return {key: value for key, value in whole.items() if key not in serving} | {
        "lifecycle": {"pre_stop": {"exec_": {"command": list(group.worker_stop)}}}
    }


def _container(
    server: ModelServer,
    arguments: Sequence[str],
    *,
    mounted: bool,
    devices: Mapping[str, str] | None = None,
) -> Any:
    mounts = [
        {"name": "shared-memory", "mount_path": "/dev/shm"},
        {"name": "cache", "mount_path": CACHE},
        {"name": "temporary", "mount_path": "/tmp"},
    ]
    if mounted or server.fetched_from:
        mounts.append(_weights_mount(server))
    gpus = {"nvidia.com/gpu": str(server.gpus)} if server.gpus else {}
    devices = {**gpus, **(devices or {})}
    return {
        "name": "vllm",
        "image": server.image,
        "args": list(arguments),
        "env": [{"name": key, "value": value} for key, value in server.environment.items()],
        "ports": [{"name": "http", "container_port": PORT}],
        "resources": {
            "requests": {"cpu": server.cpu, "memory": server.memory, **devices},
            "limits": devices,
        },
        **_probes(server),
        "lifecycle": {"pre_stop": {"sleep": {"seconds": server.timeline.pre_stop_seconds}}},
        "security_context": _UNPRIVILEGED,
        "volume_mounts": mounts,
    }


def _fetching(server: ModelServer) -> Any:
    """Copies the weights beside the server, which then reads them as if they were mounted."""
    return {
        "name": "fetch-weights",
        "image": AWS_CLI,
        "args": [
            "s3", "sync", "--no-progress", server.fetched_from,
            f"{MOUNT}/{server.weights_folder}",
        ],
        "env": [{"name": "HOME", "value": "/tmp"}],
        "resources": {
            "requests": {"cpu": "1", "memory": "512Mi"},
            "limits": {"memory": "2Gi"},
        },
        "security_context": _UNPRIVILEGED,
        "volume_mounts": [
            {"name": "weights", "mount_path": MOUNT},
            {"name": "temporary", "mount_path": "/tmp"},
        ],
    }  # fmt: skip


_UNPRIVILEGED = {
    "allow_privilege_escalation": False,
    "capabilities": {"drop": ["ALL"]},
    "read_only_root_filesystem": True,
}


def _asking_for_key(container: Any, args: ModelServiceArgs) -> Any:
    """On /v1 alone: probes and Prometheus need none. vLLM takes it from no file."""
    key = {"secret_key_ref": {"name": args.server_key_secret, "key": SERVER_KEY}}
    asked = {"name": "VLLM_API_KEY", "value_from": key}
    return container | {"env": [*container["env"], asked]}


def _weights_mount(server: ModelServer) -> Any:
    return {
        "name": "weights",
        "mount_path": f"{MOUNT}/{server.weights_folder}",
        "sub_path": server.weights_folder,
        "read_only": True,
    }


def _probes(server: ModelServer) -> Any:
    health = {"http_get": {"path": "/health", "port": PORT}}
    return {
        "startup_probe": {
            **health,
            "period_seconds": PROBE_PERIOD_SECONDS,
            "failure_threshold": server.timeline.probe_failures,
        },
        "readiness_probe": {**health, "period_seconds": 5, "failure_threshold": 2},
        "liveness_probe": {
            **health,
            "period_seconds": 10,
            "timeout_seconds": 5,
            "failure_threshold": 6,
        },
    }
