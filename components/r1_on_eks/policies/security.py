"""Rules about what leaks, what is open and what may do too much."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from r1_on_eks.cost.declared import Declared, Secret, Unknown
from r1_on_eks.policies.rule import ADVISORY, MANDATORY, Rule, Setting, Settings

_CLUSTER = "aws:eks/cluster:Cluster"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_INSTANCE = "aws:ec2/instance:Instance"
_SUBNET = "aws:ec2/subnet:Subnet"
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_EVERYBODY = frozenset({"0.0.0.0/0", "::/0"})
# ICMP has types in place of ports: a ping, or "fragmentation needed".
_WITHOUT_PORTS = frozenset({"icmp", "icmpv6", "1", "58"})
_ALL_LOGS = frozenset({"api", "audit", "authenticator", "controllerManager", "scheduler"})
_POD_HOLDERS = (
    "kubernetes:core/v1:Pod", "kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:DaemonSet",
    "kubernetes:apps/v1:StatefulSet", "kubernetes:batch/v1:Job", "kubernetes:batch/v1:CronJob",
)  # fmt: skip


def _untold(value: Any) -> bool:
    """Whether nobody is told the value yet: then nothing is wrong with it so far."""
    return isinstance(value, Unknown | Secret)


def _true(value: Any) -> bool:
    # Launch templates have strings where others have booleans.
    return str(value).lower() == "true"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float)


def _listed(value: Any) -> list[Any]:
    if _untold(value) or value is None:
        return []
    return value if isinstance(value, list) else [value]


def _metadata(one: Declared, settings: Settings) -> Iterator[str]:
    tokens = one.get("metadataOptions", "httpTokens")
    if tokens is None and one.get("launchTemplate") is not None:
        return  # the template says it, and is judged itself
    if not _untold(tokens) and tokens != "required":
        yield 'metadataOptions.httpTokens is not "required": IMDSv1 hands out the role\'s keys'
    hops = one.get("metadataOptions", "httpPutResponseHopLimit")
    if isinstance(hops, int | float) and hops > settings["hops"]:
        yield (
            f"metadataOptions.httpPutResponseHopLimit is {hops:g}, over {settings['hops']}: pods"
            " would get the node's credentials"
        )


def _public_address(one: Declared, _: Settings) -> Iterator[str]:
    if _true(one.get("mapPublicIpOnLaunch")):
        yield "mapPublicIpOnLaunch is true: whatever starts in the subnet is on the internet"
    if _true(one.get("associatePublicIpAddress")):
        yield "associatePublicIpAddress is true: put it into a private subnet"
    for interface in _listed(one.get("networkInterfaces")):
        if isinstance(interface, Mapping) and _true(interface.get("associatePublicIpAddress")):
            yield "networkInterfaces.associatePublicIpAddress is true: a node needs none"


def _endpoint(one: Declared, settings: Settings) -> Iterator[str]:
    public = one.get("vpcConfig", "endpointPublicAccess")
    # AWS's default is a public endpoint (EKS API, VpcConfigRequest, 2026-11).
    if _untold(public) or not (public is None or _true(public)):
        return
    if settings["private_only"]:
        yield "vpcConfig.endpointPublicAccess is not false"
        return
    ranges = one.get("vpcConfig", "publicAccessCidrs")
    if not _untold(ranges) and (not ranges or _EVERYBODY & {str(each) for each in ranges}):
        yield (
            "the API server is open to everybody: name vpcConfig.publicAccessCidrs, or set"
            " endpointPublicAccess: false"
        )


def _ingress(one: Declared, settings: Settings) -> Iterator[str]:
    if one.type.endswith("SecurityGroup"):
        rules = [each for each in _listed(one.get("ingress")) if isinstance(each, Mapping)]
    elif one.get("type") in (None, "ingress"):
        rules = [one.inputs]
    else:
        return
    for rule in rules:
        sources = {
            each
            for key in ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks")
            for each in _listed(rule.get(key))
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
    if _untold(first) or _untold(last):
        return ""
    if protocol in ("-1", "all") or not _is_number(first) or not _is_number(last) or first < 0:
        return "all ports are"
    if first == last:
        return "" if f"{first:g}" in allowed else f"port {first:g} is"
    return f"ports {first:g}–{last:g} are"


def _public_balancer(one: Declared, _: Settings) -> Iterator[str]:
    internal = one.get("internal")
    if not _untold(internal) and not _true(internal):
        yield "internal is not true: it answers the internet"


def _service(one: Declared, _: Settings) -> Iterator[str]:
    if one.get("spec", "type") == "LoadBalancer":
        yield (
            "a Service of type LoadBalancer makes a balancer that the stack does not know: it is"
            " in no preview, on no bill of it, and stays after destroy; use NodePort or ClusterIP"
        )


def _volumes(one: Declared, _: Settings) -> Iterator[str]:
    if one.type.endswith(":Volume") and not (
        _untold(one.get("encrypted")) or _true(one.get("encrypted"))
    ):
        yield "encrypted is not true"
    for mapping in _listed(one.get("blockDeviceMappings")):
        disk = mapping.get("ebs") if isinstance(mapping, Mapping) else None
        if isinstance(disk, Mapping) and not (
            _untold(disk.get("encrypted")) or _true(disk.get("encrypted"))
        ):
            yield f"{mapping.get('deviceName', 'a disk')}: ebs.encrypted is not true"
    for disk in _listed(one.get("ebsBlockDevices")):
        if isinstance(disk, Mapping) and not (
            _untold(disk.get("encrypted")) or _true(disk.get("encrypted"))
        ):
            yield f"{disk.get('deviceName', 'a disk')}: ebsBlockDevices.encrypted is not true"
    root = one.get("rootBlockDevice", "encrypted")
    if root is None and one.get("launchTemplate") is not None:
        return  # the template says it, and is judged itself
    if one.type == _INSTANCE and not _untold(root) and not _true(root):
        yield "rootBlockDevice.encrypted is not true"


def _file_system(one: Declared, _: Settings) -> Iterator[str]:
    # The provider's default (pulumi-aws 7, 2026-11).
    deployment = one.get("deploymentType") or "SCRATCH_1"
    lasts = not _untold(deployment) and not str(deployment).startswith("SCRATCH")
    if lasts and one.get("kmsKeyId") is None:
        yield "kmsKeyId is not set: a file system that lasts is encrypted with a key of yours"


def _secrets(one: Declared, _: Settings) -> Iterator[str]:
    resources = one.get("encryptionConfig", "resources")
    if not _untold(resources) and "secrets" not in (resources or []):
        yield 'encryptionConfig.resources has no "secrets": Kubernetes Secrets are not enveloped'


def _cluster_logs(one: Declared, _: Settings) -> Iterator[str]:
    told = one.get("enabledClusterLogTypes")
    if _untold(told) or any(_untold(each) for each in told or []):
        return
    if missing := _ALL_LOGS - set(told or []):
        yield f"enabledClusterLogTypes lacks {', '.join(sorted(missing))}"


def _log_key(one: Declared, _: Settings) -> Iterator[str]:
    if one.get("kmsKeyId") is None:
        yield "kmsKeyId is not set"


def _rotation(one: Declared, _: Settings) -> Iterator[str]:
    symmetric = one.get("customerMasterKeySpec") in (None, "SYMMETRIC_DEFAULT")
    rotates = one.get("enableKeyRotation")
    if symmetric and not _untold(rotates) and not _true(rotates):
        yield "enableKeyRotation is not true"


def _ssh(one: Declared, _: Settings) -> Iterator[str]:
    if one.get("remoteAccess") is not None:
        yield "remoteAccess opens SSH; use Session Manager, or kubectl debug"


def _all_powerful(one: Declared, _: Settings) -> Iterator[str]:
    if str(one.get("policyArn")).endswith("/AdministratorAccess"):
        yield "AdministratorAccess may do everything; name the actions"
    text = one.get("policy")
    if not isinstance(text, str):
        return
    try:
        statements = _listed(json.loads(text).get("Statement"))
    except (ValueError, AttributeError):
        return
    for statement in statements:
        if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow":
            continue
        if {"*", "*:*"} & set(_listed(statement.get("Action"))):
            yield 'a statement allows Action "*"; name the actions'


def _containers(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _containers(one)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            if key in ("containers", "initContainers"):
                yield from (each for each in _listed(one) if isinstance(each, Mapping))
            else:
                yield from _containers(one)


def _privileged(one: Declared, _: Settings) -> Iterator[str]:
    for container in _containers(one.inputs):
        context = container.get("securityContext")
        if isinstance(context, Mapping) and _true(context.get("privileged")):
            yield f"container {container.get('name')} is privileged: it owns its node"


def _digests(one: Declared, _: Settings) -> Iterator[str]:
    for container in _containers(one.inputs):
        image = container.get("image")
        if isinstance(image, str) and "@sha256:" not in image:
            yield f"{image} has no digest: its tag may be another image tomorrow"


def _latest(one: Declared, _: Settings) -> Iterator[str]:
    for container in _containers(one.inputs):
        image = container.get("image")
        if not isinstance(image, str) or "@" in image:
            continue
        tag = image.rpartition("/")[2].partition(":")[2]
        if tag in ("", "latest"):
            yield f"{image} is whatever was pushed last; name a version"


_HOPS = {"hops": Setting(kind="integer", default=1, says="the most hops of a metadata answer")}
_PORTS = {"ports": Setting(kind="array", default=[], says='ports that may be open, as "443"')}
_PRIVATE = {
    "private_only": Setting(kind="boolean", default=False, says="whether named ranges are refused")
}

SECURITY = (
    Rule(name="imds-v2", level=MANDATORY, types=(_TEMPLATE, _INSTANCE), breaks=_metadata,
         settings=_HOPS,
         says="Instances answer IMDSv2 only, and no further than themselves."),
    Rule(name="no-public-address", level=MANDATORY, types=(_TEMPLATE, _INSTANCE, _SUBNET),
         breaks=_public_address, says="Nothing that computes has a public address."),
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
    Rule(name="no-hidden-balancer", level=MANDATORY, types=("kubernetes:core/v1:Service",),
         breaks=_service, says="Every load balancer is a resource of its stack."),
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
         types=("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy",
                "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
                "aws:iam/userPolicy:UserPolicy"),
         says="No role may do everything."),
    Rule(name="no-privileged-container", level=MANDATORY, types=_POD_HOLDERS, breaks=_privileged,
         says="No container is privileged."),
    Rule(name="no-latest-image", level=MANDATORY, types=_POD_HOLDERS, breaks=_latest,
         says="Images have a version."),
    Rule(name="image-digests", level=ADVISORY, types=_POD_HOLDERS, breaks=_digests,
         says="Images are named by digest."),
)  # fmt: skip
