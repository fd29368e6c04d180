"""Log groups."""
# ruff: noqa: ARG001, ARG005 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import rules
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Naming,
    Row,
    Tagging,
    Update,
    Values,
    cite,
)


def _find(cloud: Any, values: Values) -> Any:
    find = Find("DescribeLogGroups", {"logGroupNamePrefix": "{id}"}, "logGroups")
    found = cloud.find("logs", find, values) or []
    return next((one for one in found if one["logGroupName"] == values["id"]), None)


def _retain(cloud: Any, old: Values, new: Values) -> None:
    name = {"logGroupName": new["id"]}
    if new.get("retentionInDays"):
        given = {**name, "retentionInDays": new["retentionInDays"]}
        cloud.call("logs", "PutRetentionPolicy", given)
    else:
        cloud.call("logs", "DeleteRetentionPolicy", name)


def _encrypt(cloud: Any, old: Values, new: Values) -> None:
    name = {"logGroupName": new["id"]}
    if new.get("kmsKeyId"):
        cloud.call("logs", "AssociateKmsKey", {**name, "kmsKeyId": new["kmsKeyId"]})
    else:
        cloud.call("logs", "DisassociateKmsKey", name)


_ARN = {"resourceArn": "{arn}"}
LOG_GROUP = Row(
    token="aws:cloudwatch/logGroup:LogGroup",
    forces_replacement=cite(
        "internal/service/logs/group.go@0073593e7d69",
        "logGroupClass",
        "name",
        "namePrefix",
    ),
    service="logs",
    create=Call("CreateLogGroup", {"name": "logGroupName"}),
    id="{name}",
    id_parts=("name",),
    find=_find,
    delete=(Call("DeleteLogGroup", given={"logGroupName": "{id}"}),),
    naming=Naming(most=512),
    tagging=Tagging(
        "tags", "map", "TagResource", "UntagResource", _ARN,
        find=Find("ListTagsForResource", _ARN, "tags"),
    ),
    updates=(
        Update(("retentionInDays",), _retain, after_create=True),
        Update(("kmsKeyId",), _encrypt),
    ),
    outputs={
        "name": "logGroupName",
        "arn": lambda cloud, answer, values: answer["arn"].removesuffix(":*"),
    },
    rules=(rules.retention_days, rules.name_length(512)),
)  # fmt: skip

ROWS = (LOG_GROUP,)
