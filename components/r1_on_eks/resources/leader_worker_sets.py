"""The controller of LeaderWorkerSets: groups of pods that serve as one replica."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.upstream import LWS_NAMESPACE, lws_objects

# By kind, as the chart has them; Pulumi checks and waits by these types.
_ADMISSION = kubernetes.admissionregistration.v1
_TYPES: dict[str, Any] = {
    "ClusterRole": kubernetes.rbac.v1.ClusterRole,
    "ClusterRoleBinding": kubernetes.rbac.v1.ClusterRoleBinding,
    "ConfigMap": kubernetes.core.v1.ConfigMap,
    "CustomResourceDefinition": kubernetes.apiextensions.v1.CustomResourceDefinition,
    "Deployment": kubernetes.apps.v1.Deployment,
    "MutatingWebhookConfiguration": _ADMISSION.MutatingWebhookConfiguration,
    "Role": kubernetes.rbac.v1.Role,
    "RoleBinding": kubernetes.rbac.v1.RoleBinding,
    "Secret": kubernetes.core.v1.Secret,
    "Service": kubernetes.core.v1.Service,
    "ServiceAccount": kubernetes.core.v1.ServiceAccount,
    "ValidatingWebhookConfiguration": _ADMISSION.ValidatingWebhookConfiguration,
}
_SIGNED = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


@dataclass(frozen=True, kw_only=True)
class LeaderWorkerSetsArgs:
    """Inputs of `LeaderWorkerSets`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        after: Nodes for the controller.
    """

    cluster: pulumi.Resource
    after: Sequence[pulumi.Resource]


class LeaderWorkerSets(pulumi.ComponentResource):
    """Upstream's chart, object by object, in a namespace of its own."""

    def __init__(
        self, name: str, args: LeaderWorkerSetsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:LeaderWorkerSets", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": LWS_NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
            opts=within,
        )
        # The controller ends at once where definitions or permissions are missing; its webhooks
        # count when it has signed them, which it does when its own certificate is mounted.
        before: list[pulumi.Resource] = [namespace]
        for number, stage in enumerate(_stages()):
            nodes = args.after if number else ()
            before += [_declared(name, one, within, [*before, *nodes]) for one in stage]
        self.register_outputs({})


def _stages() -> list[list[dict[str, Any]]]:
    """What the controller needs, the controller, what needs the controller."""
    last = {"Deployment": 1, **dict.fromkeys(_SIGNED, 2)}
    stages: list[list[dict[str, Any]]] = [[], [], []]
    for each in lws_objects():
        stages[last.get(each["kind"], 0)].append(each)
    return stages


def _declared(
    name: str,
    rendered: dict[str, Any],
    within: pulumi.ResourceOptions,
    after: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    kind, metadata = rendered["kind"], dict(rendered["metadata"])
    if kind == "Service":
        # Its pods come after it.
        metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
    elif kind in _SIGNED:
        metadata["annotations"] = {
            "pulumi.com/waitFor": "jsonpath={.webhooks[0].clientConfig.caBundle}"
        }
    rest = {key: value for key, value in rendered.items() if key not in ("apiVersion", "kind")}
    return _TYPES[kind](
        f"{name}-{kind.lower()}-{metadata['name']}",
        **{_snake(key): value for key, value in (rest | {"metadata": metadata}).items()},
        opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=list(after))),
    )


def _snake(key: str) -> str:
    return {"roleRef": "role_ref"}.get(key, key)
