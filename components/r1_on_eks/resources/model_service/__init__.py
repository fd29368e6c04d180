"""The server of one variant."""

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.names import PORT
from r1_on_eks.plan.traffic import instance_of
from r1_on_eks.resources.model_service.arguments import ModelServiceArgs
from r1_on_eks.resources.model_service.deployment import deployment
from r1_on_eks.resources.model_service.groups import groups
from r1_on_eks.resources.model_service.pod import labels, selector

__all__ = ["ModelService", "ModelServiceArgs"]


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
            "labels": labels(server),
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
                "selector": selector(server),
                "ports": [{"name": "http", "port": PORT, "target_port": PORT}],
            },
            opts=within,
        )
        if args.group is None:
            deployment(name, args, metadata, account, within)
        else:
            groups(name, args, args.group, account, within)
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
