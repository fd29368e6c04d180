"""User data of nodes with an EKS AMI: what is added to the configuration that EKS writes."""

import base64

from r1_on_eks.catalog.instances import InstanceType

# containerd's images and the kubelet's volumes move onto the instance store.
_LOCAL_NVME = """\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  instance:
    localStorage:
      strategy: RAID0

--//--
"""


def user_data_of(instance: InstanceType) -> str | None:
    """Base64 text for a launch template, or None where EKS's own is enough.

    Only types with an instance store get one: RAID0 without NVMe fails the node's start.
    Source: EKS user guide, launch-templates; awslabs/amazon-eks-ami nodeadm, 2026-11.
    """
    if instance.local_nvme_gb == 0:
        return None
    return base64.b64encode(_LOCAL_NVME.encode()).decode()


# GiB. With RAID0 images, pods and logs are on the instance store; without, on the root volume.
_ROOT_BESIDE_NVME = 100
_ROOT_ALONE = 200


def root_gib(instance: InstanceType) -> int:
    """Size of the root volume."""
    return _ROOT_BESIDE_NVME if instance.local_nvme_gb else _ROOT_ALONE
