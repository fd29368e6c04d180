"""All that is asked about a stack that stands, in the order in which it is told."""

from r1_on_eks.operations.readiness import weights
from r1_on_eks.operations.readiness.checks import Check
from r1_on_eks.operations.status import in_cluster, money, on_aws, routes, update
from r1_on_eks.operations.status.scene import Scene

_EKS = ("eks:DescribeCluster", "eks:ListNodegroups", "eks:DescribeNodegroup")
_FSX = ("fsx:DescribeFileSystems", "fsx:DescribeDataRepositoryAssociations")

QUESTIONS: tuple[Check[Scene], ...] = (
    Check(update.UPDATE, update.update),
    Check(update.LIFETIME, update.lifetime),
    Check(update.OUTPUTS, update.outputs),
    Check(on_aws.CLUSTER, on_aws.cluster, _EKS),
    Check(on_aws.NODE_GROUPS, on_aws.node_groups, _EKS),
    Check(in_cluster.API_SERVER, in_cluster.api_server, _EKS),
    Check(in_cluster.NODES, in_cluster.nodes, _EKS),
    Check("replicas", in_cluster.replicas, _EKS),
    Check(in_cluster.PODS, in_cluster.pods, _EKS),
    Check(in_cluster.PROMETHEUS, in_cluster.prometheus, _EKS),
    Check(in_cluster.JOBS, in_cluster.jobs, _EKS),
    Check(routes.GATEWAY, routes.gateway),
    Check(on_aws.FILE_SYSTEM, on_aws.file_system, _FSX),
    Check("weights", weights.bucket_and_weights, weights.PERMISSIONS),
    Check(money.MONEY, money.money),
)
