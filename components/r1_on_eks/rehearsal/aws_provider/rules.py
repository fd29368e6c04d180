"""What AWS refuses and its service model doesn't say.

Each rule takes the inputs of a resource and answers (property, reason) pairs. It judges only what
is given and known; the same rules run in Check and again before the resource is created.
"""

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

import jmespath

from r1_on_eks.rehearsal.aws_provider.row import Values
from r1_on_eks.rehearsal.property_values import UNKNOWN, contains_unknown

Broken = Iterator[tuple[str, str]]
Rule = Callable[[Values], Broken]

_EKS_VERSIONS = ("1.33", "1.34", "1.35", "1.36")
_THROUGHPUTS = {"PERSISTENT_1": (50, 100, 200), "PERSISTENT_2": (125, 250, 500, 1000)}
# CloudWatch Logs API reference, PutRetentionPolicy.
_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192),
    *(2557, 2922, 3288, 3653),
)


def lustre_capacity(inputs: Values) -> Broken:
    """1200, 2400 and then steps of 2400 GiB (FSx API reference, CreateFileSystem)."""
    size = _known(inputs, "storageCapacity")
    deployment = _known(inputs, "deploymentType") or "SCRATCH_1"
    hard_disks = _known(inputs, "storageType") in ("HDD", "INTELLIGENT_TIERING")
    if size is None or hard_disks or deployment == "SCRATCH_1":
        return
    if size == 1200 or (size >= 2400 and size % 2400 == 0):
        return
    below = 1200 if size < 2400 else size // 2400 * 2400
    above = 1200 if size < 1200 else (size // 2400 + 1) * 2400
    nearest = " or ".join(str(one) for one in sorted({below, above}))
    yield (
        "storageCapacity",
        f"FSx for Lustre has no {size} GiB; the nearest is {nearest}",
    )


def lustre_throughput(inputs: Values) -> Broken:
    """Steps of each deployment type (FSx API reference, PerUnitStorageThroughput)."""
    deployment = _known(inputs, "deploymentType")
    given = _known(inputs, "perUnitStorageThroughput")
    if deployment is None or _known(inputs, "storageType") not in (None, "SSD"):
        return
    steps = _THROUGHPUTS.get(deployment, ())
    told = ", ".join(str(one) for one in steps)
    if given is not None and not steps:
        yield "perUnitStorageThroughput", f"{deployment} has none; leave it out"
    elif given is not None and given not in steps:
        yield "perUnitStorageThroughput", f"{deployment} has {told}, not {given}"
    elif steps and inputs.get("perUnitStorageThroughput") is None:
        yield "perUnitStorageThroughput", f"{deployment} needs one of {told}"


def lustre_key(inputs: Values) -> Broken:
    """Only persistent file systems take a key (FSx API reference, KmsKeyId)."""
    deployment = _known(inputs, "deploymentType") or "SCRATCH_1"
    if inputs.get("kmsKeyId") is not None and deployment.startswith("SCRATCH"):
        yield (
            "kmsKeyId",
            f"only PERSISTENT_1 and PERSISTENT_2 take a key, not {deployment}",
        )


def one_subnet(inputs: Values) -> Broken:
    """FSx for Lustre lies in one subnet (FSx API reference, SubnetIds)."""
    given = inputs.get("subnetIds")
    if isinstance(given, list) and len(given) != 1:
        yield "subnetIds", f"FSx for Lustre lies in one subnet, not {len(given)}"


def eks_version(inputs: Values) -> Broken:
    """Versions that EKS offers (EKS user guide, kubernetes-versions)."""
    version = _known(inputs, "version")
    if version is not None and version not in _EKS_VERSIONS:
        yield "version", f"EKS offers {', '.join(_EKS_VERSIONS)}, not {version}"


def node_numbers(inputs: Values) -> Broken:
    """Min ≤ desired ≤ max, max ≥ 1 (EKS API reference, NodegroupScalingConfig)."""
    scaling = inputs.get("scalingConfig")
    if not isinstance(scaling, dict) or contains_unknown(scaling):
        return
    low, wanted, high = (scaling.get(key) for key in ("minSize", "desiredSize", "maxSize"))
    if low is not None and wanted is not None and wanted < low:
        yield "scalingConfig.desiredSize", f"{wanted} is less than minSize {low}"
    if high is not None and wanted is not None and wanted > high:
        yield "scalingConfig.desiredSize", f"{wanted} is more than maxSize {high}"
    if low is not None and high is not None and low > high:
        yield "scalingConfig.minSize", f"{low} is more than maxSize {high}"


def idle_timeout(inputs: Values) -> Broken:
    """60–6000 s, on TCP listeners (ELB user guide, network listener attributes)."""
    seconds, protocol = (
        _known(inputs, "tcpIdleTimeoutSeconds"),
        _known(inputs, "protocol"),
    )
    if seconds is None:
        return
    if not 60 <= seconds <= 6000:
        yield "tcpIdleTimeoutSeconds", f"must be from 60 to 6000, not {seconds}"
    if protocol is not None and protocol != "TCP":
        yield "tcpIdleTimeoutSeconds", f"only TCP listeners have one, not {protocol}"


def name_length(most: int, key: str = "name") -> Rule:
    """A name's greatest length (the services' API references)."""

    def rule(inputs: Values) -> Broken:
        name = _known(inputs, key)
        if isinstance(name, str) and len(name) > most:
            yield key, f"'{name}' has {len(name)} characters; AWS takes at most {most}"

    return rule


def deletion_window(inputs: Values) -> Broken:
    """7–30 days (KMS API reference, ScheduleKeyDeletion)."""
    days = _known(inputs, "deletionWindowInDays")
    if days is not None and not 7 <= days <= 30:
        yield "deletionWindowInDays", f"must be from 7 to 30, not {days}"


def retention_days(inputs: Values) -> Broken:
    """CloudWatch's fixed set (CloudWatch Logs API reference, PutRetentionPolicy)."""
    days = _known(inputs, "retentionInDays")
    if days not in (None, 0, *_RETENTION_DAYS):
        below = [one for one in _RETENTION_DAYS if one < days][-1:]
        above = [one for one in _RETENTION_DAYS if one > days][:1]
        told = " or ".join(str(one) for one in below + above)
        yield (
            "retentionInDays",
            f"CloudWatch does not keep logs {days} days; nearest: {told}",
        )


def cidr_size(inputs: Values) -> Broken:
    """/16–/28 (VPC user guide, vpc-cidr-blocks and subnet-sizing)."""
    block = _known(inputs, "cidrBlock")
    if block is None:
        return
    try:
        network = ipaddress.ip_network(block)
    except ValueError as error:
        yield "cidrBlock", str(error)
        return
    if not 16 <= network.prefixlen <= 28:
        yield "cidrBlock", f"{block} is not from /16 to /28"


def subnet_inside_vpc(cloud: Any, inputs: Values) -> Broken:
    """A subnet's range lies in its VPC's (VPC user guide, subnet-sizing)."""
    answer = cloud.call("ec2", "DescribeVpcs", {"VpcIds": [inputs["vpcId"]]})
    blocks = jmespath.search("Vpcs[0].CidrBlockAssociationSet[].CidrBlock", answer) or [
        answer["Vpcs"][0]["CidrBlock"]
    ]
    subnet = ipaddress.ip_network(inputs["cidrBlock"])
    if not any(subnet.subnet_of(ipaddress.ip_network(block)) for block in blocks):  # type: ignore[arg-type]
        yield (
            "cidrBlock",
            f"{subnet} is not inside {', '.join(blocks)} of {inputs['vpcId']}",
        )


def two_zones(cloud: Any, inputs: Values) -> Broken:
    """A cluster's subnets lie in two zones or more (EKS user guide, network-reqs)."""
    subnets = inputs["vpcConfig"]["subnetIds"]
    answer = cloud.call("ec2", "DescribeSubnets", {"SubnetIds": subnets})
    zones = {subnet["AvailabilityZone"] for subnet in answer["Subnets"]}
    if len(zones) < 2:
        told = ", ".join(sorted(zones))
        yield (
            "vpcConfig.subnetIds",
            f"EKS needs subnets in two zones or more, not only {told}",
        )


def node_group_template(cloud: Any, inputs: Values) -> Broken:
    """What a managed node group's template must not hold.

    EKS user guide, launch-templates.
    """
    template = inputs.get("launchTemplate") or {}
    if not template:
        return
    by = (
        {"LaunchTemplateId": template["id"]}
        if template.get("id")
        else {"LaunchTemplateName": template["name"]}
    )
    version = str(template.get("version") or "$Default")
    answer = cloud.call("ec2", "DescribeLaunchTemplateVersions", {**by, "Versions": [version]})
    content = answer["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    nics = content.get("NetworkInterfaces") or []
    forbidden = {
        "a subnet": any(one.get("SubnetId") for one in nics),
        "an instance profile": content.get("IamInstanceProfile"),
        "a shutdown behaviour": content.get("InstanceInitiatedShutdownBehavior"),
    }
    for what, present in forbidden.items():
        if present:
            yield (
                "launchTemplate",
                f"a managed node group's template must not contain {what}",
            )
    if content.get("InstanceType") and inputs.get("instanceTypes"):
        yield (
            "instanceTypes",
            "the instance type is in the launch template too; give it once",
        )
    if nics and content.get("SecurityGroupIds"):
        yield (
            "launchTemplate",
            "security groups are given for the instance and for interfaces",
        )


def _known(inputs: Values, key: str) -> Any:
    value = inputs.get(key)
    return None if value is UNKNOWN else value
