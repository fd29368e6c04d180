"""What a stack has elsewhere: load balancers, file systems, roles, keys, log groups."""

from collections.abc import Callable, Iterable
from typing import Any

from r1_on_eks.operations.account import FAILURES, Account, code_of
from r1_on_eks.operations.inventory.thing import Kind, Thing, tags_of
from r1_on_eks.plan.names import STACK_TAG, role_name

_LB = "aws:lb/loadBalancer:LoadBalancer"
_MONITOR = "aws:costexplorer/anomalyMonitor:AnomalyMonitor"
_SUBSCRIPTION = "aws:costexplorer/anomalySubscription:AnomalySubscription"
_FSX_WORKING = ("CREATING", "UPDATING", "DELETING")


def _ours(account: Account, stack: str, token: str, arns: dict[str, Any]) -> Iterable[Thing]:
    """Those of elbv2 that carry the stack's tag; it tells tags of twenty at a time."""
    elb, wanted = account.client("elbv2"), list(arns)
    for start in range(0, len(wanted), 20):
        described = elb.describe_tags(ResourceArns=wanted[start : start + 20])
        for one in described["TagDescriptions"]:
            tags, about = tags_of(one["Tags"]), arns[one["ResourceArn"]]
            if tags.get(STACK_TAG) == stack:
                status = about.get("State", {}).get("Code", "")
                created = about.get("CreatedTime")
                yield Thing(token, one["ResourceArn"], tags, status, created, about)


def _balancers(account: Account, stack: str) -> Iterable[Thing]:
    listed = account.listed("elbv2", "describe_load_balancers", "LoadBalancers")
    return _ours(account, stack, _LB, {one["LoadBalancerArn"]: one for one in listed})


def _listeners(account: Account, stack: str) -> Iterable[Thing]:
    found = {
        one["ListenerArn"]: one
        for balancer in _balancers(account, stack)
        for one in account.listed(
            "elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer.id
        )
    }
    return _ours(account, stack, "aws:lb/listener:Listener", found)


def _target_groups(account: Account, stack: str) -> Iterable[Thing]:
    listed = account.listed("elbv2", "describe_target_groups", "TargetGroups")
    found = {one["TargetGroupArn"]: one for one in listed}
    return _ours(account, stack, "aws:lb/targetGroup:TargetGroup", found)


def _file_systems(account: Account, stack: str) -> Iterable[Thing]:
    for one in account.listed("fsx", "describe_file_systems", "FileSystems"):
        tags = tags_of(one.get("Tags"))
        if tags.get(STACK_TAG) == stack:
            yield Thing(
                "aws:fsx/lustreFileSystem:LustreFileSystem", one["FileSystemId"], tags,
                one["Lifecycle"], one.get("CreationTime"), one,
            )  # fmt: skip


def _links(account: Account, stack: str) -> Iterable[Thing]:
    for one in account.listed("fsx", "describe_data_repository_associations", "Associations"):
        tags = tags_of(one.get("Tags"))
        if tags.get(STACK_TAG) == stack:
            yield Thing(
                "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
                one["AssociationId"], tags, one["Lifecycle"], one.get("CreationTime"), one,
            )  # fmt: skip


def _delete_file_system(account: Account, thing: Thing) -> None:
    given = (
        {}
        if "SCRATCH" in thing.about["LustreConfiguration"]["DeploymentType"]
        else {"LustreConfiguration": {"SkipFinalBackup": True}}
    )
    account.client("fsx").delete_file_system(FileSystemId=thing.id, **given)


def _unlink(account: Account, thing: Thing) -> None:
    account.client("fsx").delete_data_repository_association(
        AssociationId=thing.id, DeleteDataInFileSystem=False
    )


def _roles(account: Account, stack: str) -> Iterable[Thing]:
    for one in account.listed("iam", "list_roles", "Roles"):
        # IAM lists no tags; the names are deterministic.
        if one["RoleName"].startswith(role_name(stack, "")):
            tags = tags_of(
                account.listed("iam", "list_role_tags", "Tags", RoleName=one["RoleName"])
            )
            if tags.get(STACK_TAG) == stack:
                yield Thing("aws:iam/role:Role", one["RoleName"], tags, "", one["CreateDate"], one)


