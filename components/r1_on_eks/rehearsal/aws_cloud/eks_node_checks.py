"""What keeps nodes from starting or joining, found by looking at the network as it is.

Source: EKS user guide, launch-templates, troubleshooting ("Instances failed to join"),
network-reqs and private-clusters; health issue codes of the EKS API reference (Issue).
"""

from collections.abc import Iterable
from typing import Any

from r1_on_eks.catalog.instances import INSTANCE_TYPES
from r1_on_eks.rehearsal.aws_cloud.background import client
from r1_on_eks.rehearsal.aws_cloud.eks_cluster_checks import check_role, known_subnets
from r1_on_eks.rehearsal.aws_cloud.eks_state import Cluster, Shape, invalid, refused

# A private cluster's nodes reach these without the internet (EKS user guide, private-clusters).
_PRIVATE_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "sts", "s3")
_FORBIDDEN_IN_TEMPLATE = {
    "IamInstanceProfile": "an instance profile",
    "InstanceInitiatedShutdownBehavior": "a shutdown behaviour",
    "HibernationOptions": "hibernation",
}


class NodesMissing(Exception):
    """The node group cannot be completed; `code` is a NodegroupIssueCode."""

    def __init__(self, code: str, message: str, resource_ids: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.resource_ids = list(resource_ids)


def check_request(account: str, region: str, cluster: Cluster, asked: Shape) -> None:
    """Refuses at once what CreateNodegroup refuses at once.

    Raises:
        AwsError: InvalidParameterException or InvalidRequestException.
    """
    check_role(account, asked["nodeRole"], "ec2.amazonaws.com")
    vpc = cluster.shape["resourcesVpcConfig"]["vpcId"]
    for subnet in known_subnets(account, region, asked["subnets"]):
        if subnet.vpc_id != vpc:
            raise invalid(f"Subnet {subnet.id} is not in the cluster's VPC {vpc}")
    check_scaling(asked.get("scalingConfig", {}))


def check_scaling(scaling: Shape) -> None:
    """Minimum ≤ desired ≤ maximum."""
    low, wanted, high = (scaling.get(key) for key in ("minSize", "desiredSize", "maxSize"))
    if low is not None and wanted is not None and low > wanted:
        raise invalid(f"Minimum capacity {low} can't be greater than desired size {wanted}")
    if wanted is not None and high is not None and wanted > high:
        raise invalid(f"Desired capacity {wanted} can't be greater than max size {high}")


def check_template(data: Shape, asked: Shape) -> None:
    """A managed node group's launch template must leave some things to EKS."""
    for key, what in _FORBIDDEN_IN_TEMPLATE.items():
        if key in data:
            raise refused(f"Launch template must not specify {what} ({key}).")
    interfaces = data.get("NetworkInterfaces", [])
    if any("SubnetId" in interface for interface in interfaces):
        raise refused("Launch template must not specify a subnet in its network interfaces.")
    if data.get("SecurityGroupIds") and any("Groups" in each for each in interfaces):
        raise refused(
            "Launch template must not specify security groups both for the instance and for its "
            "network interfaces."
        )
    if "InstanceType" in data and asked.get("instanceTypes"):
        raise invalid("Cannot specify instance types in launch template and API request")
    for key in ("diskSize", "remoteAccess"):
        if key in asked:
            raise invalid(f"{key} can't be given together with a launch template")
    if "ImageId" in data and asked.get("amiType", "CUSTOM") != "CUSTOM":
        raise invalid("You cannot specify an AMI Type other than CUSTOM, when specifying an "
                      "image id in your launch template.")  # fmt: skip


def check_types(types: list[str], ami_type: str) -> None:
    """The instance types are known, and the AMI type is made for them."""
    unknown = [name for name in types if name not in INSTANCE_TYPES]
    if unknown:
        raise invalid(f"The following supplied instance types do not exist: {unknown}")
    for name in types:
        gpu_image = ami_type.endswith(("_GPU", "_NVIDIA"))
        if "ARM_64" in ami_type or (gpu_image and not INSTANCE_TYPES[name].gpus):
            raise invalid(
                f"[{name}] is not a valid instance type for requested amiType {ami_type}"
            )


def offered_subnets(instance_type: str, subnet_ids: list[str]) -> list[str]:
    """The subnets whose zone offers the instance type, by moto's table of real offerings.

    Raises:
        NodesMissing: no zone of the node group has it.
    """
    ec2 = client("ec2")
    rows = ec2.describe_instance_type_offerings(
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": [instance_type]}],
    )["InstanceTypeOfferings"]
    offered = sorted(row["Location"] for row in rows)
    subnets = ec2.describe_subnets(SubnetIds=subnet_ids)["Subnets"]
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in subnets}
    usable = [subnet_id for subnet_id in subnet_ids if zones[subnet_id] in offered]
    if not usable:
        raise NodesMissing(
            "AsgInstanceLaunchFailures",
            "Could not launch On-Demand Instances. Unsupported - Your requested instance type "
            f"({instance_type}) is not supported in your requested Availability Zone "
            f"({', '.join(sorted(set(zones.values())))}). Please retry your request by not "
            f"specifying an Availability Zone or choosing {', '.join(offered) or 'another Region'}"
            ". Launching EC2 instance failed.",
        )
    return usable


