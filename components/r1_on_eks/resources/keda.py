"""KEDA: what turns figures of Prometheus into replicas."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from r1_on_eks.catalog.images import KEDA, KEDA_METRICS
from r1_on_eks.catalog.upstream import keda_objects
from r1_on_eks.plan import keda as plan
from r1_on_eks.plan.restricted import CONTAINER, run_as

_GROUP = "rbac.authorization.k8s.io"
_USER = 65532


@dataclass(frozen=True, kw_only=True)
class KedaArgs:
    """Inputs of `Keda`.

    Attributes:
        cluster: The cluster that its objects vanish with.
        namespace: Restricted namespace of its two programs.
        serving_namespace: The one namespace whose Deployments it scales.
        after: Nodes for it.
    """

    cluster: pulumi.Resource
    namespace: pulumi.Input[str]
    serving_namespace: pulumi.Input[str]
    after: Sequence[pulumi.Resource]


class Keda(pulumi.ComponentResource):
    """Upstream's definitions, operator and metrics server, with rights where models are served."""

    def __init__(
        self, name: str, args: KedaArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Keda", name, None, opts)
        within = pulumi.ResourceOptions(parent=self, deleted_with=args.cluster)
        kinds = [
            kubernetes.apiextensions.v1.CustomResourceDefinition(
                f"{name}-{one['spec']['names']['plural']}",
                metadata=one["metadata"],
                spec=one["spec"],
                opts=within,
            )
            for one in keda_objects()
        ]
        accounts = {
            called: kubernetes.core.v1.ServiceAccount(
                f"{name}-{part}-account",
                metadata={"name": called, "namespace": args.namespace},
                automount_service_account_token=False,
                opts=within,
            ).metadata.name
            for part, called in (("operator", plan.OPERATOR), ("metrics", plan.METRICS))
        }
        operator = _deployment(
            f"{name}-operator",
            args,
            plan.OPERATOR,
            _operator(accounts[plan.OPERATOR]),
            # It looks once at which kinds there are and what it may do.
            [*kinds, *_operator_rights(name, args, accounts[plan.OPERATOR], within), *args.after],
            within,
        )
        metrics = _deployment(
            f"{name}-metrics",
            args,
            plan.METRICS,
            _metrics(accounts[plan.METRICS]),
            # The operator makes its certificate.
            [operator, *_metrics_rights(name, args, accounts[plan.METRICS], within)],
            within,
        )
        _reached(name, args, operator, metrics, within)
        self.register_outputs({})


def _reached(
    name: str,
    args: KedaArgs,
    operator: pulumi.Resource,
    metrics: pulumi.Resource,
    within: pulumi.ResourceOptions,
) -> None:
    """The Services, and what the API server hands on to one of them."""
    kubernetes.core.v1.Service(
        f"{name}-operator",
        metadata={"name": plan.OPERATOR, "namespace": args.namespace},
        spec={
            # Without an address of its own: connections go to the pod, which policies name.
            "cluster_ip": "None",
            "selector": plan.OPERATOR_PODS,
            "ports": [{"name": "metrics", "port": plan.OPERATOR_PORT}],
        },
        opts=_after(within, operator),
    )
    service = kubernetes.core.v1.Service(
        f"{name}-metrics",
        metadata={"name": plan.METRICS, "namespace": args.namespace},
        spec={
            "selector": plan.METRICS_PODS,
            "ports": [{"name": "https", "port": 443, "target_port": plan.METRICS_PORT}],
        },
        opts=_after(within, metrics),
    )
    group, version = "external.metrics.k8s.io", "v1beta1"
    kubernetes.apiregistration.v1.APIService(
        f"{name}-metrics",
        metadata={"name": plan.METRICS_API},
        # Whose certificate to believe is written in by the operator.
        spec={
            "service": {
                "name": service.metadata.name,
                "namespace": args.namespace,
                "port": 443,
            },
            "group": group,
            "version": version,
            "group_priority_minimum": 100,
            "version_priority": 100,
        },
        opts=within,
    )


def _after(within: pulumi.ResourceOptions, *others: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=list(others)))


def _operator_rights(
    name: str, args: KedaArgs, account: pulumi.Input[str], within: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    subjects = _subjects(args, account)
    whole = kubernetes.rbac.v1.ClusterRole(
        f"{name}-operator",
        metadata={"name": plan.OPERATOR},
        rules=plan.OPERATOR_CLUSTER_RULES,
        opts=within,
    )
    return [
        kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-operator",
            metadata={"name": plan.OPERATOR},
            role_ref={"api_group": _GROUP, "kind": "ClusterRole", "name": whole.metadata.name},
            subjects=subjects,
            opts=within,
        ),
        *(
            _bound(f"{name}-operator-{part}", plan.OPERATOR, namespace, rules, subjects, within)
            for part, namespace, rules in (
                ("own", args.namespace, plan.OPERATOR_OWN_RULES),
                ("serving", args.serving_namespace, plan.OPERATOR_SERVING_RULES),
            )
        ),
    ]


