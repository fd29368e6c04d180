"""What the API server is asked for: deleted with the cluster, so it matters to `up` alone."""

from r1_on_eks.plan.order.edge import NAMESPACE, Edge

IN_CLUSTER = (
    Edge("NetworkPolicy *", "Namespace *", NAMESPACE),
    Edge("PodDisruptionBudget *", "Namespace *", NAMESPACE),
    Edge("Service *", "Namespace *", NAMESPACE),
    Edge("ConfigMap *", "Namespace *", NAMESPACE),
    Edge("Secret serving-server-key", "Namespace *", NAMESPACE),
    *(
        Edge(one, "Secret serving-server-key", "its pods read it when they start")
        for one in ("Deployment gateway-nginx", "Deployment r1-*", "LeaderWorkerSet r1-*")
    ),
    Edge("ServiceAccount *", "Namespace *", NAMESPACE),
    Edge("Deployment gateway-nginx", "ConfigMap gateway-nginx", "its pods mount it"),
    Edge("Service gateway-service", "Deployment gateway-nginx", "Pulumi waits for its endpoints"),
    *(
        Edge("Deployment gateway-nginx", one, "its pods need a node and cluster DNS")
        for one in ("Addon system-*", "RolePolicy system-*")
    ),
    Edge("* leader-worker-sets-*", "Namespace leader-worker-sets-*", NAMESPACE),
    Edge(
        "Deployment leader-worker-sets-*",
        "* leader-worker-sets-*",
        "the controller needs its rights, its kinds and its certificate",
    ),
    *(
        Edge("Deployment leader-worker-sets-*", one, "its pods need a node and cluster DNS")
        for one in ("Addon system-*", "RolePolicy system-*")
    ),
    Edge(
        "*WebhookConfiguration leader-worker-sets-*",
        "Deployment leader-worker-sets-*",
        "before the controller answers, the API server would refuse every object",
    ),
    Edge("LeaderWorkerSet r1-*", "ServiceAccount r1-*", "its pods run under it"),
    Edge("LeaderWorkerSet r1-*", "DaemonSet *", "no pod is scheduled before nodes show devices"),
    Edge("LeaderWorkerSet r1-*", "NodeGroup r1-*", "its pods need GPUs"),
    Edge("LeaderWorkerSet r1-*", "SecurityGroup*Rule interconnect-*", "its pods talk through it"),
    Edge(
        "LeaderWorkerSet r1-*",
        "*WebhookConfiguration leader-worker-sets-*",
        "they fill in what it leaves out",
    ),
    Edge("Deployment r1-*", "ServiceAccount r1-*", "its pods run under it"),
    Edge("Deployment r1-*", "DaemonSet *", "no pod is scheduled before a node shows its GPUs"),
    Edge("Deployment r1-*", "NodeGroup r1-*", "its pods need GPUs, and Pulumi waits for them"),
    *(
        Edge("Deployment r1-*", one, "a pod that starts earlier never gets the role")
        for one in ("RolePolicy r1-*", "PodIdentityAssociation r1-*")
    ),
    # Quality checks.
    *(
        Edge("CronJob quality-*", earlier, "its pods need a node and cluster DNS")
        for earlier in ("Addon system-*", "RolePolicy system-*")
    ),
    Edge("CronJob quality-*", "ConfigMap quality-code", "its pods mount it"),
    Edge("CronJob quality-*", "Secret serving-server-key", "its pods read the servers' key"),
    Edge("CronJob quality-*", "RoleBinding quality-history", "its pods write the history"),
    Edge("Role quality-history", "ConfigMap quality-history", "it names that one ConfigMap"),
)
