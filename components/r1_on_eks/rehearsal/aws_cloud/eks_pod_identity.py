"""Pod identity associations of EKS, which moto lacks.

Source: EKS API reference, CreatePodIdentityAssociation; EKS user guide, pod-identities.
"""

import secrets
import string
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends

from r1_on_eks.rehearsal.aws_cloud.eks_state import (
    Cluster,
    EksBackend,
    EksRequest,
    Shape,
    in_use,
    invalid,
    not_found,
    now,
    page,
    refused,
)

_CHANGEABLE = ("roleArn", "targetRoleArn", "disableSessionTags", "policy")
_SUMMARY = (
    "clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn",
)  # fmt: skip


def associate(eks: EksBackend, cluster: Cluster, asked: Shape) -> Shape:
    """Remembers one association; `ownerArn` is the add-on's that made it.

    Raises:
        AwsError: the service account has one already, or the role cannot be assumed.
    """
    for other in cluster.pod_identities.values():
        if (other["namespace"], other["serviceAccount"]) == (
            asked["namespace"],
            asked["serviceAccount"],
        ):
            raise in_use(
                f"Association already exists: {other['associationId']} for "
                f"{asked['namespace']}/{asked['serviceAccount']}"
            )
    _check_role(eks, asked["roleArn"])
    alphabet = string.ascii_lowercase + string.digits
    identifier = "a-" + "".join(secrets.choice(alphabet) for _ in range(17))
    shape: dict[str, Any] = {
        "clusterName": cluster.name,
        "namespace": asked["namespace"],
        "serviceAccount": asked["serviceAccount"],
        "associationArn": eks.arn("podidentityassociation", cluster.name, identifier),
        "associationId": identifier,
        "tags": asked.get("tags", {}),
        "createdAt": now(),
        "modifiedAt": now(),
        "disableSessionTags": False,
    }
    for key in (*_CHANGEABLE, "ownerArn"):
        if asked.get(key) is not None:
            shape[key] = asked[key]
    cluster.pod_identities[identifier] = shape
    return shape


class PodIdentities(EksRequest):
    """The operations on pod identity associations."""

    def create_pod_identity_association(self) -> ActionResult:
        """CreatePodIdentityAssociation."""
        asked = self.request()
        cluster = self.active_cluster(asked["clusterName"])
        return ActionResult({"association": associate(self.eks, cluster, asked)})

    def describe_pod_identity_association(self) -> ActionResult:
        """DescribePodIdentityAssociation."""
        return ActionResult({"association": self._association(self.request())})

    def update_pod_identity_association(self) -> ActionResult:
        """UpdatePodIdentityAssociation; an add-on's own is changed through the add-on."""
        asked = self.request()
        shape = self._association(asked)
        _check_free(shape)
        if "roleArn" in asked:
            _check_role(self.eks, asked["roleArn"])
        shape.update({key: asked[key] for key in _CHANGEABLE if key in asked})
        shape["modifiedAt"] = now()
        return ActionResult({"association": shape})

    def delete_pod_identity_association(self) -> ActionResult:
        """DeletePodIdentityAssociation."""
        asked = self.request()
        shape = self._association(asked)
        _check_free(shape)
        del self.eks.cluster(asked["clusterName"]).pod_identities[shape["associationId"]]
        return ActionResult({"association": shape})

    def list_pod_identity_associations(self) -> ActionResult:
        """ListPodIdentityAssociations, by namespace and service account if given."""
        asked = self.request()
        found = [
            {key: shape[key] for key in _SUMMARY if key in shape}
            for shape in self.eks.cluster(asked["clusterName"]).pod_identities.values()
            if asked.get("namespace") in (None, shape["namespace"])
            and asked.get("serviceAccount") in (None, shape["serviceAccount"])
        ]
        associations, token = page(found, asked)
        return ActionResult({"associations": associations, "nextToken": token})

    def _association(self, asked: Shape) -> Shape:
        known = self.eks.cluster(asked["clusterName"]).pod_identities
        if asked["associationId"] not in known:
            raise not_found(
                "The specified pod identity association could not be found: "
                f"{asked['associationId']}"
            )
        return known[asked["associationId"]]


def _check_free(shape: Shape) -> None:
    if "ownerArn" in shape:
        raise refused(
            f"The association {shape['associationId']} is owned by {shape['ownerArn']}; "
            "change it through the add-on."
        )


def _check_role(eks: EksBackend, arn: str) -> None:
    """EKS tries to assume the role: it must exist and trust pods.eks.amazonaws.com."""
    roles = iam_backends[eks.account_id]["aws"].roles.values()
    role = next((role for role in roles if role.arn == arn), None)
    if role is None or "pods.eks.amazonaws.com" not in role.assume_role_policy_document:
        raise invalid(
            f"Trust relationship of role {arn} does not allow pods.eks.amazonaws.com to assume "
            "it, or the role does not exist."
        )
