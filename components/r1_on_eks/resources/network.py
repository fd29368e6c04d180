"""The network of a stack."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from r1_on_eks.plan.access import trusts, writes_to_log_group
from r1_on_eks.plan.names import flow_log_group, role_name, tagged
from r1_on_eks.plan.subnets import NetworkPlan


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Inputs of `Network`.

    Attributes:
        stack: Part of its role's and its log group's names.
        account: Of its log group.
        region: For the names of the endpoints' services.
        network: Its addresses and ways out, or the ids of one that exists.
        key_arn: Encrypts its flow logs.
        log_days: How long they are kept.
    """

    stack: str
    account: str
    region: str
    network: NetworkPlan
    key_arn: pulumi.Input[str]
    log_days: int


class Network(pulumi.ComponentResource):
    """A VPC with a private and a public subnet in each zone, a way out, and S3 from inside.

    Where the VPC exists already, nothing is made.
    """

    vpc_id: pulumi.Output[str]
    """The VPC."""
    private_subnet_ids: dict[str, pulumi.Output[str]]
    """Private subnet of each zone: nodes, pods, file system."""
    public_subnet_ids: dict[str, pulumi.Output[str]]
    """Public subnet of each zone: NAT, public load balancers."""

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("r1:index:Network", name, None, opts)
        given = args.network
        if given.vpc_id is not None:
            self.vpc_id = pulumi.Output.from_input(given.vpc_id)
            self.private_subnet_ids = _outputs(given.private_subnet_ids)
            self.public_subnet_ids = _outputs(given.public_subnet_ids)
        else:
            self._make(name, args)
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
            }
        )

    def _make(self, name: str, args: NetworkArgs) -> None:
        within = pulumi.ResourceOptions(parent=self)
        vpc = _vpc(name, args, within)
        private, public = _subnets(name, args, vpc.id, within)
        inside = aws.ec2.RouteTable(
            f"{name}-private", vpc_id=vpc.id, tags=tagged({}, f"{name}-private"), opts=within
        )
        _associate(f"{name}-private", inside, private, within)
        if args.network.internet:
            outside = _way_outside(name, vpc.id, public, within)
            if args.network.nat:
                _way_outside_from_inside(name, public, inside, outside, within)
        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc.id,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{args.region}.s3",
            route_table_ids=[inside.id],
            tags=tagged({}, f"{name}-s3"),
            opts=within,
        )
        if args.network.endpoint_services:
            _interfaces(name, args, vpc.id, private, within)
        self.vpc_id = vpc.id
        self.private_subnet_ids = {zone: subnet.id for zone, subnet in private.items()}
        self.public_subnet_ids = {zone: subnet.id for zone, subnet in public.items()}


def _outputs(ids: Mapping[str, str]) -> dict[str, pulumi.Output[str]]:
    return {zone: pulumi.Output.from_input(one) for zone, one in ids.items()}


def _vpc(name: str, args: NetworkArgs, within: pulumi.ResourceOptions) -> aws.ec2.Vpc:
    vpc = aws.ec2.Vpc(
        f"{name}-vpc",
        cidr_block=args.network.cidr,
        enable_dns_hostnames=True,
        enable_dns_support=True,
        tags=tagged({}, f"{name}-vpc"),
        opts=within,
    )
    # Whatever names no security group would land in it: it lets nothing in or out.
    aws.ec2.DefaultSecurityGroup(
        f"{name}-nobody", vpc_id=vpc.id, tags=tagged({}, f"{name}-nobody"), opts=within
    )
    _flow_logs(name, args, vpc.id, within)
    return vpc


def _flow_logs(
    name: str, args: NetworkArgs, vpc_id: pulumi.Input[str], within: pulumi.ResourceOptions
) -> None:
    group_name = flow_log_group(args.stack)
    writes = writes_to_log_group(args.account, args.region, group_name)
    group = aws.cloudwatch.LogGroup(
        f"{name}-flows",
        name=group_name,
        retention_in_days=args.log_days,
        kms_key_id=args.key_arn,
        tags=tagged({}, f"{name}-flows"),
        opts=within,
    )
    role = aws.iam.Role(
        f"{name}-flows",
        name=role_name(args.stack, "flow-logs"),
        # Else a stranger's flow log could be written with it (VPC user guide, flow-logs-iam-role).
        assume_role_policy=pulumi.Output.json_dumps(
            trusts("vpc-flow-logs.amazonaws.com", args.account)
        ),
        tags=tagged({}, f"{name}-flows"),
        opts=within,
    )
    policy = aws.iam.RolePolicy(
        f"{name}-flows",
        role=role.name,
        policy=pulumi.Output.json_dumps(writes),
        opts=within,
    )
    aws.ec2.FlowLog(
        f"{name}-flows",
        vpc_id=vpc_id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=role.arn,
        max_aggregation_interval=600,
        tags=tagged({}, f"{name}-flows"),
        opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=[policy])),
    )


