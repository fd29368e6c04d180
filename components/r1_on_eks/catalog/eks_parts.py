"""Parts of a cluster whose versions AWS publishes: machine images and add-ons."""

SYSTEM_AMI = "AL2023_x86_64_STANDARD"
GPU_AMI = "AL2023_x86_64_NVIDIA"

# AMI type → its place among the public parameters of Systems Manager
# (EKS user guide, retrieve-ami-id; terraform-aws-eks modules/eks-managed-node-group, 2026-11).
AMI_PARAMETERS = {
    SYSTEM_AMI: "amazon-linux-2023/x86_64/standard/recommended/release_version",
    GPU_AMI: "amazon-linux-2023/x86_64/nvidia/recommended/release_version",
}

# In the order in which they work: a node needs the first three to become ready, the rest needs
# nodes (EKS user guide, workloads-add-ons-available-eks).
ADDONS = (
    "eks-pod-identity-agent",
    "kube-proxy",
    "vpc-cni",
    "coredns",
    "eks-node-monitoring-agent",
    "aws-fsx-csi-driver",
)
