"""Rules about what leaks, what is open and what may do too much."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from r1_on_eks.cost.declared import Declaration, Declared
from r1_on_eks.policies.rule import ADVISORY, MANDATORY, Rule, Setting, Settings, StackRule
from r1_on_eks.policies.values import is_number, listed, true, untold

_CLUSTER = "aws:eks/cluster:Cluster"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_INSTANCE = "aws:ec2/instance:Instance"
_SUBNET = "aws:ec2/subnet:Subnet"
# What starts instances, and the input that says in which subnets.
_STARTERS = {
    _INSTANCE: "subnetId",
    "aws:eks/nodeGroup:NodeGroup": "subnetIds",
    "aws:autoscaling/group:Group": "vpcZoneIdentifiers",
}
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
# A Role's, an attachment's, and that of an attachment which allows no others.
_ATTACHED = ("managedPolicyArns", "policyArn", "policyArns")
_EVERYBODY = frozenset({"0.0.0.0/0", "::/0"})
# ICMP has types in place of ports: a ping, or "fragmentation needed".
_WITHOUT_PORTS = frozenset({"icmp", "icmpv6", "1", "58"})
_ALL_LOGS = frozenset({"api", "audit", "authenticator", "controllerManager", "scheduler"})


def _metadata(one: Declared, settings: Settings) -> Iterator[str]:
    tokens = one.get("metadataOptions", "httpTokens")
    if tokens is None and one.get("launchTemplate") is not None:
        return  # the template says it, and is judged itself
    if not untold(tokens) and tokens != "required":
        yield 'metadataOptions.httpTokens is not "required": IMDSv1 hands out the role\'s keys'
    hops = one.get("metadataOptions", "httpPutResponseHopLimit")
    if isinstance(hops, int | float) and hops > settings["hops"]:
        yield (
            f"metadataOptions.httpPutResponseHopLimit is {hops:g}, over {settings['hops']}: pods"
            " would get the node's credentials"
        )


def _public_address(one: Declared, _: Settings) -> Iterator[str]:
    if true(one.get("associatePublicIpAddress")):
        yield "associatePublicIpAddress is true: put it into a private subnet"
    for interface in listed(one.get("networkInterfaces")):
        if isinstance(interface, Mapping) and true(interface.get("associatePublicIpAddress")):
            yield "networkInterfaces.associatePublicIpAddress is true: a node needs none"


def _public_subnet(one: Declared, _: Settings) -> Iterator[str]:
    if true(one.get("mapPublicIpOnLaunch")):
        yield (
            "mapPublicIpOnLaunch is true: an instance that says nothing else gets a public"
            " address; NAT gateways and balancers need it not"
        )


def _address_from_subnet(declared: Declaration, _: str, __: Settings) -> Iterator[str]:
    """Only where each of the subnets maps addresses, and the instance refuses none."""
    for one in declared:
        subnets = [
            each
            for urn in one.needs.get(_STARTERS.get(one.type, ""), ())
            if (each := declared.resources.get(urn)) and each.type == _SUBNET
        ]
        template = declared.source(one, "launchTemplate", _TEMPLATE)
        if any(_refuses_address(each) for each in (one, template) if each):
            continue
        if subnets and all(true(each.get("mapPublicIpOnLaunch")) for each in subnets):
            names = ", ".join(sorted(each.name for each in subnets))
            yield (
                f"{one.name} gets public addresses, for {names} map them on launch: use private"
                " subnets, or associatePublicIpAddress: false"
            )


def _refuses_address(one: Declared) -> bool:
    told = [
        each.get("associatePublicIpAddress")
        for each in (one.inputs, *listed(one.get("networkInterfaces")))
        if isinstance(each, Mapping)
    ]
    return any(untold(each) or str(each).lower() == "false" for each in told)


def _endpoint(one: Declared, settings: Settings) -> Iterator[str]:
    public = one.get("vpcConfig", "endpointPublicAccess")
    # AWS's default is a public endpoint (EKS API, VpcConfigRequest, 2026-11).
    if untold(public) or not (public is None or true(public)):
        return
    if settings["private_only"]:
        yield "vpcConfig.endpointPublicAccess is not false"
        return
    ranges = one.get("vpcConfig", "publicAccessCidrs")
    if not untold(ranges) and (not ranges or _EVERYBODY & {str(each) for each in ranges}):
        yield (
            "the API server is open to everybody: name vpcConfig.publicAccessCidrs, or set"
            " endpointPublicAccess: false"
        )


def _ingress(one: Declared, settings: Settings) -> Iterator[str]:
    if one.type.endswith("SecurityGroup"):
        rules = [each for each in listed(one.get("ingress")) if isinstance(each, Mapping)]
    elif one.get("type") in (None, "ingress"):
        rules = [one.inputs]
    else:
        return
    for rule in rules:
        sources = {
            each
            for key in ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks")
            for each in listed(rule.get(key))
            if isinstance(each, str)
        }
        ports = _open_ports(rule, set(settings["ports"]))
        if ports and sources & _EVERYBODY:
            yield f"{ports} open to everybody; name the ranges that need them"


def _open_ports(rule: Mapping[str, Any], allowed: set[str]) -> str:
    """What a rule opens beyond what may be open, as the start of a sentence."""
    protocol = str(rule.get("ipProtocol") or rule.get("protocol"))
    if protocol in _WITHOUT_PORTS:
        return ""
    first, last = rule.get("fromPort"), rule.get("toPort")
    if untold(first) or untold(last):
        return ""
    if protocol in ("-1", "all") or not is_number(first) or not is_number(last) or first < 0:
        return "all ports are"
    if first == last:
        return "" if f"{first:g}" in allowed else f"port {first:g} is"
    return f"ports {first:g}–{last:g} are"


def _public_balancer(one: Declared, _: Settings) -> Iterator[str]:
    internal = one.get("internal")
    if not untold(internal) and not true(internal):
        yield "internal is not true: it answers the internet"


def _volumes(one: Declared, _: Settings) -> Iterator[str]:
    if one.type.endswith(":Volume") and not (
        untold(one.get("encrypted")) or true(one.get("encrypted"))
    ):
        yield "encrypted is not true"
    for mapping in listed(one.get("blockDeviceMappings")):
        disk = mapping.get("ebs") if isinstance(mapping, Mapping) else None
        if isinstance(disk, Mapping) and not (
            untold(disk.get("encrypted")) or true(disk.get("encrypted"))
        ):
            yield f"{mapping.get('deviceName', 'a disk')}: ebs.encrypted is not true"
    for disk in listed(one.get("ebsBlockDevices")):
        if isinstance(disk, Mapping) and not (
            untold(disk.get("encrypted")) or true(disk.get("encrypted"))
        ):
            yield f"{disk.get('deviceName', 'a disk')}: ebsBlockDevices.encrypted is not true"
    root = one.get("rootBlockDevice", "encrypted")
    if root is None and one.get("launchTemplate") is not None:
        return  # the template says it, and is judged itself
    if one.type == _INSTANCE and not untold(root) and not true(root):
        yield "rootBlockDevice.encrypted is not true"


def _file_system(one: Declared, _: Settings) -> Iterator[str]:
    # The provider's default (pulumi-aws 7, 2026-11).
    deployment = one.get("deploymentType") or "SCRATCH_1"
    lasts = not untold(deployment) and not str(deployment).startswith("SCRATCH")
    if lasts and one.get("kmsKeyId") is None:
        yield "kmsKeyId is not set: a file system that lasts is encrypted with a key of yours"


def _secrets(one: Declared, _: Settings) -> Iterator[str]:
    resources = one.get("encryptionConfig", "resources")
    if not untold(resources) and "secrets" not in (resources or []):
        yield 'encryptionConfig.resources has no "secrets": Kubernetes Secrets are not enveloped'


def _cluster_logs(one: Declared, _: Settings) -> Iterator[str]:
    told = one.get("enabledClusterLogTypes")
    if untold(told) or any(untold(each) for each in told or []):
        return
    if missing := _ALL_LOGS - set(told or []):
        yield f"enabledClusterLogTypes lacks {', '.join(sorted(missing))}"


def _log_key(one: Declared, _: Settings) -> Iterator[str]:
    if one.get("kmsKeyId") is None:
        yield "kmsKeyId is not set"


def _rotation(one: Declared, _: Settings) -> Iterator[str]:
    symmetric = one.get("customerMasterKeySpec") in (None, "SYMMETRIC_DEFAULT")
    rotates = one.get("enableKeyRotation")
    if symmetric and not untold(rotates) and not true(rotates):
        yield "enableKeyRotation is not true"


def _ssh(one: Declared, _: Settings) -> Iterator[str]:
    if one.get("remoteAccess") is not None:
        yield "remoteAccess opens SSH; use Session Manager, or kubectl debug"


def _all_powerful(one: Declared, _: Settings) -> Iterator[str]:
    attached = [each for key in _ATTACHED for each in listed(one.get(key))]
    if any(str(each).endswith(":policy/AdministratorAccess") for each in attached):
        yield "AdministratorAccess may do everything; name the actions"
    for holder in (one.inputs, *listed(one.get("inlinePolicies"))):
        text = holder.get("policy") if isinstance(holder, Mapping) else None
        if isinstance(text, str):
            yield from _all_allowed(text)


def _all_allowed(text: str) -> Iterator[str]:
    try:
        statements = listed(json.loads(text).get("Statement"))
    except (ValueError, AttributeError):
        return
    for statement in statements:
        if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
            continue
        if {"*", "*:*"} & set(listed(statement.get("Action"))):
            yield 'a statement allows Action "*"; name the actions'


_HOPS = {"hops": Setting(kind="integer", default=1, says="the most hops of a metadata answer")}
_PORTS = {"ports": Setting(kind="array", default=[], says='ports that may be open, as "443"')}
_PRIVATE = {
    "private_only": Setting(kind="boolean", default=False, says="whether named ranges are refused")
}

SECURITY = (
    Rule(name="imds-v2", level=MANDATORY, types=(_TEMPLATE, _INSTANCE), breaks=_metadata,
         settings=_HOPS,
         says="Instances answer IMDSv2 only, and no further than themselves."),
    Rule(name="no-public-address", level=MANDATORY, types=(_TEMPLATE, _INSTANCE),
         breaks=_public_address, says="Nothing that computes asks for a public address."),
    Rule(name="public-subnets", level=ADVISORY, types=(_SUBNET,), breaks=_public_subnet,
         says="Subnets give no public addresses by themselves."),
    Rule(name="no-open-api-server", level=MANDATORY, types=(_CLUSTER,), breaks=_endpoint,
         settings=_PRIVATE, says="The Kubernetes API is private, or open to named ranges."),
    Rule(name="no-open-ports", level=MANDATORY, breaks=_ingress, settings=_PORTS,
         types=("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
                "aws:ec2/securityGroupRule:SecurityGroupRule",
                "aws:ec2/securityGroup:SecurityGroup"),
         says="No port is open to everybody."),
    Rule(name="no-public-balancer", level=ADVISORY, breaks=_public_balancer,
         types=("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer"),
         says="Load balancers are internal."),
    Rule(name="encrypted-volumes", level=MANDATORY, breaks=_volumes,
         types=(_TEMPLATE, _INSTANCE, "aws:ebs/volume:Volume"), says="Disks are encrypted."),
    Rule(name="encrypted-file-systems", level=MANDATORY, breaks=_file_system,
         types=("aws:fsx/lustreFileSystem:LustreFileSystem",),
         says="File systems that last are encrypted with a key of one's own."),
    Rule(name="encrypted-secrets", level=MANDATORY, types=(_CLUSTER,), breaks=_secrets,
         says="Kubernetes Secrets are encrypted with a key of one's own."),
    Rule(name="encrypted-logs", level=ADVISORY, types=(_LOG_GROUP,), breaks=_log_key,
         says="Logs are encrypted with a key of one's own."),
    Rule(name="cluster-logs", level=ADVISORY, types=(_CLUSTER,), breaks=_cluster_logs,
         says="The control plane keeps all five of its logs."),
    Rule(name="key-rotation", level=MANDATORY, types=("aws:kms/key:Key",), breaks=_rotation,
         says="Keys rotate."),
    Rule(name="no-ssh", level=MANDATORY, types=("aws:eks/nodeGroup:NodeGroup",), breaks=_ssh,
         says="Nodes take no SSH."),
    Rule(name="no-administrator", level=MANDATORY, breaks=_all_powerful,
         types=("aws:iam/role:Role", "aws:iam/*Policy", "aws:iam/*PolicyAttachment",
                "aws:iam/*PolicyAttachmentsExclusive"),
         says="Nobody may do everything."),
)  # fmt: skip
STACK_SECURITY = (
    StackRule(name="no-address-from-subnet", level=MANDATORY, breaks=_address_from_subnet,
              says="Nothing that computes gets a public address from its subnets."),
)  # fmt: skip
