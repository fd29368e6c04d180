"""Detection of unusual costs."""
# ruff: noqa: ARG001 — every look-up is called the same way.

import json
from typing import Any

from r1_on_eks.rehearsal.aws_provider.row import Call, Find, Row, Tagging, Update, Values, cite
from r1_on_eks.rehearsal.property_values import UNKNOWN

_TAGGING = Tagging(
    "ResourceTags", "list", "TagResource", "UntagResource", {"ResourceArn": "{id}"},
    "ResourceTags", "ResourceTagKeys",
    Find("ListTagsForResource", {"ResourceArn": "{id}"}, "ResourceTags"),
)  # fmt: skip
_MONITOR = {"MonitorArn": "{id}"}


def _expression(values: Values) -> object:
    """The text's members that say something, as Go's JSON reader leaves the others out."""
    text = values.get("monitorSpecification")
    return text if text in (None, UNKNOWN) else _without_nothing(json.loads(text))


def _text(cloud: Any, answer: Any, values: Values) -> Any:
    """What was written, as long as it says what AWS has."""
    found = answer.get("MonitorSpecification")
    return values["monitorSpecification"] if found == _expression(values) else json.dumps(found)


def _without_nothing(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nothing(one) for key, one in value.items() if one is not None}
    return [_without_nothing(one) for one in value] if isinstance(value, list) else value


MONITOR = Row(
    token="aws:costexplorer/anomalyMonitor:AnomalyMonitor",
    forces_replacement=cite(
        "internal/service/ce/anomaly_monitor.go@0509e60e8e89",
        "monitorDimension",
        "monitorSpecification",
        "monitorType",
    ),
    service="ce",
    create=Call(
        "CreateAnomalyMonitor",
        {"name": "AnomalyMonitor.MonitorName"},
        given={"AnomalyMonitor.MonitorSpecification": "{__expression}"},
        inside="AnomalyMonitor",
    ),
    derived={"__expression": _expression},
    elsewhere=("monitorSpecification",),
    id="MonitorArn",
    find=Find("GetAnomalyMonitors", {"MonitorArnList": ["{id}"]}, "AnomalyMonitors[0]"),
    delete=(Call("DeleteAnomalyMonitor", given=_MONITOR),),
    tagging=_TAGGING,
    updates=(
        Update(("name",), Call("UpdateAnomalyMonitor", {"name": "MonitorName"}, given=_MONITOR)),
    ),
    outputs={
        "arn": "MonitorArn",
        "name": "MonitorName",
        "monitorSpecification": _text,
    },
)

_SUBSCRIPTION = {"SubscriptionArn": "{id}"}
# "dimension" finds its own plural; the rest of an expression no stack uses.
_EXPRESSION = {"thresholdExpression.costCategory": "CostCategories"}
SUBSCRIPTION = Row(
    token="aws:costexplorer/anomalySubscription:AnomalySubscription",
    forces_replacement=cite("internal/service/ce/anomaly_subscription.go@050ac11163ca", "name"),
    service="ce",
    create=Call(
        "CreateAnomalySubscription",
        {"name": "AnomalySubscription.SubscriptionName",
         "monitorArnLists": "AnomalySubscription.MonitorArnList",
         "thresholdExpression": "AnomalySubscription.ThresholdExpression", **_EXPRESSION},
        inside="AnomalySubscription",
    ),
    id="SubscriptionArn",
    find=Find(
        "GetAnomalySubscriptions", {"SubscriptionArnList": ["{id}"]}, "AnomalySubscriptions[0]"
    ),
    delete=(Call("DeleteAnomalySubscription", given=_SUBSCRIPTION),),
    tagging=_TAGGING,
    updates=tuple(
        Update(
            (key,),
            Call("UpdateAnomalySubscription",
                 {"monitorArnLists": "MonitorArnList", **_EXPRESSION}, given=_SUBSCRIPTION),
        )
        for key in ("frequency", "monitorArnLists", "subscribers", "thresholdExpression")
    ),
    outputs={
        "arn": "SubscriptionArn",
        "name": "SubscriptionName",
        "monitorArnLists": "MonitorArnList",
    },
)  # fmt: skip

ROWS = (MONITOR, SUBSCRIPTION)
