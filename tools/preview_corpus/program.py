"""The program whose previews are kept: one of each thing that costs, changed by `corpus:case`."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws

# What stands; a case changes some of it.
case: dict[str, Any] = {
    "cidr": "10.9.0.0/16", "days": 30, "log": "/corpus/a", "disk": 50, "disks": 1,
    "types": ["m7i.large"], "most": 2, "way": "ON_DEMAND", "nats": 1, "gib": 1200, "mbps": 125,
    "internal": True, "secret": False, "unknown": False, "read": "", "imported": "",
    "renamed": False, "moved": False, "addresses": 1, "empty": False, "first_delete": False,
    "kept": False, "block": False, "endpoints": ["sts"], "token": "one", "stays": False,
    "files": True, "entry": None, "who": "theirs", "own": "own", "guessed": False,
    **pulumi.Config("corpus").require_object("case"),
}  # fmt: skip


class Part(pulumi.ComponentResource):
    """Groups what it is given."""

    def __init__(self, name: str, parent: pulumi.Resource | None = None) -> None:
        super().__init__("corpus:index:Part", name, None, pulumi.ResourceOptions(parent=parent))
        self.register_outputs({})


def within(part: Part, **options: Any) -> pulumi.ResourceOptions:
    """Options of a child."""
    return pulumi.ResourceOptions(parent=part, provider=account, **options)


def network(part: Part) -> tuple[aws.ec2.Vpc, list[aws.ec2.Subnet]]:
    """A VPC with two subnets, addresses and NAT gateways."""
    vpc = aws.ec2.Vpc("vpc", cidr_block=case["cidr"], opts=within(part))
    prefix = case["cidr"].rsplit(".", 2)[0]
    subnets = [
        aws.ec2.Subnet(f"subnet-{zone}", vpc_id=vpc.id, cidr_block=f"{prefix}.{number}.0/24",
                       availability_zone=f"us-west-2{zone}", map_public_ip_on_launch=True,
                       opts=within(part))
        for number, zone in enumerate("ab")
    ]  # fmt: skip
    gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id, opts=within(part))
    table = aws.ec2.RouteTable("table", vpc_id=vpc.id, opts=within(part))
    aws.ec2.Route(
        "out",
        route_table_id=table.id,
        destination_cidr_block="0.0.0.0/0",
        gateway_id=gateway.id,
        opts=within(part),
    )
    for subnet, zone in zip(subnets, "ab", strict=True):
        aws.ec2.RouteTableAssociation(f"table-{zone}", route_table_id=table.id,
                                      subnet_id=subnet.id, opts=within(part))  # fmt: skip
    for number in range(case["nats"]):
        address = aws.ec2.Eip(f"nat-{number}", domain="vpc", opts=within(part))
        aws.ec2.NatGateway(f"nat-{number}", allocation_id=address.id, subnet_id=subnets[0].id,
                           opts=within(part, depends_on=[gateway]))  # fmt: skip
    for number in range(case["addresses"]):
        old = [pulumi.Alias(name="spare-0")] if case["renamed"] else None
        aws.ec2.Eip("renamed" if case["renamed"] else f"spare-{number}", domain="vpc",
                    tags={"token": pulumi.Output.secret(case["token"])},
                    opts=within(part, aliases=old, retain_on_delete=case["kept"]))  # fmt: skip
    for service in case["endpoints"]:
        aws.ec2.VpcEndpoint(f"endpoint-{service}", vpc_id=vpc.id, vpc_endpoint_type="Interface",
                            service_name=f"com.amazonaws.us-west-2.{service}",
                            subnet_ids=[one.id for one in subnets], opts=within(part))  # fmt: skip
    return vpc, subnets


def nodes(part: Part, subnets: list[aws.ec2.Subnet]) -> None:
    """A cluster, and a node group from a launch template."""
    trusted = trust("eks.amazonaws.com", "ec2.amazonaws.com")
    role = aws.iam.Role("role", name="corpus-role", assume_role_policy=trusted, opts=within(part))
    cluster = aws.eks.Cluster(
        "cluster", name="corpus", version="1.35", role_arn=role.arn,
        upgrade_policy={"support_type": "EXTENDED" if case["stays"] else "STANDARD"},
        access_config={"authentication_mode": "API"}, bootstrap_self_managed_addons=False,
        vpc_config={"subnet_ids": [one.id for one in subnets], "endpoint_public_access": False,
                    "endpoint_private_access": True},
        opts=within(part),
    )  # fmt: skip
    rights = [
        aws.iam.RolePolicyAttachment(
            f"role-{policy}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}",
            opts=within(part))
        for policy in ("AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy",
                       "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
    ]  # fmt: skip
    drivers = [
        aws.eks.Addon(f"cluster-{addon}", cluster_name=cluster.name, addon_name=addon,
                      opts=within(part, depends_on=rights))
        for addon in ("vpc-cni", "kube-proxy")
    ]  # fmt: skip
    template = aws.ec2.LaunchTemplate(
        "template",
        block_device_mappings=[
            {"device_name": f"/dev/xvd{letter}",
             "ebs": {"volume_size": case["disk"], "volume_type": "gp3"}}
            for letter in "abc"[: case["disks"]]
        ],
        **({
            "instance_type": "p5.48xlarge",
            "instance_market_options": {"market_type": "capacity-block"},
            "capacity_reservation_specification": {"capacity_reservation_target": {
                "capacity_reservation_id": "cr-0123456789abcdef0"}},
        } if case["block"] else {}),
        opts=within(part),
    )  # fmt: skip
    types: Any = None if case["block"] else list(case["types"])
    if case["secret"]:
        types = [pulumi.Output.secret(one) for one in types]
    if case["unknown"]:
        # Known when the role stands: in a preview of a new one, nobody knows it.
        types = [other(part).unique_id.apply(lambda _: "m7i.large")]
    aws.eks.NodeGroup(
        "nodes", node_group_name="corpus-nodes", cluster_name=cluster.name, node_role_arn=role.arn,
        subnet_ids=[one.id for one in subnets], instance_types=types,
        capacity_type="CAPACITY_BLOCK" if case["block"] else case["way"],
        launch_template={"id": template.id,
                         "version": pulumi.Output.format("{0}", template.latest_version)},
        scaling_config={"min_size": 0, "desired_size": 1, "max_size": case["most"]},
        opts=within(part, depends_on=[*drivers, *rights]),
    )  # fmt: skip


def other(part: Part) -> aws.iam.Role:
    """A role that didn't stand before."""
    trusted = trust("ec2.amazonaws.com")
    return aws.iam.Role("other", assume_role_policy=trusted, opts=within(part))


