"""Auto Scaling groups' ties to load balancers."""

import hashlib
from typing import Any

from r1_on_eks.rehearsal.aws_provider.problems import Refused
from r1_on_eks.rehearsal.aws_provider.row import Call, Find, Row, Values, cite


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

ROWS = (ATTACHMENT,)
