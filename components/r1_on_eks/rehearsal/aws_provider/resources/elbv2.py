"""Load balancers, target groups, listeners."""
# ruff: noqa: ARG001, ARG005 — every step and every look-up is called the same way.

from collections.abc import Mapping
from typing import Any

from r1_on_eks.rehearsal.aws_provider import replacements, rules
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

_TAGGING = Tagging(
    "Tags", "list", "AddTags", "RemoveTags", {"ResourceArns": ["{id}"]}, "Tags", "TagKeys",
    Find("DescribeTags", {"ResourceArns": ["{id}"]}, "TagDescriptions[0].Tags"),
)  # fmt: skip


def _attributes(kind: str, by: str, names: Mapping[str, str]) -> tuple[Any, dict[str, Any]]:
    """Step and outputs of what ELB calls attributes: text by text."""

    def write(cloud: Any, old: Values, new: Values) -> None:
        given = [
            {"Key": attribute, "Value": _text(new[key])}
            for key, attribute in names.items()
            if new.get(key) is not None and new.get(key) != old.get(key)
        ]
        if given:
            params = {by: new["id"], "Attributes": given}
            cloud.call("elbv2", f"Modify{kind}Attributes", params)

    def read(key: str, attribute: str) -> Any:
        def look(cloud: Any, answer: Any, values: Values) -> Any:
            find = Find(f"Describe{kind}Attributes", {by: "{id}"}, "Attributes")
            found = cloud.find("elbv2", find, values) or []
            told = {one["Key"]: one["Value"] for one in found}.get(attribute)
            return values.get(key) if told is None else _value(told, values.get(key))

        return look

    return write, {key: read(key, attribute) for key, attribute in names.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(told: str, like: Any) -> Any:
    if told in ("true", "false"):
        return told == "true"
    return int(told) if told.isdigit() and not isinstance(like, str) else told


_BALANCER = {
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
}
_write_balancer, _read_balancer = _attributes("LoadBalancer", "LoadBalancerArn", _BALANCER)


def _suffix(marker: str) -> Any:
    return lambda cloud, answer, values: values["id"].partition(marker)[2]


LOAD_BALANCER = Row(
    token="aws:lb/loadBalancer:LoadBalancer",
    forces_replacement=cite(
        "internal/service/elbv2/load_balancer.go@00edc94be7a8",
        "customerOwnedIpv4Pool",
        "internal",
        "loadBalancerType",
        "name",
        "namePrefix",
    ),
    replaces_when=(replacements.network_balancer,),
    service="elbv2",
    create=Call(
        "CreateLoadBalancer",
        {"loadBalancerType": "Type"},
        {"Scheme": "{__scheme}"},
    ),
    id="LoadBalancers[0].LoadBalancerArn",
    find=Find("DescribeLoadBalancers", {"LoadBalancerArns": ["{id}"]}, "LoadBalancers[0]"),
    delete=(Call("DeleteLoadBalancer", given={"LoadBalancerArn": "{id}"}),),
    naming=Naming(most=32),
    tagging=_TAGGING,
    updates=(
        Update(tuple(_BALANCER), _write_balancer, after_create=True),
        Update(
            ("securityGroups",),
            Call("SetSecurityGroups", given={"LoadBalancerArn": "{id}"}),
        ),
        Update(("subnets",), Call("SetSubnets", given={"LoadBalancerArn": "{id}"})),
    ),
    elsewhere=("internal",),
    derived={
        "__scheme": lambda values: "internal" if values.get("internal") else "internet-facing"
    },
    outputs={
        **_read_balancer,
        "arn": "LoadBalancerArn",
        "arnSuffix": _suffix(":loadbalancer/"),
        "name": "LoadBalancerName",
        "dnsName": "DNSName",
        "loadBalancerType": "Type",
        "zoneId": "CanonicalHostedZoneId",
        "subnets": "AvailabilityZones[].SubnetId",
        "subnetMappings": lambda cloud, answer, values: values.get("subnetMappings"),
        "internal": lambda cloud, answer, values: answer["Scheme"] == "internal",
    },
    rules=(rules.name_length(32),),
    unordered=("subnets", "securityGroups"),
)

_TARGETS = {
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "preserveClientIp": "preserve_client_ip.enabled",
    "connectionTermination": "deregistration_delay.connection_termination.enabled",
}
_write_targets, _read_targets = _attributes("TargetGroup", "TargetGroupArn", _TARGETS)
_UNHEALTHY = {
    "enableUnhealthyConnectionTermination": "target_health_state.unhealthy.connection_termination"
    ".enabled",
    "unhealthyDrainingInterval": "target_health_state.unhealthy.draining_interval_seconds",
}


def _write_unhealthy(cloud: Any, old: Values, new: Values) -> None:
    given = [
        {"Key": _UNHEALTHY[key], "Value": _text(value)}
        for state in new.get("targetHealthStates") or []
        for key, value in state.items()
        if value is not None
    ]
    if given and old.get("targetHealthStates") != new.get("targetHealthStates"):
        params = {"TargetGroupArn": new["id"], "Attributes": given}
        cloud.call("elbv2", "ModifyTargetGroupAttributes", params)


def _read_unhealthy(cloud: Any, answer: Any, values: Values) -> Any:
    find = Find("DescribeTargetGroupAttributes", {"TargetGroupArn": "{id}"}, "Attributes")
    told = {one["Key"]: one["Value"] for one in cloud.find("elbv2", find, values) or []}
    state = {key: _value(told[name], 0) for key, name in _UNHEALTHY.items() if name in told}
    return [state] if state else values.get("targetHealthStates")


_CHECKS = {
    "enabled": "HealthCheckEnabled",
    "protocol": "HealthCheckProtocol",
    "path": "HealthCheckPath",
    "port": "HealthCheckPort",
    "interval": "HealthCheckIntervalSeconds",
    "timeout": "HealthCheckTimeoutSeconds",
    "healthyThreshold": "HealthyThresholdCount",
    "unhealthyThreshold": "UnhealthyThresholdCount",
    "matcher": "Matcher.HttpCode",
}
_CHECK_NAMES = {f"healthCheck.{key}": member for key, member in _CHECKS.items()}


def _health_check(cloud: Any, answer: Any, values: Values) -> Any:
    read = {key: answer.get(member) for key, member in _CHECKS.items() if key != "matcher"}
    read["matcher"] = (answer.get("Matcher") or {}).get("HttpCode")
    return {key: value for key, value in read.items() if value is not None}


TARGET_GROUP = Row(
    token="aws:lb/targetGroup:TargetGroup",
    forces_replacement=cite(
        "internal/service/elbv2/target_group.go@013cfb4cddc9",
        "ipAddressType",
        "name",
        "namePrefix",
        "port",
        "protocol",
        "protocolVersion",
        "targetType",
        "vpcId",
    ),
    service="elbv2",
    create=Call("CreateTargetGroup", _CHECK_NAMES),
    id="TargetGroups[0].TargetGroupArn",
    find=Find("DescribeTargetGroups", {"TargetGroupArns": ["{id}"]}, "TargetGroups[0]"),
    delete=(Call("DeleteTargetGroup", given={"TargetGroupArn": "{id}"}),),
    naming=Naming(most=32),
    tagging=_TAGGING,
    updates=(
        Update(tuple(_TARGETS), _write_targets, after_create=True),
        Update(("targetHealthStates",), _write_unhealthy, after_create=True),
        Update(
            ("healthCheck",),
            Call("ModifyTargetGroup", _CHECK_NAMES, {"TargetGroupArn": "{id}"}),
        ),
    ),
    outputs={
        **_read_targets,
        "targetHealthStates": _read_unhealthy,
        "arn": "TargetGroupArn",
        "arnSuffix": _suffix(":targetgroup/"),
        "name": "TargetGroupName",
        "healthCheck": _health_check,
        "loadBalancerArns": "LoadBalancerArns",
    },
    rules=(rules.name_length(32),),
)

_LISTENER = {"tcpIdleTimeoutSeconds": "tcp.idle_timeout.seconds"}
_write_listener, _read_listener = _attributes("Listener", "ListenerArn", _LISTENER)

LISTENER = Row(
    token="aws:lb/listener:Listener",
    forces_replacement=cite(
        "internal/service/elbv2/listener.go@01c08000ddb1",
        "loadBalancerArn",
    ),
    service="elbv2",
    create=Call("CreateListener"),
    id="Listeners[0].ListenerArn",
    find=Find("DescribeListeners", {"ListenerArns": ["{id}"]}, "Listeners[0]"),
    delete=(Call("DeleteListener", given={"ListenerArn": "{id}"}),),
    tagging=_TAGGING,
    updates=(
        Update(tuple(_LISTENER), _write_listener, after_create=True),
        Update(
            ("port", "protocol", "defaultActions"),
            Call("ModifyListener", given={"ListenerArn": "{id}"}),
        ),
    ),
    outputs={**_read_listener, "arn": "ListenerArn"},
    rules=(rules.idle_timeout,),
)

ROWS = (LOAD_BALANCER, TARGET_GROUP, LISTENER)
