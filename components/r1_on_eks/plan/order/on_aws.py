"""What AWS is asked for: the network, the cluster, nodes, weights, the gateway."""

from r1_on_eks.plan.order.edge import NAMES_IT, NAMESPACE, Edge

_ROLE = "a role that has policies is not deleted (IAM API, DeleteRole: DeleteConflict)"

ON_AWS = (
    # The network.
    Edge("Subnet *", "Vpc *", NAMES_IT),
    Edge("RouteTable *", "Vpc *", NAMES_IT),
    Edge("InternetGateway *", "Vpc *", NAMES_IT),
    Edge("SecurityGroup *", "Vpc *", NAMES_IT),
    Edge("TargetGroup *", "Vpc *", NAMES_IT),
    Edge("VpcEndpoint *", "RouteTable network-private", NAMES_IT),
    Edge("VpcEndpoint *", "Subnet network-private-*", NAMES_IT),
    Edge("VpcEndpoint *", "SecurityGroup network-endpoints", NAMES_IT),
    Edge("RouteTableAssociation *", "RouteTable *", NAMES_IT),
    Edge("RouteTableAssociation *", "Subnet *", NAMES_IT),
    Edge("Route *", "RouteTable *", NAMES_IT),
    Edge("Route network-public-default", "InternetGateway *", NAMES_IT),
    Edge("Route network-private-default", "NatGateway *", NAMES_IT),
    Edge("NatGateway *", "Eip *", NAMES_IT),
    Edge("NatGateway *", "Subnet network-public-*", NAMES_IT),
    Edge(
        "NatGateway *",
        "Route network-public-default",
        "a NAT gateway fails in a network without an internet gateway (VPC guide,"
        " nat-gateway-troubleshooting); its address is not unmapped before it is gone",
    ),
    Edge("SecurityGroup*Rule *", "SecurityGroup *", NAMES_IT),
    Edge("DefaultSecurityGroup *", "Vpc *", "it is the network's own, and is emptied"),
    Edge("FlowLog *", "Vpc *", NAMES_IT),
    Edge("FlowLog *", "LogGroup network-flows", NAMES_IT),
    Edge("FlowLog *", "RolePolicy network-flows", "it may not write without it"),
    # Roles.
    Edge("RolePolicyAttachment *", "Role *", _ROLE),
    Edge("RolePolicy *", "Role *", _ROLE),
    # The control plane.
    Edge("Cluster *", "Subnet network-private-*", NAMES_IT),
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
    Edge("AccessEntry *", "Cluster *", NAMES_IT),
    Edge("AccessPolicyAssociation *", "AccessEntry *", NAMES_IT),
    Edge("Addon *", "Cluster *", NAMES_IT),
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
    Edge("NodeGroup *", "LaunchTemplate *", NAMES_IT),
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
    Edge("Addon system-fsx-csi", "Role system-fsx-csi", NAMES_IT),
    *(
        Edge("NodeGroup r1-*", one, "GPU nodes cost most: all that they wait for is there first")
        for one in ("Addon system-*", "Job r1-*-preload-job")
    ),
    # Nodes of one replica, side by side.
    Edge("LaunchTemplate r1-*", "Cluster *", "it names the nodes' group, which is EKS's own"),
    Edge("LaunchTemplate r1-*", "PlacementGroup *", NAMES_IT),
    Edge("LaunchTemplate r1-*", "SecurityGroup interconnect-nodes", NAMES_IT),
    # Weights.
    Edge("SecurityGroup*Rule storage-*", "Cluster *", "the nodes' group is EKS's own"),
    Edge(
        "LustreFileSystem *",
        "SecurityGroup*Rule storage-*",
        "rules that come later do not reach its servers",
    ),
    Edge("DataRepositoryAssociation *", "LustreFileSystem *", NAMES_IT),
    Edge(
        "PersistentVolume *",
        "DataRepositoryAssociation *",
        "before the import has listed the files, a pod finds an empty folder",
    ),
    Edge("PersistentVolumeClaim *", "PersistentVolume *", NAMES_IT),
    Edge("PersistentVolumeClaim *", "Namespace *", NAMESPACE),
    *(
        Edge("Job *", one, "its pod mounts the file system, on a node that exists")
        for one in ("Addon system-*", "RolePolicy system-*", "PersistentVolumeClaim *")
    ),
    Edge("Secret *", "Namespace *", NAMESPACE),
    Edge("Deployment *", "Secret *", "its pods read it"),
    Edge("LeaderWorkerSet *", "Secret *", "its pods read it"),
    Edge("PodIdentityAssociation *", "Role *", NAMES_IT),
    Edge("PodIdentityAssociation *", "Cluster *", NAMES_IT),
    # The gateway.
    Edge("LoadBalancer *", "SecurityGroup gateway-nlb", NAMES_IT),
    Edge("LoadBalancer *", "Subnet *", NAMES_IT),
    Edge("SecurityGroup*Rule gateway-*", "Cluster *", "the nodes' group is EKS's own"),
    Edge("Listener *", "LoadBalancer *", NAMES_IT),
    Edge("Listener *", "TargetGroup *", NAMES_IT),
    Edge("Attachment *", "TargetGroup *", NAMES_IT),
    Edge("Attachment *", "NodeGroup system", "its Auto Scaling group is the node group's"),
)