_Subnets = dict[str, aws.ec2.Subnet]


def _subnets(
    name: str, args: NetworkArgs, vpc_id: pulumi.Input[str], within: pulumi.ResourceOptions
) -> tuple[_Subnets, _Subnets]:
    private: _Subnets = {}
    public: _Subnets = {}
    for block in args.network.blocks:
        for subnets, side, cidr in (
            (private, "private", block.private),
            (public, "public", block.public),
        ):
            logical = f"{name}-{side}-{block.zone}"
            subnets[block.zone] = aws.ec2.Subnet(
                logical,
                vpc_id=vpc_id,
                availability_zone=block.zone,
                cidr_block=cidr,
                map_public_ip_on_launch=False,
                tags=tagged({}, logical),
                opts=within,
            )
    return private, public


def _way_outside(
    name: str,
    vpc_id: pulumi.Input[str],
    public: _Subnets,
    within: pulumi.ResourceOptions,
) -> aws.ec2.Route:
    internet = aws.ec2.InternetGateway(
        f"{name}-internet", vpc_id=vpc_id, tags=tagged({}, f"{name}-internet"), opts=within
    )
    table = aws.ec2.RouteTable(
        f"{name}-public", vpc_id=vpc_id, tags=tagged({}, f"{name}-public"), opts=within
    )
    route = aws.ec2.Route(
        f"{name}-public-default",
        route_table_id=table.id,
        destination_cidr_block="0.0.0.0/0",
        gateway_id=internet.id,
        opts=within,
    )
    _associate(f"{name}-public", table, public, within)
    return route


def _way_outside_from_inside(
    name: str,
    public: _Subnets,
    inside: aws.ec2.RouteTable,
    outside: aws.ec2.Route,
    within: pulumi.ResourceOptions,
) -> None:
    address = aws.ec2.Eip(f"{name}-nat", domain="vpc", tags=tagged({}, f"{name}-nat"), opts=within)
    # One per stack: images and API calls pass it, weights do not. Its zone's failure stops new
    # nodes and pulls, not serving; one in each zone would cost three times as much.
    nat = aws.ec2.NatGateway(
        f"{name}-nat",
        subnet_id=next(iter(public.values())).id,
        allocation_id=address.id,
        tags=tagged({}, f"{name}-nat"),
        opts=pulumi.ResourceOptions.merge(within, pulumi.ResourceOptions(depends_on=[outside])),
    )
    aws.ec2.Route(
        f"{name}-private-default",
        route_table_id=inside.id,
        destination_cidr_block="0.0.0.0/0",
        nat_gateway_id=nat.id,
        opts=within,
    )


def _associate(
    name: str,
    table: aws.ec2.RouteTable,
    subnets: _Subnets,
    within: pulumi.ResourceOptions,
) -> None:
    for zone, subnet in subnets.items():
        aws.ec2.RouteTableAssociation(
            f"{name}-{zone}", route_table_id=table.id, subnet_id=subnet.id, opts=within
        )


def _interfaces(
    name: str,
    args: NetworkArgs,
    vpc_id: pulumi.Input[str],
    private: _Subnets,
    within: pulumi.ResourceOptions,
) -> None:
    """AWS services that nodes and pods reach without NAT."""
    group = aws.ec2.SecurityGroup(
        f"{name}-endpoints",
        vpc_id=vpc_id,
        description="Interfaces of AWS services",
        tags=tagged({}, f"{name}-endpoints"),
        opts=within,
    )
    aws.vpc.SecurityGroupIngressRule(
        f"{name}-endpoints-https",
        security_group_id=group.id,
        cidr_ipv4=args.network.cidr,
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        tags=tagged({}, f"{name}-endpoints-https"),
        opts=within,
    )
    for service in args.network.endpoint_services:
        logical = f"{name}-{service.replace('.', '-')}"
        aws.ec2.VpcEndpoint(
            logical,
            vpc_id=vpc_id,
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{args.region}.{service}",
            subnet_ids=[subnet.id for subnet in private.values()],
            security_group_ids=[group.id],
            private_dns_enabled=True,
            tags=tagged({}, logical),
            opts=within,
        )
