from pathlib import Path

from r1_on_eks.plan.subnets import NetworkPlan, blocks_of
from r1_on_eks.resources.network import Network, NetworkArgs

ZONES = ["us-west-2a", "us-west-2b", "us-west-2c"]


GIVEN = {
    "network": {
        "vpc": "vpc-0123456789abcdef0",
        "cidr": "10.0.0.0/16",
        "private_subnets": {
            "us-west-2a": "subnet-0123456789abcdef0",
            "us-west-2b": "subnet-0123456789abcdef1",
        },
    },
    "zones": None,
}
MIRROR = {
    "docker_hub_secret": "arn:aws:secretsmanager:us-west-2:111122223333:secret:"
    "ecr-pullthroughcache/docker-hub-AbCdEf",
    "copied": "111122223333.dkr.ecr.us-west-2.amazonaws.com/mirror",
}
PRIVATE = {
    "outbound": "none",
    "endpoint": "private",
    "private_endpoints": ["ec2", "ecr", "eks-auth", "sts"],
    "image_mirror": MIRROR,
}
TEST_7B = Path(__file__).parent.parent / "stacks" / "Pulumi.test-7b.yaml"


def declared(engine, **changes):
    args = NetworkArgs(
        stack="prod",
        account="111122223333",
        region="us-west-2",
        network=NetworkPlan(blocks=blocks_of(ZONES), **changes),
        key_arn="arn:key",
        log_days=30,
    )
    return engine.declare(lambda: Network("net", args))


def test_each_zone_has_a_private_and_a_public_subnet(engine):
    zones = [one.inputs["availabilityZone"] for one in declared(engine).of_type("Subnet")]
    assert sorted(zones) == sorted(ZONES * 2)


def test_private_subnets_go_out_through_nat_and_public_ones_through_the_internet_gateway(engine):
    routes = {one.name: one.inputs for one in declared(engine).of_type("Route")}
    assert routes["net-private-default"]["natGatewayId"] == "net-nat-id"
    assert routes["net-public-default"]["gatewayId"] == "net-internet-id"
    tables = {one.name: one.inputs for one in engine.of_type("RouteTableAssociation")}
    assert len(tables) == 6
    for name, inputs in tables.items():
        side = "private" if "private" in name else "public"
        assert inputs["routeTableId"] == f"net-{side}-id"
        assert inputs["subnetId"].startswith(f"net-{side}-us-west-2")


def test_nat_waits_for_the_way_out(engine):
    nat = declared(engine).one("NatGateway")
    assert any(urn.endswith("::net-public-default") for urn in nat.dependencies)


def test_weights_come_from_s3_without_passing_nat(engine):
    endpoint = declared(engine).one("VpcEndpoint")
    assert endpoint.inputs["serviceName"] == "com.amazonaws.us-west-2.s3"
    assert endpoint.inputs["routeTableIds"] == ["net-private-id"]


def test_services_named_in_the_file_have_an_interface_in_every_private_subnet(engine):
    engine.run(TEST_7B, private_endpoints=["ecr", "sts"])
    interfaces = [
        one.inputs
        for one in engine.of_type("VpcEndpoint")
        if one.inputs["vpcEndpointType"] == "Interface"
    ]
    assert [one["serviceName"].removeprefix("com.amazonaws.us-west-2.") for one in interfaces] == [
        "ecr.api", "ecr.dkr", "sts",
    ]  # fmt: skip
    for one in interfaces:
        assert len(one["subnetIds"]) == 3
        assert one["privateDnsEnabled"] is True
    (rule,) = [one.inputs for one in engine.of_type("SecurityGroupIngressRule")
               if one.name == "network-endpoints-https"]  # fmt: skip
    assert (rule["cidrIpv4"], rule["fromPort"]) == ("10.64.0.0/16", 443)


def test_without_them_only_s3_has_an_endpoint_which_costs_nothing(engine):
    engine.run(TEST_7B)
    assert engine.one("VpcEndpoint").inputs["vpcEndpointType"] == "Gateway"


def test_flow_logs_go_to_a_group_of_ours_that_they_cannot_make_again(engine):
    group = declared(engine).one("LogGroup")
    assert group.inputs["name"] == "/r1/prod/flows"
    assert (group.inputs["retentionInDays"], group.inputs["kmsKeyId"]) == (30, "arn:key")
    flows = engine.one("FlowLog")
    assert flows.inputs["trafficType"] == "ALL"
    assert any(urn.endswith("::net-flows") for urn in flows.dependencies)
    policy = engine.one("RolePolicy").inputs["policy"]
    assert "log-group:/r1/prod/flows:*" in policy
    assert "CreateLogGroup" not in policy


def test_the_vpcs_own_security_group_lets_nothing_in_or_out(engine):
    group = declared(engine).one("DefaultSecurityGroup").inputs
    assert not {"ingress", "egress"} & set(group)


def test_of_a_network_that_exists_nothing_is_made(engine):
    engine.run(TEST_7B, **GIVEN)
    made = {one.type for one in engine.registered if "$r1:index:Network" in one.parent}
    assert made == set()
    (cluster,) = [one for one in engine.registered if one.type == "aws:eks/cluster:Cluster"]
    assert cluster.inputs["vpcConfig"]["subnetIds"] == [
        "subnet-0123456789abcdef0", "subnet-0123456789abcdef1",
    ]  # fmt: skip
    assert engine.one("NodeGroup", "r1-7b").inputs["subnetIds"] == ["subnet-0123456789abcdef1"]
    assert engine.one("TargetGroup").inputs["vpcId"] == "vpc-0123456789abcdef0"


def test_who_is_inside_follows_a_given_networks_range(engine):
    engine.run(TEST_7B, **GIVEN)
    clients = engine.one("SecurityGroupIngressRule", "gateway-clients-1").inputs
    assert clients["cidrIpv4"] == "10.0.0.0/16"
    policies = str([one.inputs for one in engine.of_type("NetworkPolicy")])
    assert "10.0.0.0/16" in policies
    assert "10.64.0.0/16" not in policies


def test_without_a_way_out_there_is_neither_nat_nor_internet_gateway(engine):
    engine.run(TEST_7B, **PRIVATE)
    assert not engine.of_type("NatGateway")
    assert not engine.of_type("InternetGateway")
    assert not engine.of_type("Route")
    services = {one.inputs["serviceName"].partition("us-west-2.")[2]
                for one in engine.of_type("VpcEndpoint")}  # fmt: skip
    assert services == {"s3", "ec2", "ecr.api", "ecr.dkr", "eks-auth", "sts"}


def test_a_public_gateway_has_its_way_in_though_nodes_have_none_out(engine):
    engine.run(TEST_7B, **PRIVATE, gateway={"public_from": ["203.0.113.0/24"]})
    assert not engine.of_type("NatGateway")
    (route,) = engine.of_type("Route")
    assert route.name == "network-public-default"
