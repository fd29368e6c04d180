"""Access entries and access policies of EKS, which moto lacks.

Source: EKS API reference (CreateAccessEntry, AssociateAccessPolicy) and the EKS user guide,
access-entries and access-policy-permissions.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from moto.core.responses import ActionResult, EmptyResult

from r1_on_eks.rehearsal.aws_cloud.eks_state import (
    AccessEntry,
    Cluster,
    EksRequest,
    Shape,
    in_use,
    invalid,
    new_id,
    not_found,
    now,
    page,
    refused,
)
from r1_on_eks.rehearsal.aws_cloud.own_service import AwsError

_POLICY = "arn:aws:eks::aws:cluster-access-policy/"
_ALL = {"type": "cluster"}
POLICY_NAMES = (
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
)
# A role that is linked to a service is the service's alone. The message is one that others met;
# its code is assumed.
_SERVICE_LINKED = ":role/aws-service-role/"
_NOT_YOURS = (
    "The caller is not allowed to modify access entries with a principalArn value of a Service"
    " Linked Role"
)
_NODE_TYPES = ("EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX")


@dataclass(frozen=True)
class ClusterIdentity:
    """Who a caller is inside a cluster."""

    username: str
    groups: list[str]
    principal_arn: str


def identity_of(cluster: Cluster, caller_arn: str) -> ClusterIdentity | None:
    """The caller's identity by the access entry of its role, or None without an entry.

    AmazonEKSClusterAdminPolicy for the whole cluster gives system:masters. The weaker policies
    give nothing here: EKS grants them in an authorizer that the API server does not have.
    """
    account, _, rest = caller_arn.removeprefix("arn:aws:sts::").partition(":assumed-role/")
    role, _, session = rest.partition("/")
    entry = cluster.access_entries.get(f"arn:aws:iam::{account}:role/{role}")
    if entry is None or cluster.shape["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        return None
    policy = entry.policies.get(_POLICY + "AmazonEKSClusterAdminPolicy")
    admin = policy is not None and policy["accessScope"]["type"] == "cluster"
    groups = [*entry.shape["kubernetesGroups"], *(["system:masters"] if admin else [])]
    username = entry.shape["username"].replace("{{SessionName}}", session)
    return ClusterIdentity(username, groups, entry.shape["principalArn"])


def add_entry(arn_of_entry: str, cluster: Cluster, asked: Shape) -> AccessEntry:
    """Remembers one access entry, its user name as EKS would choose it."""
    principal, kind = asked["principalArn"], asked.get("type", "STANDARD")
    entry = AccessEntry(
        {
            "clusterName": cluster.name,
            "principalArn": principal,
            "kubernetesGroups": asked.get("kubernetesGroups", []),
            "accessEntryArn": arn_of_entry,
            "createdAt": now(),
            "modifiedAt": now(),
            "tags": asked.get("tags", {}),
            "username": asked.get("username") or _username(principal, kind),
            "type": kind,
        }
    )
    cluster.access_entries[principal] = entry
    return entry


def admit(cluster: Cluster, role_arn: str, policy_name: str) -> None:
    """A service of AWS's lets its own role in, where the authentication mode has API."""
    if cluster.shape["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        return
    account, _, path = role_arn.removeprefix("arn:aws:iam::").partition(":role/")
    region = cluster.shape["arn"].split(":")[3]
    name = "/".join((cluster.name, "role", account, path.rpartition("/")[2], new_id()))
    arn = f"arn:aws:eks:{region}:{account}:access-entry/{name}"
    _associate(add_entry(arn, cluster, {"principalArn": role_arn}), _POLICY + policy_name, _ALL)


def expel(clusters: Iterable[Cluster], role_arn: str) -> None:
    """A service of AWS's takes its own role's entry away, wherever it is."""
    for cluster in clusters:
        cluster.access_entries.pop(role_arn, None)


class AccessEntries(EksRequest):
    """The operations on access entries."""

    def create_access_entry(self) -> ActionResult:
        """CreateAccessEntry."""
        asked = self.request()
        cluster = self.active_cluster(asked["clusterName"])
        if cluster.shape["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
            raise refused(
                "The cluster's authentication mode must be set to one of "
                "[API, API_AND_CONFIG_MAP] to perform this operation."
            )
        principal = asked["principalArn"]
        _must_be_yours(principal)
        if principal in cluster.access_entries:
            raise in_use("The specified access entry resource is already in use on this cluster.")
        if not principal.startswith(f"arn:aws:iam::{self.current_account}:"):
            raise invalid(f"The specified principalArn is invalid: invalid principal {principal}")
        if asked.get("type", "STANDARD") in _NODE_TYPES and asked.get("kubernetesGroups"):
            raise invalid("The specified type doesn't allow kubernetesGroups.")
        entry = add_entry(self._arn(cluster, principal), cluster, asked)
        return ActionResult({"accessEntry": entry.shape})

    def describe_access_entry(self) -> ActionResult:
        """DescribeAccessEntry."""
        return ActionResult({"accessEntry": self._entry(self.request()).shape})

    def update_access_entry(self) -> ActionResult:
        """UpdateAccessEntry: groups and user name."""
        asked = self.request()
        _must_be_yours(asked["principalArn"])
        shape = self._entry(asked).shape
        for key in ("kubernetesGroups", "username"):
            if key in asked:
                shape[key] = asked[key]
        shape["modifiedAt"] = now()
        return ActionResult({"accessEntry": shape})

    def delete_access_entry(self) -> ActionResult:
        """DeleteAccessEntry."""
        asked = self.request()
        _must_be_yours(asked["principalArn"])
        self._entry(asked)
        del self.eks.cluster(asked["clusterName"]).access_entries[asked["principalArn"]]
        return EmptyResult()

    def list_access_entries(self) -> ActionResult:
        """ListAccessEntries."""
        asked = self.request()
        policy = asked.get("associatedPolicyArn")
        entries = self.eks.cluster(asked["clusterName"]).access_entries
        found = sorted(
            arn for arn, entry in entries.items() if not policy or policy in entry.policies
        )
        names, token = page(found, asked)
        return ActionResult({"accessEntries": names, "nextToken": token})

    def list_access_policies(self) -> ActionResult:
        """ListAccessPolicies: the five that are granted to people."""
        policies = [{"name": name, "arn": _POLICY + name} for name in POLICY_NAMES]
        found, token = page(policies, self.request())
        return ActionResult({"accessPolicies": found, "nextToken": token})

    def associate_access_policy(self) -> ActionResult:
        """AssociateAccessPolicy; a second time changes the scope."""
        asked = self.request()
        entry, policy = self._entry(asked), asked["policyArn"]
        if policy.removeprefix(_POLICY) not in POLICY_NAMES:
            raise invalid("The policyArn parameter format is not valid")
        if entry.shape["type"] != "STANDARD":
            raise refused("Access policies can only be associated with STANDARD access entries.")
        scope = asked["accessScope"]
        if scope.get("type") == "namespace" and not scope.get("namespaces"):
            raise invalid("namespaces is required for an access scope of type namespace")
        if scope.get("type") == "cluster" and scope.get("namespaces"):
            raise invalid("namespaces is not allowed for an access scope of type cluster")
        _associate(entry, policy, scope)
        return ActionResult(
            {
                "clusterName": asked["clusterName"],
                "principalArn": asked["principalArn"],
                "associatedAccessPolicy": entry.policies[policy],
            }
        )

    def disassociate_access_policy(self) -> ActionResult:
        """DisassociateAccessPolicy."""
        asked = self.request()
        policies = self._entry(asked).policies
        if asked["policyArn"] not in policies:
            raise not_found("The specified policyArn is not associated with the access entry.")
        del policies[asked["policyArn"]]
        return EmptyResult()

    def list_associated_access_policies(self) -> ActionResult:
        """ListAssociatedAccessPolicies."""
        asked = self.request()
        found, token = page(list(self._entry(asked).policies.values()), asked)
        return ActionResult(
            {
                "clusterName": asked["clusterName"],
                "principalArn": asked["principalArn"],
                "associatedAccessPolicies": found,
                "nextToken": token,
            }
        )

    def _arn(self, cluster: Cluster, principal: str) -> str:
        kind, _, name = principal.rpartition(":")[2].partition("/")
        return self.eks.arn(
            "access-entry", cluster.name, kind, self.current_account, name, new_id()
        )

    def _entry(self, asked: Shape) -> AccessEntry:
        entries = self.eks.cluster(asked["clusterName"]).access_entries
        if asked["principalArn"] not in entries:
            raise _no_entry(asked["principalArn"])
        return entries[asked["principalArn"]]


def _associate(entry: AccessEntry, policy: str, scope: Shape) -> None:
    before = entry.policies.get(policy, {})
    entry.policies[policy] = {
        "policyArn": policy,
        "accessScope": {"type": scope["type"], "namespaces": scope.get("namespaces", [])},
        "associatedAt": before.get("associatedAt", now()),
        "modifiedAt": now(),
    }


def _must_be_yours(principal: str) -> None:
    if _SERVICE_LINKED in principal:
        raise refused(_NOT_YOURS)


def _no_entry(principal: str) -> AwsError:
    return not_found(f"The specified principalArn could not be found: {principal}")


def _username(principal: str, kind: str) -> str:
    if kind != "STANDARD":
        return "system:node:{{EC2PrivateDNSName}}"
    if ":role/" not in principal:
        return principal
    role = principal.rpartition("/")[2]
    account = principal.split(":")[4]
    return f"arn:aws:sts::{account}:assumed-role/{role}/{{{{SessionName}}}}"
