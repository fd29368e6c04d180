"""Keys and their names."""
# ruff: noqa: ARG001 — every step and every look-up is called the same way.

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
    Wait,
    cite,
)

_KEY = {"KeyId": "{id}"}


def _rotate(cloud: Any, old: Values, new: Values) -> None:
    operation = "EnableKeyRotation" if new.get("enableKeyRotation") else "DisableKeyRotation"
    cloud.call("kms", operation, {"KeyId": new["id"]})


def _rotates(cloud: Any, answer: Any, values: Values) -> Any:
    return cloud.call("kms", "GetKeyRotationStatus", {"KeyId": values["id"]})["KeyRotationEnabled"]


def _policy(cloud: Any, answer: Any, values: Values) -> Any:
    given = {"KeyId": values["id"], "PolicyName": "default"}
    return cloud.call("kms", "GetKeyPolicy", given)["Policy"]


KEY = Row(
    token="aws:kms/key:Key",
    forces_replacement=cite(
        "internal/service/kms/key.go@00a35305dc1b",
        "customKeyStoreId",
        "customerMasterKeySpec",
        "keyUsage",
        "multiRegion",
        "xksKeyId",
    ),
    service="kms",
    create=Call("CreateKey", {"customerMasterKeySpec": "KeySpec"}),
    id="KeyMetadata.KeyId",
    find=Find("DescribeKey", _KEY, "KeyMetadata"),
    delete=(
        Call(
            "ScheduleKeyDeletion",
            given={**_KEY, "PendingWindowInDays": "{deletionWindowInDays}"},
        ),
    ),
    tagging=Tagging(
        "Tags", "kms", "TagResource", "UntagResource", _KEY, "Tags", "TagKeys",
        Find("ListResourceTags", _KEY, "Tags"),
    ),
    updates=(
        Update(("enableKeyRotation",), _rotate, after_create=True),
        Update(("description",), Call("UpdateKeyDescription", given=_KEY)),
        Update(("policy",), Call("PutKeyPolicy", given={**_KEY, "PolicyName": "default"})),
    ),
    elsewhere=("deletionWindowInDays",),
    outputs={
        "enableKeyRotation": _rotates,
        "policy": _policy,
        "isEnabled": "Enabled",
        "customerMasterKeySpec": "KeySpec",
    },
    wait=Wait("KeyState", ("Enabled",)),
    gone=("PendingDeletion",),
    rules=(rules.deletion_window,),
)  # fmt: skip


def _find_alias(cloud: Any, values: Values) -> Any:
    find = Find("ListAliases", {}, "Aliases")
    found = cloud.find("kms", find, values) or []
    return next((one for one in found if one["AliasName"] == values["id"]), None)


def _target_arn(cloud: Any, answer: Any, values: Values) -> Any:
    return cloud.call("kms", "DescribeKey", {"KeyId": answer["TargetKeyId"]})["KeyMetadata"]["Arn"]


ALIAS = Row(
    token="aws:kms/alias:Alias",
    forces_replacement=cite(
        "internal/service/kms/alias.go@01c08000ddb1",
        "name",
        "namePrefix",
    ),
    service="kms",
    create=Call("CreateAlias", {"name": "AliasName"}),
    id="{name}",
    id_parts=("name",),
    find=_find_alias,
    delete=(Call("DeleteAlias", given={"AliasName": "{id}"}),),
    naming=Naming(most=256),
    updates=(Update(("targetKeyId",), Call("UpdateAlias", given={"AliasName": "{id}"})),),
    outputs={
        "name": "AliasName",
        "arn": "AliasArn",
        "targetKeyArn": _target_arn,
    },
)

ROWS = (KEY, ALIAS)
