"""Replicas that are on one node each: a Deployment."""

import math
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.server import ModelServer
from r1_on_eks.resources.model_service.arguments import ModelServiceArgs
from r1_on_eks.resources.model_service.container import asking_for_key, server_container
from r1_on_eks.resources.model_service.pod import labels, pod_of, selector, waiting


def deployment(
    name: str,
    args: ModelServiceArgs,
    metadata: Any,
    account: kubernetes.core.v1.ServiceAccount,
    within: pulumi.ResourceOptions,
) -> None:
    """Declares the Deployment of one variant."""
    server = args.server
    container = asking_for_key(server_container(args, server.arguments), args)
    pod = pod_of(args, account, container)
    kubernetes.apps.v1.Deployment(
        f"{name}-server",
        metadata=metadata,
        spec={
            # A number that is declared would be put back by each `pulumi up`.
            "replicas": None if args.scaled else server.replicas,
            "strategy": _strategy(args),
            "progress_deadline_seconds": server.timeline.progress_deadline_seconds,
            "selector": {"match_labels": selector(server)},
            "template": {
                "metadata": {"labels": labels(server)},
                # Where a pool has several nodes: the end of one leaves other replicas standing.
                "spec": pod | {"topology_spread_constraints": [_over_nodes(server)]},
            },
        },
        opts=waiting(args, within),
    )


def _strategy(args: ModelServiceArgs) -> Any:
    server = args.server
    if server.spare:
        return _rolling(max_surge=1, max_unavailable=0)
    if args.scaled:
        # A node comes for a new pod, unless all replicas stand: this share, rounded down, is one
        # of all of them, and none of a single one.
        share = f"{math.ceil(100 / server.replicas)}%"
        return _rolling(max_surge=1, max_unavailable=share)
    # Without spare GPUs a new pod beside the old one would wait for what nobody has.
    return _rolling(max_surge=0, max_unavailable=1)


def _rolling(**limits: int | str) -> Any:
    return {"type": "RollingUpdate", "rolling_update": limits}


def _over_nodes(server: ModelServer) -> Any:
    return {
        "max_skew": 1,
        "topology_key": "kubernetes.io/hostname",
        "when_unsatisfiable": "ScheduleAnyway",
        "label_selector": {"match_labels": selector(server)},
    }
