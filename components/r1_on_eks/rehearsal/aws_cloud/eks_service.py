"""The whole of EKS as one service: every feature's operations on one response class."""

from r1_on_eks.rehearsal.aws_cloud.eks_access import AccessEntries
from r1_on_eks.rehearsal.aws_cloud.eks_addons import Addons
from r1_on_eks.rehearsal.aws_cloud.eks_clusters import Clusters
from r1_on_eks.rehearsal.aws_cloud.eks_node_groups import NodeGroups
from r1_on_eks.rehearsal.aws_cloud.eks_pod_identity import PodIdentities
from r1_on_eks.rehearsal.aws_cloud.eks_state import EksBackend
from r1_on_eks.rehearsal.aws_cloud.eks_versions import ClusterVersions


class EksResponse(Clusters, NodeGroups, Addons, AccessEntries, PodIdentities, ClusterVersions):
    """Every operation of EKS that is rehearsed; any other answers 501 with its name."""


EksBackend.response_class = EksResponse
