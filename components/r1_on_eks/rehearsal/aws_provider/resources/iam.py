"""Roles and what they may do."""
# ruff: noqa: ARG001 — every step and every look-up is called the same way.

import json
import urllib.parse
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


def _document(key: str) -> Any:
    """A policy as text; botocore reads it as an object."""

    def read(cloud: Any, answer: Any, values: Values) -> Any:
        found = answer[key]
        return urllib.parse.unquote(found) if isinstance(found, str) else json.dumps(found)

    return read


_ROLE = {"RoleName": "{id}"}


def _force_detach(cloud: Any, old: Values, new: Values) -> None:
    if not old.get("forceDetachPolicies"):
        return
    name = {"RoleName": old["id"]}
    for one in cloud.call("iam", "ListAttachedRolePolicies", name)["AttachedPolicies"]:
        cloud.call("iam", "DetachRolePolicy", {**name, "PolicyArn": one["PolicyArn"]})
    for policy in cloud.call("iam", "ListRolePolicies", name)["PolicyNames"]:
        cloud.call("iam", "DeleteRolePolicy", {**name, "PolicyName": policy})


ROLE = Row(
    token="aws:iam/role:Role",
    forces_replacement=cite(
        "internal/service/iam/role.go@0040ea6911af", "name", "namePrefix", "path"
    ),
    service="iam",
    create=Call(
        "CreateRole",
        {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
    ),
    id="Role.RoleName",
    id_parts=("name",),
    find=Find("GetRole", _ROLE, "Role"),
    delete=(_force_detach, Call("DeleteRole", given=_ROLE)),
    naming=Naming(most=64),
    tagging=Tagging("Tags", "list", "TagRole", "UntagRole", _ROLE, "Tags", "TagKeys"),
    updates=(
        Update(
            ("assumeRolePolicy",),
            Call("UpdateAssumeRolePolicy", {"assumeRolePolicy": "PolicyDocument"}, _ROLE),
        ),
        Update(("description", "maxSessionDuration"), Call("UpdateRole", given=_ROLE)),
    ),
    elsewhere=("forceDetachPolicies",),
    outputs={
        "name": "RoleName",
        "assumeRolePolicy": _document("AssumeRolePolicyDocument"),
        "uniqueId": "RoleId",
        "permissionsBoundary": "PermissionsBoundary.PermissionsBoundaryArn",
    },
    rules=(rules.name_length(64),),
)

_ATTACHMENT = {"RoleName": "{role}", "PolicyArn": "{policyArn}"}


def _find_attachment(cloud: Any, values: Values) -> Any:
    find = Find("ListAttachedRolePolicies", {"RoleName": "{role}"}, "AttachedPolicies")
    found = cloud.find("iam", find, values) or []
    return next((one for one in found if one["PolicyArn"] == values["policyArn"]), None)


ROLE_POLICY_ATTACHMENT = Row(
    token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    forces_replacement=cite(
        "internal/service/iam/role_policy_attachment.go@04c79849dbe7",
        "policyArn",
        "role",
    ),
    service="iam",
    create=Call("AttachRolePolicy", {"role": "RoleName"}),
    id="{role}/{policyArn}",
    id_parts=("role", "policyArn"),
    separator="/",
    find=_find_attachment,
    delete=(Call("DetachRolePolicy", given=_ATTACHMENT),),
)

_INLINE = {"RoleName": "{role}", "PolicyName": "{name}"}
ROLE_POLICY = Row(
    token="aws:iam/rolePolicy:RolePolicy",
    forces_replacement=cite(
        "internal/service/iam/role_policy.go@02f97af85f89",
        "name",
        "namePrefix",
        "role",
    ),
    service="iam",
    create=Call(
        "PutRolePolicy",
        {"role": "RoleName", "name": "PolicyName", "policy": "PolicyDocument"},
    ),
    id="{role}:{name}",
    id_parts=("role", "name"),
    find=Find("GetRolePolicy", _INLINE),
    delete=(Call("DeleteRolePolicy", given=_INLINE),),
    naming=Naming(most=128),
    updates=(Update(("policy",), Call("PutRolePolicy", {"policy": "PolicyDocument"}, _INLINE)),),
    outputs={
        "name": "PolicyName",
        "role": "RoleName",
        "policy": _document("PolicyDocument"),
    },
)

ROWS = (ROLE, ROLE_POLICY_ATTACHMENT, ROLE_POLICY)
