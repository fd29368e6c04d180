"""What EKS refuses when a cluster is created, and the defaults that it fills in.

Source: EKS API reference (CreateCluster) and the EKS user guide, network-reqs.
"""

from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from r1_on_eks.rehearsal.aws_cloud.eks_state import Shape, invalid
from r1_on_eks.rehearsal.aws_cloud.eks_versions import VERSIONS

_SERVICE_CIDRS = ("10.100.0.0/16", "172.20.0.0/16")


def check_versions(version: str) -> None:
    """Only versions of the support calendar, and only while they are supported."""
    today = datetime.now(UTC).date()
    known = [v for v, row in VERSIONS.items() if row.status(today) != "UNSUPPORTED"]
    if version not in known:
        raise invalid(f"unsupported Kubernetes version {version}; supported: {', '.join(known)}")


def check_upgrade(before: str, version: str) -> None:
    """One minor version at a time, and never back (EKS user guide, update-cluster)."""
    check_versions(version)
    (major, minor), (to_major, to_minor) = (map(int, one.split(".")) for one in (before, version))
    if (to_major, to_minor) != (major, minor + 1):
        raise invalid(f"Unsupported Kubernetes minor version update from {before} to {version}")


def check_role(account: str, arn: str, service: str) -> None:
    """The role exists and trusts `service`."""
    for role in iam_backends[account]["aws"].roles.values():
        if role.arn == arn and service in role.assume_role_policy_document:
            return
    raise invalid(
        f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted "
        f"entity is not correct ({service})"
    )


def check_key(account: str, region: str, encryption: list[Shape]) -> None:
    """The KMS key for the envelope encryption of secrets exists and is enabled."""
    for entry in encryption:
        wanted = entry.get("provider", {}).get("keyArn", "")
        keys = kms_backends[account][region].keys.values()
        if not any(key.arn == wanted and key.enabled for key in keys):
            raise invalid(f"The KMS key {wanted} does not exist or is not enabled")


def known_subnets(account: str, region: str, subnet_ids: list[str]) -> list[Any]:
    """Moto's subnets of these ids, all of which must exist."""
    subnets = {
        subnet.id: subnet
        for by_zone in ec2_backends[account][region].subnets.values()
        for subnet in by_zone.values()
    }
    for subnet_id in subnet_ids:
        if subnet_id not in subnets:
            raise invalid(f"The subnet ID '{subnet_id}' does not exist")
    return [subnets[subnet_id] for subnet_id in subnet_ids]


def vpc_config(account: str, region: str, asked: Shape) -> Shape:
    """The cluster's resourcesVpcConfig with defaults; its own security group comes later."""
    subnets = known_subnets(account, region, asked.get("subnetIds", []))
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise invalid("Subnets specified must be in at least two different AZs")
    vpcs = {subnet.vpc_id for subnet in subnets}
    if len(vpcs) > 1:
        raise invalid(f"Subnets must all be in the same VPC, got {sorted(vpcs)}")
    groups = asked.get("securityGroupIds", [])
    backend = ec2_backends[account][region]
    for group_id in groups:
        if backend.get_security_group_from_id(group_id) is None:
            raise invalid(f"The security group '{group_id}' does not exist")
    public = asked.get("endpointPublicAccess", True)
    private = asked.get("endpointPrivateAccess", False)
    if not public and not private:
        raise invalid("Private and public endpoint access cannot be false.")
    return {
        "subnetIds": [subnet.id for subnet in subnets],
        "securityGroupIds": groups,
        "clusterSecurityGroupId": "",
        "vpcId": vpcs.pop(),
        "endpointPublicAccess": public,
        "endpointPrivateAccess": private,
        "publicAccessCidrs": asked.get("publicAccessCidrs", ["0.0.0.0/0"] if public else []),
        **{key: asked[key] for key in ("controlPlaneEgressMode",) if key in asked},
    }


def network_config(account: str, region: str, vpc_id: str, asked: Shape) -> Shape:
    """The cluster's kubernetesNetworkConfig; service addresses must not be the VPC's."""
    wanted = asked.get("kubernetesNetworkConfig", {})
    vpc = ip_network(ec2_backends[account][region].vpcs[vpc_id].cidr_block)
    free = [cidr for cidr in _SERVICE_CIDRS if not ip_network(cidr).overlaps(vpc)]
    chosen = wanted.get("serviceIpv4Cidr") or free[0]
    network = ip_network(chosen)
    if not network.is_private or not 12 <= network.prefixlen <= 24:
        raise invalid(f"serviceIpv4Cidr {chosen} must be a private block between /24 and /12")
    if network.overlaps(vpc):
        raise invalid(f"serviceIpv4Cidr {chosen} overlaps with VPC CIDR {vpc}")
    return {
        "serviceIpv4Cidr": chosen,
        "ipFamily": wanted.get("ipFamily", "ipv4"),
        "elasticLoadBalancing": {"enabled": False},
    }
