"""Workspaces of Amazon Managed Service for Prometheus, and their parts.

Source: the service's API reference. What is asked of a part that is not there is refused as not
found, and a second creation as a conflict; the reference says only not to do either.
"""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from r1_on_eks.rehearsal.aws_cloud.amp_documents import check_definition, check_rules
from r1_on_eks.rehearsal.aws_cloud.amp_state import (
    AmpRequest,
    Shape,
    Workspace,
    conflict,
    has,
    invalid,
    new_id,
    not_found,
    now,
)
from r1_on_eks.rehearsal.aws_cloud.background import later
from r1_on_eks.rehearsal.aws_cloud.eks_state import page

# User guide, AMP-workspace-configuration.
_MOST_RETENTION_DAYS = 1095
_CONFIGURED = (
    "limitsPerLabelSet",
    "retentionPeriodInDays",
    "outOfOrderTimeWindowInSeconds",
    "ruleQueryOffsetInSeconds",
)


class Workspaces(AmpRequest):
    """The operations on workspaces, their configuration and the tags of everything."""

    def create_workspace(self) -> ActionResult:
        """CreateWorkspace; an alias need not be the only one of its kind."""
        asked = self.request()
        identifier = new_id("ws")
        shape: Shape = {
            "workspaceId": identifier,
            "arn": self.amp.arn("workspace", identifier),
            "status": has("CREATING"),
            "createdAt": now(),
            "prometheusEndpoint": f"https://aps-workspaces.{self.region}.amazonaws.com"
            f"/workspaces/{identifier}/",
            "tags": asked.get("tags", {}),
            **{key: asked[key] for key in ("alias", "kmsKeyArn") if key in asked},
        }
        self.amp.workspaces[identifier] = Workspace(shape)
        answer = ActionResult(dict(shape))
        later(f"create {identifier}", lambda: becomes(shape, "ACTIVE"))
        return answer

    def describe_workspace(self) -> ActionResult:
        """DescribeWorkspace."""
        return ActionResult({"workspace": self.amp.workspace(self.request()["workspaceId"]).shape})

    def list_workspaces(self) -> ActionResult:
        """ListWorkspaces, those whose alias begins so."""
        asked = self.request()
        shapes = [one.shape for one in self.amp.workspaces.values()]
        begins = asked.get("alias", "")
        found = [one for one in shapes if one.get("alias", "").startswith(begins)]
        listed, token = page(found, asked)
        return ActionResult({"workspaces": listed, "nextToken": token})

    def update_workspace_alias(self) -> ActionResult:
        """UpdateWorkspaceAlias."""
        asked = self.request()
        shape = self.active_workspace(asked["workspaceId"]).shape
        shape["alias"] = asked.get("alias")
        return EmptyResult()

    def delete_workspace(self) -> ActionResult:
        """DeleteWorkspace, with all its parts.

        A scraper that writes to it stays: nothing says that AWS asks for one.
        """
        identifier = self.request()["workspaceId"]
        self.active_workspace(identifier).shape["status"] = has("DELETING")
        workspaces = self.amp.workspaces
        later(f"delete {identifier}", lambda: _forget(workspaces, identifier))
        return EmptyResult()

    def describe_workspace_configuration(self) -> ActionResult:
        """DescribeWorkspaceConfiguration; every workspace has one."""
        workspace = self.amp.workspace(self.request()["workspaceId"])
        return ActionResult({"workspaceConfiguration": workspace.configuration})

    def update_workspace_configuration(self) -> ActionResult:
        """UpdateWorkspaceConfiguration: what is given, and nothing else."""
        asked = self.request()
        configuration = self.active_workspace(asked["workspaceId"]).configuration
        wanted = {key: asked[key] for key in _CONFIGURED if key in asked}
        if not wanted:
            raise invalid(f"One of {', '.join(_CONFIGURED)} is needed")
        if wanted.get("retentionPeriodInDays", 1) > _MOST_RETENTION_DAYS:
            raise invalid(
                f"retentionPeriodInDays: value {wanted['retentionPeriodInDays']} is more than"
                f" {_MOST_RETENTION_DAYS}"
            )
        if configuration["status"]["statusCode"] == "UPDATING":
            raise conflict(f"The configuration of {asked['workspaceId']} is UPDATING")
        configuration.update(wanted, status=has("UPDATING"))
        later("configure workspace", lambda: becomes(configuration, "ACTIVE"))
        return ActionResult({"status": has("UPDATING")})

    def tag_resource(self) -> ActionResult:
        """TagResource, for every kind of resource."""
        asked = self.request()
        self.amp.tag_resource(asked["resourceArn"], asked["tags"])
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """UntagResource."""
        asked = self.request()
        keys = asked["tagKeys"]
        self.amp.untag_resource(asked["resourceArn"], [keys] if isinstance(keys, str) else keys)
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """ListTagsForResource."""
        return ActionResult({"tags": self.amp.tags_of(self.request()["resourceArn"])})


