"""Amazon Managed Service for Prometheus: workspaces, their parts, and scrapers."""
# ruff: noqa: ARG001 — every look-up is called the same way.

from collections.abc import Callable
from typing import Any

from r1_on_eks.rehearsal.aws_provider import replacements
from r1_on_eks.rehearsal.aws_provider.resources.eks import tagging
from r1_on_eks.rehearsal.aws_provider.row import Call, Find, Row, Update, Values, Wait, cite

_WORKSPACE = {"workspaceId": "{workspaceId}"}


def _settled(*failed: str, reasons: str = "status.statusReason") -> Wait:
    return Wait("status.statusCode", ("ACTIVE",), failed, reasons)


def _text(member: str) -> Callable[[Any, Any, Values], str | None]:
    """A document, which the API has as bytes."""

    def told(cloud: Any, answer: Any, values: Values) -> str | None:
        found = answer.get(member)
        return None if found is None else found.decode()

    return told


WORKSPACE = Row(
    token="aws:amp/workspace:Workspace",
    forces_replacement=cite("internal/service/amp/workspace.go@0620f2a6a126", "kmsKeyArn"),
    replaces_when=(replacements.alias_removed,),
    service="amp",
    create=Call("CreateWorkspace"),
    id="workspaceId",
    find=Find("DescribeWorkspace", {"workspaceId": "{id}"}, "workspace"),
    delete=(Call("DeleteWorkspace", given={"workspaceId": "{id}"}),),
    tagging=tagging(),
    updates=(Update(("alias",), Call("UpdateWorkspaceAlias", given={"workspaceId": "{id}"})),),
    wait=_settled("CREATION_FAILED"),
)

# Every workspace has one: it is changed, and never deleted.
WORKSPACE_CONFIGURATION = Row(
    token="aws:amp/workspaceConfiguration:WorkspaceConfiguration",
    forces_replacement=cite(
        "internal/service/amp/workspace_configuration.go@108f85fd2bfc", "workspaceId"
    ),
    service="amp",
    create=Call("UpdateWorkspaceConfiguration"),
    id="{workspaceId}",
    id_parts=("workspaceId",),
    find=Find("DescribeWorkspaceConfiguration", _WORKSPACE, "workspaceConfiguration"),
    delete=(),
    updates=(
        Update(
            (
                "limitsPerLabelSets",
                "outOfOrderTimeWindowInSeconds",
                "retentionPeriodInDays",
                "ruleQueryOffsetInSeconds",
            ),
            Call("UpdateWorkspaceConfiguration", given=_WORKSPACE),
        ),
    ),
    elsewhere=("timeouts",),
    wait=_settled("UPDATE_FAILED"),
)

_NAMESPACE = {**_WORKSPACE, "name": "{name}"}
RULE_GROUP_NAMESPACE = Row(
    token="aws:amp/ruleGroupNamespace:RuleGroupNamespace",
    forces_replacement=cite(
        "internal/service/amp/rule_group_namespace.go@09537f613163", "name", "workspaceId"
    ),
    service="amp",
    create=Call("CreateRuleGroupsNamespace"),
    id="arn",
    id_parts=("__arn", "workspaceId", "name"),
    separator="/",
    find=Find("DescribeRuleGroupsNamespace", _NAMESPACE, "ruleGroupsNamespace"),
    delete=(Call("DeleteRuleGroupsNamespace", given=_NAMESPACE),),
    tagging=tagging(),
    updates=(Update(("data",), Call("PutRuleGroupsNamespace", given=_NAMESPACE)),),
    outputs={"data": _text("data")},
    wait=_settled("CREATION_FAILED", "UPDATE_FAILED"),
)

_DATA = {"definition": "data"}
ALERT_MANAGER_DEFINITION = Row(
    token="aws:amp/alertManagerDefinition:AlertManagerDefinition",
    forces_replacement=cite(
        "internal/service/amp/alert_manager_definition.go@bfaba52288a2", "workspaceId"
    ),
    service="amp",
    create=Call("CreateAlertManagerDefinition", _DATA),
    id="{workspaceId}",
    id_parts=("workspaceId",),
    find=Find("DescribeAlertManagerDefinition", _WORKSPACE, "alertManagerDefinition"),
    delete=(Call("DeleteAlertManagerDefinition", given=_WORKSPACE),),
    updates=(Update(("definition",), Call("PutAlertManagerDefinition", _DATA, given=_WORKSPACE)),),
    outputs={"definition": _text("data")},
    wait=_settled("CREATION_FAILED", "UPDATE_FAILED"),
)


def _source(cloud: Any, answer: Any, values: Values) -> Any:
    return {"eks": answer["source"]["eksConfiguration"]}


def _destination(cloud: Any, answer: Any, values: Values) -> Any:
    return {"amp": answer["destination"]["ampConfiguration"]}


def _scraped(cloud: Any, answer: Any, values: Values) -> str:
    return answer["scrapeConfiguration"]["configurationBlob"].decode()


_SCRAPER = {"scraperId": "{id}"}
_SCRAPED = {
    "source.eks": "eksConfiguration",
    "destination.amp": "ampConfiguration",
    "scrapeConfiguration": "scrapeConfiguration.configurationBlob",
}
SCRAPER = Row(
    token="aws:amp/scraper:Scraper",
    forces_replacement=cite("internal/service/amp/scraper.go@0509e60e8e89", "source"),
    service="amp",
    create=Call("CreateScraper", _SCRAPED),
    id="scraperId",
    find=Find("DescribeScraper", _SCRAPER, "scraper"),
    delete=(Call("DeleteScraper", given=_SCRAPER),),
    tagging=tagging(),
    updates=(
        Update(
            ("alias", "destination", "roleConfiguration", "scrapeConfiguration"),
            Call("UpdateScraper", _SCRAPED, given=_SCRAPER),
        ),
    ),
    elsewhere=("timeouts",),
    outputs={
        "source": _source,
        "destination": _destination,
        "scrapeConfiguration": _scraped,
    },
    wait=_settled("CREATION_FAILED", "UPDATE_FAILED", reasons="statusReason"),
    unordered=("source.eks.subnetIds", "source.eks.securityGroupIds"),
)

ROWS = (
    WORKSPACE,
    WORKSPACE_CONFIGURATION,
    RULE_GROUP_NAMESPACE,
    ALERT_MANAGER_DEFINITION,
    SCRAPER,
)
