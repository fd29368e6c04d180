"""What tells of nodes, GPUs and Kubernetes' own objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.dcgm_counters import counters_csv
from r1_on_eks.plan.monitoring.policies import DCGM_PODS, NODE_EXPORTER_PODS
from r1_on_eks.resources.exporters.dcgm import COUNTERS, dcgm_pod
from r1_on_eks.resources.exporters.node import node_pod
from r1_on_eks.resources.exporters.state import states

__all__ = ["Exporters", "ExportersArgs"]


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
                data={COUNTERS: counters_csv()},
                opts=within,
            )
            pod = dcgm_pod(counters.metadata.name)
            _on_every_node(f"{name}-dcgm", args.node_namespace, DCGM_PODS, pod, within)
        _on_every_node(
            f"{name}-node", args.node_namespace, NODE_EXPORTER_PODS, node_pod(), on_nodes
        )
        states(name, args.namespace, within, on_nodes)
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
