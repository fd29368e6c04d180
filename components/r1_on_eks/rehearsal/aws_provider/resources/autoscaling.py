"""Auto Scaling groups' ties to load balancers, and single tags of groups that EKS owns."""
# ruff: noqa: ARG001 — every step and every look-up is called the same way.

import hashlib
from typing import Any

from r1_on_eks.rehearsal.aws_provider.problems import Refused
from r1_on_eks.rehearsal.aws_provider.row import Call, Find, Row, Update, Values, cite


def _id(values: Values) -> str:
    group, target = values["autoscalingGroupName"], values["lbTargetGroupArn"]
    return f"{group}-{hashlib.sha256(target.encode()).hexdigest()[:16]}"


def _find(cloud: Any, values: Values) -> Any:
    if "autoscalingGroupName" not in values:
        raise Refused("the official provider imports no aws:autoscaling/attachment:Attachment")
    given = {"AutoScalingGroupName": "{autoscalingGroupName}"}
    find = Find("DescribeLoadBalancerTargetGroups", given, "LoadBalancerTargetGroups")
    found = cloud.find("autoscaling", find, values) or []
    wanted = values["lbTargetGroupArn"]
    return next((one for one in found if one["LoadBalancerTargetGroupARN"] == wanted), None)


_PAIR = {
    "autoscalingGroupName": "AutoScalingGroupName",
    "lbTargetGroupArn": "TargetGroupARNs",
}
ATTACHMENT = Row(
    token="aws:autoscaling/attachment:Attachment",
    forces_replacement=cite(
        "internal/service/autoscaling/attachment.go@01f431114674",
        "autoscalingGroupName",
        "elb",
        "lbTargetGroupArn",
    ),
    service="autoscaling",
    create=Call("AttachLoadBalancerTargetGroups", _PAIR),
    id=_id,
    find=_find,
    delete=(
        Call(
            "DetachLoadBalancerTargetGroups",
            given={
                "AutoScalingGroupName": "{autoscalingGroupName}",
                "TargetGroupARNs": ["{lbTargetGroupArn}"],
            },
        ),
    ),
)


def _tag_id(values: Values) -> str:
    return f"{values['autoscalingGroupName']},{values['tag']['key']}"


def _one_tag(cloud: Any, values: Values) -> Any:
    group, _, key = values["id"].partition(",")
    conditions = [
        {"Name": "auto-scaling-group", "Values": [group]},
        {"Name": "key", "Values": [key]},
    ]
    found = cloud.find(
        "autoscaling", Find("DescribeTags", {"Filters": conditions}, "Tags"), values
    )
    return found[0] if found else None


def _put_tag(cloud: Any, old: Values, new: Values) -> None:
    cloud.call("autoscaling", "CreateOrUpdateTags", {"Tags": [_tag(new)]})


def _remove_tag(cloud: Any, old: Values, new: Values) -> None:
    cloud.call("autoscaling", "DeleteTags", {"Tags": [_tag(new)]})


def _tag(values: Values) -> dict[str, Any]:
    return {
        "ResourceId": values["autoscalingGroupName"],
        "ResourceType": "auto-scaling-group",
        "Key": values["tag"]["key"],
        "Value": values["tag"]["value"],
        "PropagateAtLaunch": values["tag"]["propagateAtLaunch"],
    }


TAG = Row(
    token="aws:autoscaling/tag:Tag",
    forces_replacement=cite(
        "internal/service/autoscaling/group_tag.go@050ac11163ca", "autoscalingGroupName", "tag.key"
    ),
    service="autoscaling",
    create=Call("CreateOrUpdateTags", given={"Tags": "{__tags}"}),
    derived={"__tags": lambda values: [_tag(values)]},
    elsewhere=("autoscalingGroupName", "tag"),
    id=_tag_id,
    find=_one_tag,
    delete=(_remove_tag,),
    updates=(Update(("tag",), _put_tag),),
)

ROWS = (ATTACHMENT, TAG)
