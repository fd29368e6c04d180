"""Security groups and their rules."""
# ruff: noqa: ARG001, ARG005 — every step and every look-up is called the same way.

from typing import Any

from r1_on_eks.rehearsal.aws_provider import replacements, tags
from r1_on_eks.rehearsal.aws_provider.row import (
    Call,
    Find,
    Naming,
    Row,
    Update,
    Values,
    cite,
)

_OPEN = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def _close(cloud: Any, old: Values, new: Values) -> None:
    """Takes away the egress rule that EC2 adds, as the official provider does."""
    given = {"GroupId": new["id"], "IpPermissions": _OPEN}
    cloud.call("ec2", "RevokeSecurityGroupEgress", given)


def _nothing_inline(cloud: Any, answer: Any, values: Values) -> None:
    """Rules are resources of their own here."""


SECURITY_GROUP = Row(
    token="aws:ec2/securityGroup:SecurityGroup",
    forces_replacement=cite(
        "internal/service/ec2/vpc_security_group.go@01606926a0c0",
        "description",
        "name",
        "namePrefix",
        "vpcId",
    ),
    service="ec2",
    create=Call("CreateSecurityGroup", {"name": "GroupName"}),
    id="GroupId",
    find=Find("DescribeSecurityGroups", {"GroupIds": ["{id}"]}, "SecurityGroups[0]"),
    delete=(Call("DeleteSecurityGroup", given={"GroupId": "{id}"}),),
    naming=Naming(),
    tagging=tags.ec2("security-group"),
    completed_by=(_close,),
    outputs={
        "name": "GroupName",
        "arn": lambda cloud, answer, values: cloud.arn("ec2", f"security-group/{values['id']}"),
        "ingress": _nothing_inline,
        "egress": _nothing_inline,
    },
)


def _empty(cloud: Any, old: Values, new: Values) -> None:
    """Takes away every rule of a VPC's own group, as the official provider does."""
    find = Find("DescribeSecurityGroups", {"GroupIds": ["{id}"]}, "SecurityGroups[0]")
    group = cloud.find("ec2", find, new)
    for way, key in (("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")):
        if rules := group.get(key):
            given = {"GroupId": new["id"], "IpPermissions": rules}
            cloud.call("ec2", f"RevokeSecurityGroup{way}", given)


DEFAULT_SECURITY_GROUP = Row(
    token="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    forces_replacement=cite(
        "internal/service/ec2/vpc_default_security_group.go@01f431114674", "vpcId"
    ),
    service="ec2",
    # It is made with its VPC, and goes with it: here it is only taken over.
    create=Call(
        "DescribeSecurityGroups",
        given={
            "Filters": [
                {"Name": "vpc-id", "Values": ["{vpcId}"]},
                {"Name": "group-name", "Values": ["default"]},
            ]
        },
    ),
    id="SecurityGroups[0].GroupId",
    find=Find("DescribeSecurityGroups", {"GroupIds": ["{id}"]}, "SecurityGroups[0]"),
    delete=(),
    elsewhere=("vpcId",),
    tagging=tags.ec2(""),
    completed_by=(_empty,),
    outputs={
        "name": "GroupName",
        "ingress": _nothing_inline,
        "egress": _nothing_inline,
    },
)

_PERMISSION = {
    "ipProtocol": "IpPermissions.IpProtocol",
    "fromPort": "IpPermissions.FromPort",
    "toPort": "IpPermissions.ToPort",
    "cidrIpv4": "IpPermissions.IpRanges.CidrIp",
    "cidrIpv6": "IpPermissions.Ipv6Ranges.CidrIpv6",
    "prefixListId": "IpPermissions.PrefixListIds.PrefixListId",
    "referencedSecurityGroupId": "IpPermissions.UserIdGroupPairs.GroupId",
    "securityGroupId": "GroupId",
}


def _rule(direction: str) -> Row:
    verb = direction.lower()
    return Row(
        token=f"aws:vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule",
        # Upstream, egress rules have the schema of ingress rules.
        forces_replacement=cite(
            "internal/service/ec2/vpc_security_group_ingress_rule.go@00a322094b4b",
            "securityGroupId",
        ),
        replaces_when=(replacements.other_source,),
        service="ec2",
        create=Call(f"AuthorizeSecurityGroup{direction}", _PERMISSION),
        id="SecurityGroupRules[0].SecurityGroupRuleId",
        find=Find(
            "DescribeSecurityGroupRules",
            {"SecurityGroupRuleIds": ["{id}"]},
            "SecurityGroupRules[0]",
        ),
        delete=(
            Call(
                f"RevokeSecurityGroup{direction}",
                given={
                    "GroupId": "{securityGroupId}",
                    "SecurityGroupRuleIds": ["{id}"],
                },
            ),
        ),
        tagging=tags.ec2("security-group-rule"),
        updates=(
            Update(
                (
                    "ipProtocol",
                    "fromPort",
                    "toPort",
                    "cidrIpv4",
                    "referencedSecurityGroupId",
                ),
                _modify_rule,
            ),
        ),
        outputs={
            "arn": "SecurityGroupRuleArn",
            "securityGroupId": "GroupId",
            "referencedSecurityGroupId": "ReferencedGroupInfo.GroupId",
            "securityGroupRuleId": "SecurityGroupRuleId",
            "direction": verb,
        },
    )


def _modify_rule(cloud: Any, old: Values, new: Values) -> None:
    members = {
        "ipProtocol": "IpProtocol",
        "fromPort": "FromPort",
        "toPort": "ToPort",
        "cidrIpv4": "CidrIpv4",
        "referencedSecurityGroupId": "ReferencedGroupId",
    }
    rule = {member: new[key] for key, member in members.items() if new.get(key) is not None}
    changed = {"SecurityGroupRuleId": new["id"], "SecurityGroupRule": rule}
    given = {"GroupId": new["securityGroupId"], "SecurityGroupRules": [changed]}
    cloud.call("ec2", "ModifySecurityGroupRules", given)


ROWS = (SECURITY_GROUP, DEFAULT_SECURITY_GROUP, _rule("Ingress"), _rule("Egress"))
