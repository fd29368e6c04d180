"""Whether who runs `pulumi up` may do what it does, as IAM simulates it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from r1_on_eks.operations.account import FAILURES
from r1_on_eks.operations.readiness.actions import actions_of
from r1_on_eks.operations.readiness.finding import Finding, lacking, ready, unknown
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.side_by_side import side_by_side

SUBJECT = "permissions"
PERMISSIONS = ("iam:SimulatePrincipalPolicy", "iam:GetRole")
_NAMED = 4
# One simulation of all actions may take longer than anybody waits; several at once are quicker.
_AT_A_TIME = 40
_WAIT_S = 4.0


def permission_findings(
    stack: str, principal: str, results: Sequence[Mapping[str, Any]]
) -> list[Finding]:
    """What a principal may not do of what a stack needs.

    Each action was simulated for all resources: what a policy allows for some names alone is
    told as denied.

    Args:
        stack: Its name.
        principal: ARN of role or user.
        results: As SimulatePrincipalPolicy shows them.
    """
    denied: dict[str, list[str]] = {}
    depends = []
    for one in results:
        action = one["EvalActionName"]
        if one["EvalDecision"] == "allowed":
            continue
        if one.get("MissingContextValues") and one["EvalDecision"] == "implicitDeny":
            depends.append(action)
        else:
            denied.setdefault(_by_whom(one), []).append(action)
    found = [
        lacking(
            SUBJECT,
            f"{whom} {_few(actions)} to {principal}, asked for all resources",
            _fix(stack, principal, whom),
        )
        for whom, actions in denied.items()
    ]
    if depends:
        found.append(
            unknown(SUBJECT, f"{_few(depends)} depend on conditions that can't be simulated")
        )
    if not found:
        found.append(ready(SUBJECT, f"all {len(results)} actions are allowed to {principal}"))
    return found


_NOT_ALLOWED = "no policy allows"
_DENIED = "a policy denies"
_ORGANIZATION = "the organization's service control policy denies"
_BOUNDARY = "the permissions boundary denies"


def _by_whom(one: Mapping[str, Any]) -> str:
    if not one.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
        return _ORGANIZATION
    boundary = one.get("PermissionsBoundaryDecisionDetail", {})
    if not boundary.get("AllowedByPermissionsBoundary", True):
        return _BOUNDARY
    return _DENIED if one["EvalDecision"] == "explicitDeny" else _NOT_ALLOWED


def _fix(stack: str, principal: str, whom: str) -> str:
    if whom != _NOT_ALLOWED:
        return "whoever owns that policy has to allow them"
    kind, _, name = principal.rpartition(":")[2].partition("/")
    kind = "user" if kind == "user" else "role"
    name = name.rpartition("/")[2]
    return (
        f"r1 check {stack} --policy > policy.json; aws iam put-{kind}-policy --{kind}-name {name}"
        " --policy-name r1-on-eks --policy-document file://policy.json"
    )


def _few(actions: Sequence[str]) -> str:
    more = f" and {len(actions) - _NAMED} more" if len(actions) > _NAMED else ""
    return f"{', '.join(actions[:_NAMED])}{more}"


def permissions(ground: Ground) -> Iterable[Finding]:
    """Asks IAM."""
    arn = ground.deployer or ground.caller["Arn"]
    if arn.endswith(":root"):
        return [ready(SUBJECT, "the root user may do everything in its account")]
    if ":federated-user/" in arn:
        return [unknown(SUBJECT, "IAM simulates no federated user", "assume a role")]
    principal = _principal(ground, arn)
    actions = actions_of(ground.plan)
    parts = [actions[start : start + _AT_A_TIME] for start in range(0, len(actions), _AT_A_TIME)]
    questions = [partial(_simulated, ground, principal, part) for part in parts]
    results = []
    for answer in side_by_side(questions, time.monotonic() + _WAIT_S):
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return [unknown(SUBJECT, "IAM's simulation has no answer in time", "ask again")]
        results += answer
    return permission_findings(ground.stack, principal, results)


def _simulated(
    ground: Ground, principal: str, actions: Sequence[str]
) -> list[Mapping[str, Any]] | Exception:
    try:
        return list(
            ground.account.listed(
                "iam", "simulate_principal_policy", "EvaluationResults",
                PolicySourceArn=principal, ActionNames=actions,
            )
        )  # fmt: skip
    except FAILURES as error:
        return error


def _principal(ground: Ground, arn: str) -> str:
    """ARN of a role that was assumed, with its path, which the session's ARN lacks."""
    if ":assumed-role/" not in arn:
        return arn
    partition, account, role = arn.split(":")[1], arn.split(":")[4], arn.split("/")[1]
    try:
        return ground.account.client("iam").get_role(RoleName=role)["Role"]["Arn"]
    except FAILURES:
        return f"arn:{partition}:iam::{account}:role/{role}"
