from pathlib import Path

from r1_on_eks.plan.subnets import blocks_of
from r1_on_eks.resources.network import Network, NetworkArgs

ZONES = ["us-west-2a", "us-west-2b", "us-west-2c"]


def declared(engine):
    args = NetworkArgs(region="us-west-2", blocks=blocks_of(ZONES))
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
    test_7b = Path(__file__).parent.parent / "stacks" / "Pulumi.test-7b.yaml"
    engine.run(test_7b, private_endpoints=["ecr", "sts"])
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
    engine.run(Path(__file__).parent.parent / "stacks" / "Pulumi.test-7b.yaml")
    assert engine.one("VpcEndpoint").inputs["vpcEndpointType"] == "Gateway"