def check_placement_group(template: Shape) -> None:
    """The placement group that the launch template names exists.

    Raises:
        NodesMissing: AsgInstanceLaunchFailures.
    """
    name = template.get("Placement", {}).get("GroupName")
    known = client("ec2").describe_placement_groups()["PlacementGroups"] if name else []
    if name and name not in [group["GroupName"] for group in known]:
        raise NodesMissing(
            "AsgInstanceLaunchFailures",
            f"The Placement Group '{name}' is unknown. Launching EC2 instance failed.",
        )


def check_reach(subnet_ids: list[str]) -> None:
    """Nodes in every subnet reach the cluster's endpoint and the registries.

    Raises:
        NodesMissing: with the code and words of EKS.
    """
    ec2 = client("ec2")
    for subnet in ec2.describe_subnets(SubnetIds=subnet_ids)["Subnets"]:
        way_out = _default_target(ec2, subnet)
        if way_out.startswith("igw-") and not subnet["MapPublicIpOnLaunch"]:
            raise NodesMissing(
                "Ec2SubnetInvalidConfiguration",
                f"One or more Amazon EC2 Subnets of [{subnet['SubnetId']}] for node group does "
                "not automatically assign public IP addresses to instances launched into it. If "
                "you want your instances to be assigned a public IP address, then you need to "
                "enable auto-assign public IP address for the subnet.",
                [subnet["SubnetId"]],
            )
        if way_out.startswith("igw-") or _nat_works(ec2, way_out) or _is_private(ec2, subnet):
            continue
        raise NodesMissing(
            "NodeCreationFailure",
            "Instances failed to join the kubernetes cluster: the route table of "
            f"{subnet['SubnetId']} leads to no working NAT gateway or internet gateway, and the "
            f"VPC lacks endpoints for {', '.join(_PRIVATE_ENDPOINTS)}",
            [subnet["SubnetId"]],
        )


def _default_target(ec2: Any, subnet: Shape) -> str:
    """The id behind 0.0.0.0/0 in the subnet's own or the VPC's main route table, or ""."""
    for key, value in (
        ("association.subnet-id", subnet["SubnetId"]),
        ("association.main", "true"),
    ):
        tables = ec2.describe_route_tables(
            Filters=[
                {"Name": "vpc-id", "Values": [subnet["VpcId"]]},
                {"Name": key, "Values": [value]},
            ]
        )["RouteTables"]
        if tables:
            break
    for route in (route for table in tables for route in table["Routes"]):
        if route.get("DestinationCidrBlock") == "0.0.0.0/0":
            return route.get("NatGatewayId") or route.get("GatewayId") or "other"
    return ""


def _nat_works(ec2: Any, target: str) -> bool:
    if not target.startswith("nat-"):
        return False
    found = ec2.describe_nat_gateways(NatGatewayIds=[target])["NatGateways"]
    if not found or found[0]["State"] != "available":
        return False
    outside = ec2.describe_subnets(SubnetIds=[found[0]["SubnetId"]])["Subnets"][0]
    return _default_target(ec2, outside).startswith("igw-")


def _is_private(ec2: Any, subnet: Shape) -> bool:
    endpoints = ec2.describe_vpc_endpoints(
        Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}]
    )["VpcEndpoints"]
    served = {
        each["ServiceName"].split(".", 3)[3] for each in endpoints if each["State"] == "available"
    }
    return served.issuperset(_PRIVATE_ENDPOINTS)
