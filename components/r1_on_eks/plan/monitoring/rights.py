"""What the pods of monitoring may ask of the API server, no more."""

from typing import Any

KUBELET_NAME = "kubelet"
"""The Service in kube-system that the operator keeps for the kubelets."""
_READ = ["get", "list", "watch"]
_LIST = ["list", "watch"]
_ALL = ["create", "delete", "get", "list", "patch", "update", "watch"]
_KINDS = ("podmonitors", "probes", "prometheuses", "prometheusrules", "servicemonitors")

# kube-state-metrics lists what its metrics are of (its examples/standard, 2026-11), of those kinds
# that scrapes.py keeps; no Secret and no ConfigMap.
KUBE_STATE_RULES: list[Any] = [
    {
        "api_groups": [""],
        "resources": ["nodes", "persistentvolumeclaims", "persistentvolumes", "pods"],
        "verbs": _LIST,
    },
    {
        "api_groups": ["apps"],
        "resources": ["daemonsets", "deployments", "statefulsets"],
        "verbs": _LIST,
    },
    {"api_groups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _LIST},
    {"api_groups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": _LIST},
]

# How Prometheus finds pods and Services, in the namespaces that have some to ask.
DISCOVERY_RULES: list[Any] = [
    {"api_groups": [""], "resources": ["pods", "services"], "verbs": _READ},
    {"api_groups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
]
# What a kubelet asks for before it tells its metrics (Kubernetes, kubelet-authn-authz).
KUBELET_RULES: list[Any] = [{"api_groups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]}]

# The operator's, after example/rbac/prometheus-operator of its module at 0.85.0; what that gives
# it in every namespace, it has here in its own alone.
OPERATOR_RULES: list[Any] = [
    {
        "api_groups": ["monitoring.coreos.com"],
        "resources": [
            *_KINDS,
            *("prometheuses/finalizers", "prometheuses/status", "servicemonitors/status"),
        ],
        "verbs": _ALL,
    },
    {"api_groups": ["apps"], "resources": ["statefulsets"], "verbs": _ALL},
    {"api_groups": [""], "resources": ["configmaps", "secrets"], "verbs": _ALL},
    {"api_groups": [""], "resources": ["pods"], "verbs": ["delete", "list"]},
    {
        "api_groups": [""],
        "resources": ["services", "services/finalizers"],
        "verbs": ["create", "delete", "get", "update"],
    },
]
# Nodes, whose kubelets it lists; and what it looks at of the cluster before it begins.
OPERATOR_CLUSTER_RULES: list[Any] = [
    {"api_groups": [""], "resources": ["namespaces"], "verbs": _READ},
    {"api_groups": [""], "resources": ["nodes"], "verbs": _LIST},
    {"api_groups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get"]},
    # It asks for these in all namespaces, or writes none.
    {"api_groups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
]
# The addresses of the kubelets, which it writes into a Service of kube-system, and into no other:
# one of those is the cluster's DNS. Names can't be held against what is made, or generated.
OPERATOR_KUBELET_RULES: list[Any] = [
    {"api_groups": [""], "resources": ["services"], "verbs": ["create"]},
    {
        "api_groups": [""],
        "resources": ["services", "services/finalizers"],
        "resource_names": [KUBELET_NAME],
        "verbs": ["get", "update"],
    },
    {
        "api_groups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["create", "delete", "get", "list", "update"],
    },
]
