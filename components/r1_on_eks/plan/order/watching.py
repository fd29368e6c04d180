"""Monitoring and autoscaling."""

from r1_on_eks.plan.order.edge import NAMES_IT, NAMESPACE, Edge

_SCALING = ("Deployment cluster-autoscaler-*", "Deployment keda-*")
_WATCHING = (
    "DaemonSet exporters-node",
    "Deployment exporters-state",
    "Deployment file-system-*",
    "Deployment prometheus-operator-*",
    "Deployment alertmanager-*",
    "Deployment grafana-*",
)

WATCHING = (
    # Monitoring.
    Edge("* monitoring-*", "Namespace monitoring-*", NAMESPACE),
    Edge("DaemonSet exporters-*", "Namespace monitoring-*", NAMESPACE),
    Edge("Role *", "Namespace *", NAMESPACE),
    Edge("RoleBinding *", "Namespace *", NAMESPACE),
    *(
        Edge(one, earlier, "a binding names the role and the account that exist")
        for one, earlier in (
            ("ClusterRoleBinding *", "ClusterRole *"),
            ("ClusterRoleBinding *", "ServiceAccount *"),
            ("RoleBinding *", "ClusterRole *"),
            ("RoleBinding *", "Role *"),
            ("RoleBinding *", "ServiceAccount *"),
        )
    ),
    *(
        Edge(one, earlier, "its pods need a node and cluster DNS")
        for one in (*_WATCHING, *_SCALING)
        for earlier in ("Addon system-*", "RolePolicy system-*")
    ),
    *(
        Edge(one, "ConfigMap *", "its pods mount it")
        for one in (
            "DaemonSet exporters-dcgm",
            "Deployment alertmanager-*",
            "Deployment file-system-*",
            "Deployment grafana-*",
        )
    ),
    *(
        Edge(one, "ServiceAccount *", "its pods run under it")
        for one in (
            "Deployment alertmanager-*",
            "Deployment file-system-*",
            "Deployment grafana-*",
        )
    ),
    *(
        Edge(f"Deployment {one}-*", earlier, "a pod that starts earlier never gets the role")
        for one in ("alertmanager", "cluster-autoscaler", "file-system", "grafana")
        for earlier in (f"RolePolicy {one}-*", f"PodIdentityAssociation {one}-*")
    ),
    Edge(
        "PodIdentityAssociation *",
        "Namespace *",
        "it takes the namespace's name from what stands, so that it is not told of before",
    ),
    Edge("AnomalySubscription *", "AnomalyMonitor *", NAMES_IT),
    *(
        Edge(f"{part} managed-prometheus-*", "Workspace managed-prometheus-*", NAMES_IT)
        for part in (
            "WorkspaceConfiguration",
            "RuleGroupNamespace",
            "AlertManagerDefinition",
            "Scraper",
        )
    ),
    Edge("RolePolicy grafana-queries", "Workspace managed-prometheus-*", NAMES_IT),
    Edge(
        "Scraper managed-prometheus-*",
        "Cluster *",
        "its API server is asked what there is; it outlives the cluster, stays in its subnets, and"
        " would ask the next cluster of that name (AMP guide, AMP-collector-how-to)",
    ),
    Edge("ConfigMap file-system-queries", "LustreFileSystem *", NAMES_IT),
    Edge(
        "Service alertmanager-service",
        "Deployment alertmanager-*",
        "Pulumi waits for its endpoints",
    ),
    Edge(
        "Deployment *",
        "ClusterRoleBinding *",
        "without its rights it reports errors, and the operator ends",
    ),
    Edge(
        "Deployment prometheus-operator-*",
        "RoleBinding *",
        "without its rights it ends, and starts again later and later",
    ),
    Edge(
        "Deployment prometheus-operator-*",
        "CustomResourceDefinition prometheus-operator-*",
        "it looks once at which kinds there are",
    ),
    *(
        Edge(
            f"{kind} observability-*",
            "Deployment prometheus-operator-*",
            "its kind is there with the operator, which then acts on it at once",
        )
        for kind in ("PodMonitor", "ServiceMonitor", "PrometheusRule")
    ),
    *(
        Edge(
            "Prometheus observability-server",
            f"{kind} observability-*",
            "its pod starts with all that it is to ask for, and with the right to",
        )
        for kind in (
            "PodMonitor",
            "ServiceMonitor",
            "PrometheusRule",
            "RoleBinding",
            "ClusterRoleBinding",
        )
    ),
    # Autoscaling.
    Edge("Tag r1-*", "NodeGroup r1-*", "its Auto Scaling group is the node group's"),
    Edge("Deployment r1-*", "Tag r1-*", "a pod that waits for a node has a group that grows"),
    Edge(
        "Deployment cluster-autoscaler-*",
        "RoleBinding *",
        "without its rights it ends, and starts again later and later",
    ),
    Edge("Deployment keda-*", "RoleBinding *", "without its rights it ends, as above"),
    Edge(
        "Deployment keda-operator",
        "CustomResourceDefinition keda-*",
        "it looks once at which kinds there are",
    ),
    Edge(
        "Deployment keda-metrics",
        "Deployment keda-operator",
        "its pod mounts the certificate that the operator makes",
    ),
    *(
        Edge(f"Service keda-{one}", f"Deployment keda-{one}", "Pulumi waits for its endpoints")
        for one in ("operator", "metrics")
    ),
    Edge(
        "APIService *",
        "Service *",
        "the API server hands on to it, and lists what it offers from then on",
    ),
    *(
        Edge("ScaledObject *", one, "KEDA acts on it at once, and removes what it made of it")
        for one in ("APIService *", "Service keda-operator")
    ),
    *(
        Edge("ScaledObject *", f"{kind} r1-*", "what it scales is there, and starts with one")
        for kind in ("Deployment", "PodDisruptionBudget", "Service")
    ),
)