class Alerting(AmpRequest):
    """The operations on what a workspace computes and whom it tells."""

    def create_rule_groups_namespace(self) -> ActionResult:
        """CreateRuleGroupsNamespace."""
        asked = self.request()
        workspace, name = self.active_workspace(asked["workspaceId"]), asked["name"]
        if name in workspace.namespaces:
            raise conflict(f"Rule groups namespace {name} exists already")
        check_rules(name, asked["data"])
        shape: Shape = {
            "arn": self.amp.arn("rulegroupsnamespace", asked["workspaceId"], name),
            "name": name,
            "tags": asked.get("tags", {}),
            **_made(asked["data"]),
        }
        workspace.namespaces[name] = shape
        answer = ActionResult(dict(shape))
        later(f"create rules {name}", lambda: becomes(shape, "ACTIVE"))
        return answer

    def describe_rule_groups_namespace(self) -> ActionResult:
        """DescribeRuleGroupsNamespace."""
        return ActionResult({"ruleGroupsNamespace": self._namespace(self.request())})

    def list_rule_groups_namespaces(self) -> ActionResult:
        """ListRuleGroupsNamespaces, those whose name begins so."""
        asked = self.request()
        known = self.amp.workspace(asked["workspaceId"]).namespaces
        begins = asked.get("name", "")
        found = [shape for name, shape in known.items() if name.startswith(begins)]
        listed, token = page(found, asked)
        return ActionResult({"ruleGroupsNamespaces": listed, "nextToken": token})

    def put_rule_groups_namespace(self) -> ActionResult:
        """PutRuleGroupsNamespace: other rules in a namespace that is there."""
        asked = self.request()
        shape = self._namespace(asked)
        check_rules(asked["name"], asked["data"])
        return ActionResult(_changed(shape, asked["data"]))

    def delete_rule_groups_namespace(self) -> ActionResult:
        """DeleteRuleGroupsNamespace."""
        asked = self.request()
        self._namespace(asked)["status"] = has("DELETING")
        known = self.amp.workspace(asked["workspaceId"]).namespaces
        later(f"delete rules {asked['name']}", lambda: _forget(known, asked["name"]))
        return EmptyResult()

    def create_alert_manager_definition(self) -> ActionResult:
        """CreateAlertManagerDefinition; a workspace has one at most."""
        asked = self.request()
        workspace = self.active_workspace(asked["workspaceId"])
        if workspace.alert_manager is not None:
            raise conflict(f"Workspace {asked['workspaceId']} has an alert manager definition")
        check_definition(asked["data"])
        shape = workspace.alert_manager = _made(asked["data"])
        later("create alert manager", lambda: becomes(shape, "ACTIVE"))
        return ActionResult({"status": has("CREATING")})

    def describe_alert_manager_definition(self) -> ActionResult:
        """DescribeAlertManagerDefinition."""
        return ActionResult({"alertManagerDefinition": self._alert_manager(self.request())})

    def put_alert_manager_definition(self) -> ActionResult:
        """PutAlertManagerDefinition: another one for one that is there."""
        asked = self.request()
        shape = self._alert_manager(asked)
        check_definition(asked["data"])
        return ActionResult(_changed(shape, asked["data"]))

    def delete_alert_manager_definition(self) -> ActionResult:
        """DeleteAlertManagerDefinition."""
        asked = self.request()
        self._alert_manager(asked)["status"] = has("DELETING")
        workspace = self.amp.workspace(asked["workspaceId"])
        later("delete alert manager", lambda: setattr(workspace, "alert_manager", None))
        return EmptyResult()

    def _namespace(self, asked: Shape) -> Shape:
        known = self.amp.workspace(asked["workspaceId"]).namespaces
        if asked["name"] not in known:
            raise not_found(f"Rule groups namespace not found: {asked['name']}")
        return known[asked["name"]]

    def _alert_manager(self, asked: Shape) -> Shape:
        found = self.amp.workspace(asked["workspaceId"]).alert_manager
        if found is None:
            raise not_found(f"Workspace {asked['workspaceId']} has no alert manager definition")
        return found


def becomes(shape: Shape, code: str) -> None:
    """What AWS was working on is done, unless somebody began something else meanwhile."""
    if shape["status"]["statusCode"] != "DELETING":
        shape["status"] = has(code)


def _forget(known: dict[str, Any], name: str) -> None:
    known.pop(name, None)


def _made(data: bytes) -> Shape:
    return {"status": has("CREATING"), "data": data, "createdAt": now(), "modifiedAt": now()}


def _changed(shape: Shape, data: bytes) -> Shape:
    if shape["status"]["statusCode"] != "ACTIVE":
        raise conflict(f"It is {shape['status']['statusCode']}")
    shape.update(data=data, modifiedAt=now(), status=has("UPDATING"))
    answer = dict(shape)
    later("change rules or alerts", lambda: becomes(shape, "ACTIVE"))
    return answer