def _delete_role(account: Account, thing: Thing) -> None:
    iam = account.client("iam")
    for policy in account.listed(
        "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=thing.id
    ):
        iam.detach_role_policy(RoleName=thing.id, PolicyArn=policy["PolicyArn"])
    for name in account.listed("iam", "list_role_policies", "PolicyNames", RoleName=thing.id):
        iam.delete_role_policy(RoleName=thing.id, PolicyName=name)
    iam.delete_role(RoleName=thing.id)


def _keys(account: Account, stack: str) -> Iterable[Thing]:
    kms = account.client("kms")
    for row in account.listed("kms", "list_keys", "Keys"):
        try:
            tags = tags_of(kms.list_resource_tags(KeyId=row["KeyId"])["Tags"])
        except FAILURES:
            # Keys of AWS's own, and those whose policy keeps us out: not the stack's.
            continue
        if tags.get(STACK_TAG) == stack:
            about = kms.describe_key(KeyId=row["KeyId"])["KeyMetadata"]
            yield Thing(
                "aws:kms/key:Key", row["KeyId"], tags, about["KeyState"], about["CreationDate"],
                about,
            )  # fmt: skip


def _schedule_deletion(account: Account, thing: Thing) -> None:
    account.client("kms").schedule_key_deletion(KeyId=thing.id, PendingWindowInDays=7)


def _log_groups(account: Account, stack: str) -> Iterable[Thing]:
    logs = account.client("logs")
    for one in account.listed("logs", "describe_log_groups", "logGroups"):
        arn = one["arn"].removesuffix(":*")
        tags = tags_of(logs.list_tags_for_resource(resourceArn=arn)["tags"])
        if tags.get(STACK_TAG) == stack:
            yield Thing("aws:cloudwatch/logGroup:LogGroup", one["logGroupName"], tags, about=one)


def _anomalies(
    kind: str, operation: str, member: str, identifier: str
) -> Callable[[Account, str], Iterable[Thing]]:
    """Monitors or subscriptions; Cost Explorer tells tags of one at a time."""

    def things(account: Account, stack: str) -> Iterable[Thing]:
        explorer: Any = account.client("ce")
        page: dict[str, str] | None = {}
        while page is not None:
            try:
                told = getattr(explorer, operation)(**page)
            except FAILURES as error:
                # Most members of an organization may not ask for costs. They could have made
                # none of these, which cost nothing; all else is still to be told.
                if "AccessDenied" in code_of(error):
                    return
                raise
            for one in told[member]:
                arn = one[identifier]
                tags = tags_of(explorer.list_tags_for_resource(ResourceArn=arn)["ResourceTags"])
                if tags.get(STACK_TAG) == stack:
                    yield Thing(kind, arn, tags, about=one)
            following = told.get("NextPageToken")
            page = {"NextPageToken": following} if following else None

    return things


def _by(service: str, operation: str, parameter: str) -> Any:
    return lambda account, thing: getattr(account.client(service), operation)(
        **{parameter: thing.id}
    )


KINDS = (
    Kind("aws:lb/listener:Listener", _listeners, _by("elbv2", "delete_listener", "ListenerArn")),
    Kind(
        _LB, _balancers, _by("elbv2", "delete_load_balancer", "LoadBalancerArn"),
        working=("provisioning",), broken=("failed",),
    ),
    Kind(
        "aws:lb/targetGroup:TargetGroup", _target_groups,
        _by("elbv2", "delete_target_group", "TargetGroupArn"),
    ),
    Kind(
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation", _links, _unlink,
        working=_FSX_WORKING, broken=("FAILED", "MISCONFIGURED"),
    ),
    Kind(
        "aws:fsx/lustreFileSystem:LustreFileSystem", _file_systems, _delete_file_system,
        working=_FSX_WORKING, broken=("FAILED",),
    ),
    Kind(
        _SUBSCRIPTION,
        _anomalies(
            _SUBSCRIPTION, "get_anomaly_subscriptions", "AnomalySubscriptions", "SubscriptionArn"
        ),
        _by("ce", "delete_anomaly_subscription", "SubscriptionArn"),
    ),
    Kind(
        _MONITOR,
        _anomalies(_MONITOR, "get_anomaly_monitors", "AnomalyMonitors", "MonitorArn"),
        _by("ce", "delete_anomaly_monitor", "MonitorArn"),
    ),
    Kind("aws:iam/role:Role", _roles, _delete_role),
    Kind("aws:cloudwatch/logGroup:LogGroup", _log_groups,
         _by("logs", "delete_log_group", "logGroupName")),
    Kind("aws:kms/key:Key", _keys, _schedule_deletion),
)  # fmt: skip