def trust(*services: str) -> str:
    """A policy that lets services take a role."""
    statement = {
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": [*services]},
    }  # fmt: skip
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def kept_things(part: Part, vpc: aws.ec2.Vpc, subnets: list[aws.ec2.Subnet]) -> None:
    """What holds state: a file system, logs, a key."""
    gib: Any = case["gib"]
    if case["unknown"]:
        gib = vpc.arn.apply(lambda _: 2400) if case["cidr"] != "10.9.0.0/16" else gib
    if case["files"]:
        aws.fsx.LustreFileSystem(
            "lustre", deployment_type="PERSISTENT_2", file_system_type_version="2.15",
            storage_type="SSD", storage_capacity=gib, per_unit_storage_throughput=case["mbps"],
            subnet_ids=subnets[0].id, skip_final_backup=True,
            opts=within(part, delete_before_replace=case["first_delete"]),
        )  # fmt: skip
    aws.cloudwatch.LogGroup(
        "logs", name=case["log"], retention_in_days=case["days"],
        opts=within(part, delete_before_replace=case["first_delete"]),
    )  # fmt: skip
    moved = Part("further", part) if case["moved"] else part
    aws.kms.Key(
        "key", description=pulumi.Output.secret(case["token"]), deletion_window_in_days=7,
        opts=within(moved, aliases=[pulumi.Alias(parent=part)] if case["moved"] else None),
    )  # fmt: skip


def way_in(part: Part, subnets: list[aws.ec2.Subnet]) -> None:
    """A network load balancer."""
    aws.lb.LoadBalancer("balancer", load_balancer_type="network", internal=case["internal"],
                        subnets=[one.id for one in subnets], opts=within(part))  # fmt: skip


def entry(way: str) -> None:
    """Who may enter the cluster, with a list, a secret, and a value that waits for another.

    Args:
        way: It is `made` by the stack, `imported` into it, or only `read`.
    """
    guessed: Any = "guessed"
    if case["guessed"]:
        trusted = trust("ec2.amazonaws.com")
        role = aws.iam.Role("guess", assume_role_policy=trusted,
                            opts=pulumi.ResourceOptions(provider=account))  # fmt: skip
        guessed = role.unique_id
    who = f"arn:aws:iam::111122223333:role/{case['own' if way == 'made' else 'who']}"
    inputs: dict[str, Any] = {
        "cluster_name": "corpus", "principal_arn": who, "user_name": "somebody",
        "type": "STANDARD", "kubernetes_groups": ["viewers", "callers"],
        "tags": {"token": pulumi.Output.secret(case["token"]), "guess": guessed},
    }  # fmt: skip
    options = pulumi.ResourceOptions(provider=account)
    if way == "read":
        aws.eks.AccessEntry.get("entry", f"corpus:{who}", **inputs, opts=options)
    else:
        options.import_ = f"corpus:{who}" if way == "imported" else None
        aws.eks.AccessEntry("entry", **inputs, opts=options)


account = aws.Provider("aws", region="us-west-2")
if not case["empty"]:
    outer = Part("corpus")
    its_vpc, its_subnets = network(outer)
    nodes(outer, its_subnets)
    kept_things(Part("state", outer), its_vpc, its_subnets)
    way_in(outer, its_subnets)
    if case["read"]:
        aws.ec2.Vpc.get("read", case["read"], opts=pulumi.ResourceOptions(provider=account))
    if case["imported"]:
        theirs = pulumi.ResourceOptions(provider=account, import_=case["imported"])
        aws.ec2.Eip("imported", domain="vpc", opts=theirs)
    if case["entry"]:
        entry(case["entry"])
