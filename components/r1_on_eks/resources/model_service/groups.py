"""Replicas that are over several nodes: groups of pods that start and end as one."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.group import Group
from r1_on_eks.plan.names import VARIANT_LABEL
from r1_on_eks.plan.traffic import WORKER_PODS, instance_of
from r1_on_eks.resources.model_service.arguments import ModelServiceArgs
from r1_on_eks.resources.model_service.container import asking_for_key, server_container
from r1_on_eks.resources.model_service.pod import labels, pod_of, waiting


def groups(
    name: str,
    args: ModelServiceArgs,
    group: Group,
    account: kubernetes.core.v1.ServiceAccount,
    within: pulumi.ResourceOptions,
) -> None:
    """Declares the LeaderWorkerSet of one variant."""
    server = args.server
    leader = server_container(args, group.leader_arguments, group.devices)
    leader = asking_for_key(leader, args)
    worker = _worker(args, group)
    worker_labels = {**WORKER_PODS, **instance_of(server), VARIANT_LABEL: server.variant}
    kubernetes.apiextensions.CustomResource(
        f"{name}-groups",
        api_version="leaderworkerset.x-k8s.io/v1",
        kind="LeaderWorkerSet",
        metadata={
            "name": group.name,
            "namespace": args.namespace,
            "labels": labels(server),
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
                    "metadata": {"labels": labels(server)},
                    "spec": _as_the_api_spells(pod_of(args, account, leader)),
                },
                "workerTemplate": {
                    "metadata": {"labels": worker_labels},
                    "spec": _as_the_api_spells(pod_of(args, account, worker)),
                },
            },
        },
        opts=waiting(args, within),
    )


def _worker(args: ModelServiceArgs, group: Group) -> Any:
    """The container of a node beyond the first: it answers nobody, so nothing probes it."""
    whole = server_container(args, group.worker_arguments, group.devices)
    serving = {"ports", "startup_probe", "readiness_probe", "liveness_probe"}
    return {key: value for key, value in whole.items() if key not in serving} | {
        "lifecycle": {"pre_stop": {"exec_": {"command": list(group.worker_stop)}}}
    }


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
