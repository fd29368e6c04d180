"""The Prometheus of a stack: what it scrapes, and what it watches for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.plan.monitoring.objects import PROMETHEUS_NAME
from r1_on_eks.plan.monitoring.rights import DISCOVERY_RULES, KUBELET_RULES

_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    """Inputs of `Observability`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: The operator's namespace.
        prometheus: `spec` of the Prometheus.
        pod_monitors: `spec` of a PodMonitor by job.
        kubelets: `spec` of the ServiceMonitor of kubelets.
        rule_groups: `spec.groups` of the PrometheusRule.
        looked_into: Namespaces that have pods to ask, by their names.
        after: The operator, with its kinds.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    prometheus: Mapping[str, Any]
    pod_monitors: Mapping[str, Mapping[str, Any]]
    kubelets: Mapping[str, Any]
    rule_groups: Sequence[Mapping[str, Any]]
    looked_into: Mapping[str, pulumi.Input[str]]
    after: Sequence[pulumi.Resource]


class Observability(pulumi.ComponentResource):
    """The operator's objects; Prometheus' pod and its configuration are made of them by it."""

    def __init__(
        self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Observability", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        of_its_kinds = pulumi.ResourceOptions.merge(
            within, pulumi.ResourceOptions(depends_on=list(args.after))
        )
        kinds: list[tuple[str, str, Mapping[str, Any]]] = [
            *(("PodMonitor", job, spec) for job, spec in args.pod_monitors.items()),
            ("ServiceMonitor", "kubelet", args.kubelets),
            ("PrometheusRule", "r1", {"groups": list(args.rule_groups)}),
        ]
        declared = [
            _object(f"{name}-{called}", kind, called, args.namespace, spec, of_its_kinds)
            for kind, called, spec in kinds
        ]
        rights = _rights(name, args, within)
        _object(
            f"{name}-server", "Prometheus", PROMETHEUS_NAME, args.namespace, args.prometheus,
            # Its pod starts with all that it is to know, and with the right to ask.
            pulumi.ResourceOptions.merge(
                within, pulumi.ResourceOptions(depends_on=[*declared, *rights])
            ),
        )  # fmt: skip
        self.register_outputs({})


def _object(
    name: str,
    kind: str,
    called: str,
    namespace: pulumi.Input[str],
    spec: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    return kubernetes.apiextensions.CustomResource(
        name,
        api_version="monitoring.coreos.com/v1",
        kind=kind,
        metadata={"name": called, "namespace": namespace},
        # Pulumi has no type for it.
        spec=dict(spec),
        opts=opts,
    )


def _rights(
    name: str, args: ObservabilityArgs, within: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    account = kubernetes.core.v1.ServiceAccount(
        f"{name}-account",
        metadata={"name": PROMETHEUS_NAME, "namespace": args.namespace},
        automount_service_account_token=False,
        opts=within,
    )
    subjects: Any = [
        {
            "kind": "ServiceAccount",
            "name": account.metadata.name,
            "namespace": args.namespace,
        }
    ]
    roles = {
        part: kubernetes.rbac.v1.ClusterRole(
            f"{name}-{part}",
            metadata={"name": f"{PROMETHEUS_NAME}-{part}"},
            rules=rules,
            opts=within,
        )
        for part, rules in (("discovery", DISCOVERY_RULES), ("kubelets", KUBELET_RULES))
    }
    references: Any = {
        part: {"api_group": _GROUP, "kind": "ClusterRole", "name": role.metadata.name}
        for part, role in roles.items()
    }
    return [
        kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-kubelets",
            metadata={"name": f"{PROMETHEUS_NAME}-kubelets"},
            role_ref=references["kubelets"],
            subjects=subjects,
            opts=within,
        ),
        *(
            kubernetes.rbac.v1.RoleBinding(
                f"{name}-in-{called}",
                metadata={"name": f"{PROMETHEUS_NAME}-discovery", "namespace": namespace},
                role_ref=references["discovery"],
                subjects=subjects,
                opts=within,
            )
            for called, namespace in args.looked_into.items()
        ),
    ]
