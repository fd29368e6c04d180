"""What a stack has in EKS: one cluster with a name that follows from the stack's."""

from collections.abc import Iterable
from typing import Any

from r1_on_eks.operations.account import FAILURES, Account, is_gone
from r1_on_eks.operations.inventory.thing import Kind, Thing, tags_of
from r1_on_eks.plan.names import STACK_TAG, cluster_name

_WORKING = ("CREATING", "UPDATING", "DELETING")


def _cluster(account: Account, stack: str) -> Thing | None:
    name = cluster_name(stack)
    try:
        found = account.client("eks").describe_cluster(name=name)["cluster"]
    except FAILURES as error:
        if is_gone(error):
            return None
        raise
    tags = tags_of(found.get("tags"))
    if tags.get(STACK_TAG) != stack:
        return None
    return Thing(
        "aws:eks/cluster:Cluster", name, tags, found["status"], found.get("createdAt"), found
    )


def _clusters(account: Account, stack: str) -> Iterable[Thing]:
    found = _cluster(account, stack)
    return [found] if found else []


def _inside(token: str, listing: str, names: str, describe: str, key: str, parameter: str) -> Any:
    """Parts of the cluster: listed by name, described one by one."""

    def things(account: Account, stack: str) -> Iterable[Thing]:
        cluster = _cluster(account, stack)
        if cluster is None:
            return
        eks = account.client("eks")
        for name in account.listed("eks", listing, names, clusterName=cluster.id):
            given = {"clusterName": cluster.id, parameter: name}
            try:
                found = getattr(eks, describe)(**given)[key]
            except FAILURES as error:
                if is_gone(error):
                    continue
                raise
            tags = tags_of(found.get("tags"))
            if tags.get(STACK_TAG) == stack:
                yield Thing(
                    token, f"{cluster.id}:{name}", tags, found.get("status", ""),
                    found.get("createdAt"), found,
                )  # fmt: skip

    return things


def _associations(account: Account, stack: str) -> Iterable[Thing]:
    cluster = _cluster(account, stack)
    if cluster is None:
        return
    eks = account.client("eks")
    for row in account.listed(
        "eks", "list_pod_identity_associations", "associations", clusterName=cluster.id
    ):
        found = eks.describe_pod_identity_association(
            clusterName=cluster.id, associationId=row["associationId"]
        )["association"]
        tags = tags_of(found.get("tags"))
        if tags.get(STACK_TAG) == stack:
            yield Thing(
                "aws:eks/podIdentityAssociation:PodIdentityAssociation", row["associationId"],
                tags, "", found.get("createdAt"), found,
            )  # fmt: skip


def _part(operation: str, parameter: str) -> Any:
    def delete(account: Account, thing: Thing) -> None:
        cluster, _, name = thing.id.partition(":")
        getattr(account.client("eks"), operation)(**{"clusterName": cluster, parameter: name})

    return delete


def _disassociate(account: Account, thing: Thing) -> None:
    account.client("eks").delete_pod_identity_association(
        clusterName=thing.about["clusterName"], associationId=thing.id
    )


def _delete_cluster(account: Account, thing: Thing) -> None:
    account.client("eks").delete_cluster(name=thing.id)


KINDS = (
    Kind(
        "aws:eks/nodeGroup:NodeGroup",
        _inside(
            "aws:eks/nodeGroup:NodeGroup", "list_nodegroups", "nodegroups", "describe_nodegroup",
            "nodegroup", "nodegroupName",
        ),
        _part("delete_nodegroup", "nodegroupName"),
        working=_WORKING,
        broken=("CREATE_FAILED", "DELETE_FAILED"),
    ),
    Kind(
        "aws:eks/addon:Addon",
        _inside("aws:eks/addon:Addon", "list_addons", "addons", "describe_addon", "addon",
                "addonName"),
        _part("delete_addon", "addonName"),
        working=_WORKING,
        broken=("CREATE_FAILED", "DELETE_FAILED"),
    ),
    Kind("aws:eks/podIdentityAssociation:PodIdentityAssociation", _associations, _disassociate),
    Kind(
        "aws:eks/accessEntry:AccessEntry",
        _inside(
            "aws:eks/accessEntry:AccessEntry", "list_access_entries", "accessEntries",
            "describe_access_entry", "accessEntry", "principalArn",
        ),
        _part("delete_access_entry", "principalArn"),
    ),
    Kind(
        "aws:eks/cluster:Cluster", _clusters, _delete_cluster, working=_WORKING,
        broken=("FAILED",),
    ),
)  # fmt: skip
