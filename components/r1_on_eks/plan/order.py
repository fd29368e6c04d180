"""Why one resource comes before another: every edge of the program, with its reason.

An `up` takes as long as the longest path of these edges, and a destroy goes them backwards: so no
edge may be there without a reason. A test holds the program to the table and the table to it.
Where one edge follows from others, the others need the reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Edge:
    """`later` is made after `earlier`, and deleted before it.

    Attributes:
        later: `TYPE NAME` of Pulumi, by its last word and with wildcards: `Addon cluster-*`.
        earlier: The same of what it waits for.
        why: What happens otherwise.
    """

    later: str
    earlier: str
    why: str


_NAMES_IT = "it is made with the other's id; AWS refuses to delete what another one names"
_ROLE = "a role that has policies is not deleted (IAM API, DeleteRole: DeleteConflict)"
_NAMESPACE = "the API server takes objects of a namespace that exists"
_SCALING = ("Deployment cluster-autoscaler-*", "Deployment keda-*")
_WATCHING = (
    "DaemonSet exporters-node",
    "Deployment exporters-state",
    "Deployment file-system-*",
    "Deployment prometheus-operator-*",
    "Deployment alertmanager-*",
    "Deployment grafana-*",
)

EDGES = (
    # The network.
    Edge("Subnet *", "Vpc *", _NAMES_IT),
    Edge("RouteTable *", "Vpc *", _NAMES_IT),
    Edge("InternetGateway *", "Vpc *", _NAMES_IT),
    Edge("SecurityGroup *", "Vpc *", _NAMES_IT),
    Edge("TargetGroup *", "Vpc *", _NAMES_IT),
    Edge("VpcEndpoint *", "RouteTable network-private", _NAMES_IT),
    Edge("VpcEndpoint *", "Subnet network-private-*", _NAMES_IT),
    Edge("VpcEndpoint *", "SecurityGroup network-endpoints", _NAMES_IT),
    Edge("RouteTableAssociation *", "RouteTable *", _NAMES_IT),
    Edge("RouteTableAssociation *", "Subnet *", _NAMES_IT),
    Edge("Route *", "RouteTable *", _NAMES_IT),
    Edge("Route network-public-default", "InternetGateway *", _NAMES_IT),
    Edge("Route network-private-default", "NatGateway *", _NAMES_IT),
    Edge("NatGateway *", "Eip *", _NAMES_IT),
    Edge("NatGateway *", "Subnet network-public-*", _NAMES_IT),
    Edge(
        "NatGateway *",
        "Route network-public-default",
        "a NAT gateway fails in a network without an internet gateway (VPC guide,"
        " nat-gateway-troubleshooting); its address is not unmapped before it is gone",
    ),
    Edge("SecurityGroup*Rule *", "SecurityGroup *", _NAMES_IT),
    Edge("DefaultSecurityGroup *", "Vpc *", "it is the network's own, and is emptied"),
    Edge("FlowLog *", "Vpc *", _NAMES_IT),
    Edge("FlowLog *", "LogGroup network-flows", _NAMES_IT),
    Edge("FlowLog *", "RolePolicy network-flows", "it may not write without it"),
    # Roles.
    Edge("RolePolicyAttachment *", "Role *", _ROLE),
    Edge("RolePolicy *", "Role *", _ROLE),
    # The control plane.
    Edge("Cluster *", "Subnet network-private-*", _NAMES_IT),
    Edge("LogGroup *", "Key *", "it is encrypted with it from the first line on"),
    Edge(
        "Cluster *",
        "LogGroup *",
        "EKS makes the group without an end, and makes it again while the cluster logs",
    ),
    Edge(
        "Cluster *",
        "RolePolicyAttachment cluster-role-policy",
        "EKS needs the right to remove its own network interfaces until it is gone",
    ),
    Edge("AccessEntry *", "Cluster *", _NAMES_IT),
    Edge("AccessPolicyAssociation *", "AccessEntry *", _NAMES_IT),
    Edge("Addon *", "Cluster *", _NAMES_IT),
    Edge(
        "Addon cluster-vpc-cni",
        "RolePolicyAttachment cluster-vpc-cni-policy",
        "the CNI hands out no address without it",
    ),
    Edge(
        "Addon cluster-vpc-cni",
        "Addon cluster-eks-pod-identity-agent",
        "the CNI gets its role from the agent",
    ),
    Edge(
        "kubernetes *",
        "AccessPolicyAssociation *",
        "nobody may ask anything of the API server before an admin is let in",
    ),
    *(
        Edge("kubernetes *", one, "nothing in the cluster runs before nodes can join")
        for one in ("Addon cluster-*", "RolePolicyAttachment cluster-node-*")
    ),
    # Nodes.
    Edge(
        "NodeGroup system",
        "AccessPolicyAssociation *",
        "when nodes fail to join, an admin must be able to look",
    ),
    Edge("NodeGroup *", "LaunchTemplate *", _NAMES_IT),
    Edge(
        "NodeGroup system",
        "Addon cluster-*",
        "a node without network add-ons is never Ready, and its group fails",
    ),
    Edge(
        "NodeGroup system",
        "RolePolicyAttachment cluster-*",
        "a node without them may neither join nor pull an image",
    ),
    *(
        Edge("NodeGroup system", one, "nodes reach EKS and the registries through it")
        for one in (
            "Route *",
            "RouteTableAssociation *",
            "VpcEndpoint *",
            "SecurityGroup*Rule *",
            "DefaultSecurityGroup *",
            "FlowLog *",
        )
    ),
    Edge("Addon system-*", "NodeGroup system", "its pods need a node, or it becomes DEGRADED"),
    Edge("Addon system-fsx-csi", "Role system-fsx-csi", _NAMES_IT),
    *(
        Edge("NodeGroup r1-*", one, "GPU nodes cost most: all that they wait for is there first")
        for one in ("Addon system-*", "Job r1-*-preload-job")
    ),
    # Nodes of one replica, side by side.
    Edge("LaunchTemplate r1-*", "Cluster *", "it names the nodes' group, which is EKS's own"),
    Edge("LaunchTemplate r1-*", "PlacementGroup *", _NAMES_IT),
    Edge("LaunchTemplate r1-*", "SecurityGroup interconnect-nodes", _NAMES_IT),
    # Weights.
    Edge("SecurityGroup*Rule storage-*", "Cluster *", "the nodes' group is EKS's own"),
    Edge(
        "LustreFileSystem *",
        "SecurityGroup*Rule storage-*",
        "rules that come later do not reach its servers",
    ),
    Edge("DataRepositoryAssociation *", "LustreFileSystem *", _NAMES_IT),
    Edge(
        "PersistentVolume *",
        "DataRepositoryAssociation *",
        "before the import has listed the files, a pod finds an empty folder",
    ),
    Edge("PersistentVolumeClaim *", "PersistentVolume *", _NAMES_IT),
    Edge("PersistentVolumeClaim *", "Namespace *", _NAMESPACE),
    *(
        Edge("Job *", one, "its pod mounts the file system, on a node that exists")
        for one in ("Addon system-*", "RolePolicy system-*", "PersistentVolumeClaim *")
    ),
    Edge("Secret *", "Namespace *", _NAMESPACE),
    Edge("Deployment *", "Secret *", "its pods read it"),
    Edge("LeaderWorkerSet *", "Secret *", "its pods read it"),
    Edge("PodIdentityAssociation *", "Role *", _NAMES_IT),
    Edge("PodIdentityAssociation *", "Cluster *", _NAMES_IT),
    # The gateway.
    Edge("LoadBalancer *", "SecurityGroup gateway-nlb", _NAMES_IT),
    Edge("LoadBalancer *", "Subnet *", _NAMES_IT),
    Edge("SecurityGroup*Rule gateway-*", "Cluster *", "the nodes' group is EKS's own"),
    Edge("Listener *", "LoadBalancer *", _NAMES_IT),
    Edge("Listener *", "TargetGroup *", _NAMES_IT),
    Edge("Attachment *", "TargetGroup *", _NAMES_IT),
    Edge("Attachment *", "NodeGroup system", "its Auto Scaling group is the node group's"),
    # Inside the cluster: deleted with it, so these matter to `up` alone.
    Edge("NetworkPolicy *", "Namespace *", _NAMESPACE),
    Edge("PodDisruptionBudget *", "Namespace *", _NAMESPACE),
    Edge("Service *", "Namespace *", _NAMESPACE),
    Edge("ConfigMap *", "Namespace *", _NAMESPACE),
    Edge("Secret serving-server-key", "Namespace *", _NAMESPACE),
    *(
        Edge(one, "Secret serving-server-key", "its pods read it when they start")
        for one in ("Deployment gateway-nginx", "Deployment r1-*", "LeaderWorkerSet r1-*")
    ),
    Edge("ServiceAccount *", "Namespace *", _NAMESPACE),
    Edge("Deployment gateway-nginx", "ConfigMap gateway-nginx", "its pods mount it"),
    Edge("Service gateway-service", "Deployment gateway-nginx", "Pulumi waits for its endpoints"),
    *(
        Edge("Deployment gateway-nginx", one, "its pods need a node and cluster DNS")
        for one in ("Addon system-*", "RolePolicy system-*")
    ),
    Edge("* leader-worker-sets-*", "Namespace leader-worker-sets-*", _NAMESPACE),
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
    # Monitoring.
    Edge("* monitoring-*", "Namespace monitoring-*", _NAMESPACE),
    Edge("DaemonSet exporters-*", "Namespace monitoring-*", _NAMESPACE),
    Edge("Role *", "Namespace *", _NAMESPACE),
    Edge("RoleBinding *", "Namespace *", _NAMESPACE),
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
    Edge("AnomalySubscription *", "AnomalyMonitor *", _NAMES_IT),
    *(
        Edge(f"{part} managed-prometheus-*", "Workspace managed-prometheus-*", _NAMES_IT)
        for part in (
            "WorkspaceConfiguration",
            "RuleGroupNamespace",
            "AlertManagerDefinition",
            "Scraper",
        )
    ),
    Edge("RolePolicy grafana-queries", "Workspace managed-prometheus-*", _NAMES_IT),
    Edge(
        "Scraper managed-prometheus-*",
        "Cluster *",
        "its API server is asked what there is; it outlives the cluster, stays in its subnets, and"
        " would ask the next cluster of that name (AMP guide, AMP-collector-how-to)",
    ),
    Edge("ConfigMap file-system-queries", "LustreFileSystem *", _NAMES_IT),
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


def edge_of(later: str, earlier: str, edges: Iterable[Edge] = EDGES) -> Edge | None:
    """The row that explains why `later` waits for `earlier`, None where none does.

    Args:
        later: `TYPE NAME`, `NodeGroup system`.
        earlier: The same.
        edges: The table.
    """
    return next(
        (
            edge
            for edge in edges
            if fnmatchcase(later, edge.later) and fnmatchcase(earlier, edge.earlier)
        ),
        None,
    )
