"""What holds state, takes long to build or is everybody's way in, and which edits end it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from r1_on_eks.cost.declared import Declaration, Declared, Unknown
from r1_on_eks.cost.preview import Change


@dataclass(frozen=True)
class Stateful:
    """A type whose end somebody must want.

    Attributes:
        lost: What ends with it.
        replaced_by: Inputs whose change replaces it, as terraform-provider-aws has it.
        source: Where that was read.
    """

    lost: str
    replaced_by: tuple[str, ...] = ()
    source: str = field(default="", repr=False)


STATEFUL: dict[str, Stateful] = {
    "aws:eks/cluster:Cluster": Stateful(
        "all that runs in it ends with it",
        ("name", "roleArn", "bootstrapSelfManagedAddons",
         "accessConfig.bootstrapClusterCreatorAdminPermissions",
         "kubernetesNetworkConfig.ipFamily", "kubernetesNetworkConfig.serviceIpv4Cidr"),
        "internal/service/eks/cluster.go@00555dc5b38f",
    ),
    "aws:eks/nodeGroup:NodeGroup": Stateful(
        "its instances end; of a GPU type there may be none to have again",
        ("amiType", "capacityType", "clusterName", "diskSize", "instanceTypes",
         "launchTemplate.id", "launchTemplate.name", "nodeGroupName", "nodeRoleArn",
         "remoteAccess", "subnetIds"),
        "internal/service/eks/node_group.go@012e0a32f068",
    ),
    "aws:fsx/lustreFileSystem:LustreFileSystem": Stateful(
        "weights are imported anew, for minutes to hours",
        ("backupId", "copyTagsToBackups", "deploymentType", "driveCacheType", "exportPath",
         "fileSystemTypeVersion", "importPath", "importedFileChunkSize", "kmsKeyId",
         "perUnitStorageThroughput", "securityGroupIds", "storageType", "subnetIds"),
        "internal/service/fsx/lustre_file_system.go@06ee53d9fed4",
    ),
    "aws:lb/loadBalancer:LoadBalancer": Stateful(
        "clients find another address",
        ("customerOwnedIpv4Pool", "internal", "loadBalancerType", "name", "namePrefix"),
        "internal/service/elbv2/load_balancer.go@00edc94be7a8",
    ),
    "aws:ec2/natGateway:NatGateway": Stateful(
        "no image is pulled while it is away",
        ("allocationId", "connectivityType", "privateIp", "secondaryPrivateIpAddressCount",
         "subnetId"),
        "internal/service/ec2/vpc_nat_gateway.go@04088eaa5494",
    ),
    "aws:ec2/vpc:Vpc": Stateful(
        "everything in it ends with it",
        ("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
        "internal/service/ec2/vpc_.go@00081ce41cc6",
    ),
    "aws:ec2/eip:Eip": Stateful(
        "whoever knows the address must learn another",
        ("address", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool"),
        "internal/service/ec2/ec2_eip.go@01606926a0c0",
    ),
    "aws:kms/key:Key": Stateful(
        "what it encrypts can't be read any more",
        ("customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"),
        "internal/service/kms/key.go@00a35305dc1b",
    ),
    "aws:ebs/volume:Volume": Stateful("what is on it is lost"),
    "aws:s3/bucket:Bucket": Stateful("what is in it is lost"),
    "aws:amp/workspace:Workspace": Stateful(
        "its metrics are lost", ("kmsKeyArn",), "internal/service/amp/workspace.go@0620f2a6a126"
    ),
}  # fmt: skip


def foreseen(before: Declaration, after: Declaration) -> list[Change]:
    """What would happen to what holds state, where no engine was asked."""
    found = []
    for urn in dict.fromkeys([*before.resources, *after.resources]):
        was, is_ = before.resources.get(urn), after.resources.get(urn)
        type_ = (is_ or was).type  # pyright: ignore[reportOptionalMemberAccess]
        if type_ not in STATEFUL:
            continue
        if was is None or is_ is None:
            found.append(Change(urn, type_, "create" if was is None else "delete", ()))
        elif keys := tuple(_replacing(was, is_)):
            found.append(Change(urn, type_, "replace", keys))
    return found


def _replacing(was: Declared, is_: Declared) -> Iterator[str]:
    for path in STATEFUL[is_.type].replaced_by:
        key = path.partition(".")[0]
        old, new = (_value(one, path.split(".")) for one in (was, is_))
        if old != new or (_waits(old) and was.needs.get(key) != is_.needs.get(key)):
            yield path
    old, new = was.get("storageCapacity"), is_.get("storageCapacity")
    # A file system grows in place, and never shrinks.
    if isinstance(old, int | float) and isinstance(new, int | float) and new < old:
        yield "storageCapacity"


def _value(resource: Declared, path: Sequence[str]) -> Any:
    return resource.get(*path)


def _waits(value: Any) -> bool:
    if isinstance(value, list):
        return any(_waits(one) for one in value)
    return isinstance(value, Unknown)