def _metrics_rights(
    name: str, args: KedaArgs, account: pulumi.Input[str], within: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    subjects = _subjects(args, account)
    namespace, role = plan.READS_CALLERS
    return [
        kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-metrics-delegates",
            metadata={"name": f"{plan.METRICS}-delegates"},
            role_ref={"api_group": _GROUP, "kind": "ClusterRole", "name": plan.DELEGATES},
            subjects=subjects,
            opts=within,
        ),
        kubernetes.rbac.v1.RoleBinding(
            f"{name}-metrics-callers",
            metadata={"name": f"{plan.METRICS}-callers", "namespace": namespace},
            role_ref={"api_group": _GROUP, "kind": "Role", "name": role},
            subjects=subjects,
            opts=within,
        ),
        _bound(
            f"{name}-metrics-serving",
            plan.METRICS,
            args.serving_namespace,
            plan.METRICS_SERVING_RULES,
            subjects,
            within,
        ),
    ]


def _subjects(args: KedaArgs, account: pulumi.Input[str]) -> Any:
    return [{"kind": "ServiceAccount", "name": account, "namespace": args.namespace}]


def _bound(
    name: str,
    called: str,
    namespace: pulumi.Input[str],
    rules: list[Any],
    subjects: Any,
    within: pulumi.ResourceOptions,
) -> pulumi.Resource:
    role = kubernetes.rbac.v1.Role(
        name, metadata={"name": called, "namespace": namespace}, rules=rules, opts=within
    )
    return kubernetes.rbac.v1.RoleBinding(
        name,
        metadata={"name": called, "namespace": namespace},
        role_ref={"api_group": _GROUP, "kind": "Role", "name": role.metadata.name},
        subjects=subjects,
        opts=within,
    )


def _deployment(
    name: str,
    args: KedaArgs,
    called: str,
    pod: Any,
    after: Sequence[pulumi.Resource],
    within: pulumi.ResourceOptions,
) -> pulumi.Resource:
    labels = {"app.kubernetes.io/name": called}
    return kubernetes.apps.v1.Deployment(
        name,
        metadata={"name": called, "namespace": args.namespace},
        spec={
            "replicas": 1,
            "selector": {"match_labels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
        opts=_after(within, *after),
    )


def _operator(account: pulumi.Input[str]) -> Any:
    probe = {"http_get": {"path": "/readyz", "port": plan.OPERATOR_HEALTH_PORT}}
    alive = {"http_get": {"path": "/healthz", "port": plan.OPERATOR_HEALTH_PORT}}
    container = {
        "name": "operator",
        "image": KEDA,
        "command": ["/keda"],
        "args": list(plan.OPERATOR_ARGUMENTS),
        "ports": [{"name": "metrics", "container_port": plan.OPERATOR_PORT}],
        "liveness_probe": {**alive, "initial_delay_seconds": 25, "period_seconds": 10},
        "readiness_probe": {**probe, "period_seconds": 10},
    }
    # It makes the Secret itself, and waits until its own pod has it.
    return _pod(account, container, optional=True)


def _metrics(account: pulumi.Input[str]) -> Any:
    port = {"port": plan.METRICS_PORT, "scheme": "HTTPS"}
    container = {
        "name": "metrics",
        "image": KEDA_METRICS,
        "command": ["/keda-adapter"],
        "args": list(plan.METRICS_ARGUMENTS),
        "ports": [{"name": "https", "container_port": plan.METRICS_PORT}],
        "liveness_probe": {
            "http_get": {"path": "/healthz", **port},
            "initial_delay_seconds": 25,
            "period_seconds": 10,
        },
        "readiness_probe": {"http_get": {"path": "/readyz", **port}, "period_seconds": 10},
    }
    return _pod(account, container, optional=False)


def _pod(account: pulumi.Input[str], container: Any, *, optional: bool) -> Any:
    field = {"field_ref": {"field_path": "metadata.namespace"}}
    told = [{"name": name, "value": value} for name, value in plan.ENVIRONMENT.items()]
    return {
        "service_account_name": account,
        "automount_service_account_token": True,
        "security_context": run_as(_USER, fs_group=_USER),
        "containers": [
            {
                **container,
                "env": [{"name": "POD_NAMESPACE", "value_from": field}, *told],
                # Of upstream's manifests, which are for any number of objects.
                "resources": {
                    "requests": {"cpu": "50m", "memory": "100Mi"},
                    "limits": {"memory": "500Mi"},
                },
                "security_context": CONTAINER,
                "volume_mounts": [
                    {
                        "name": "certificates",
                        "mount_path": plan.CERTIFICATES_FOLDER,
                        "read_only": True,
                    },
                    {"name": "temporary", "mount_path": "/tmp"},
                ],
            }
        ],
        "volumes": [
            {
                "name": "certificates",
                "secret": {"secret_name": plan.CERTIFICATES, "optional": optional},
            },
            {"name": "temporary", "empty_dir": {}},
        ],
    }
