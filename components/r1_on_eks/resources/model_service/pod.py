"""The pod around the server: where it runs, as whom, and with which volumes."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan import restricted
from r1_on_eks.plan.names import POOL_LABEL, VARIANT_LABEL
from r1_on_eks.plan.server import ModelServer
from r1_on_eks.plan.traffic import SERVER_PODS, instance_of
from r1_on_eks.resources.model_service.arguments import ModelServiceArgs
from r1_on_eks.resources.model_service.container import before


def selector(server: ModelServer) -> dict[str, str]:
    """Pods that answer requests; of a group over nodes, the leader."""
    return {**SERVER_PODS, **instance_of(server)}


def labels(server: ModelServer) -> dict[str, str]:
    """Of what answers requests, and of its Service."""
    return {**selector(server), VARIANT_LABEL: server.variant}


def pod_of(
    args: ModelServiceArgs, account: kubernetes.core.v1.ServiceAccount, container: Any
) -> Any:
    """The spec of a pod around one container."""
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
        volumes.append({"name": "weights", "empty_dir": {"size_limit": server.disk}})
    first = before(server)
    return {
        "service_account_name": account.metadata.name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "termination_grace_period_seconds": server.timeline.grace_seconds,
        "node_selector": {POOL_LABEL: args.pool},
        "tolerations": [{"key": server.taint, "operator": "Exists", "effect": "NoSchedule"}],
        "security_context": restricted.POD_WITH_VOLUMES,
        **({"init_containers": first} if first else {}),
        "containers": [container],
        "volumes": volumes,
    }


def _limit(server: ModelServer) -> dict[str, str]:
    return {"size_limit": server.shared_memory}


def waiting(args: ModelServiceArgs, within: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Options of what has pods: after what they need, and for as long as they take to start."""
    wait = args.server.timeline.wait
    return pulumi.ResourceOptions.merge(
        within,
        pulumi.ResourceOptions(
            depends_on=list(args.after),
            custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait),
        ),
    )
