"""Clusters without a way to the internet: in somebody else's VPC, and in one of their own.

Images come from the account's own registry, and an instance waits beside the nodes.
"""

import json
import re

import pytest
import yaml
from r1_on_eks.plan.names import node_group_name

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow, pytest.mark.timeout(1200)]

STACK = "test-7b"
CIDR = "10.80.0.0/16"
ZONES = ("us-west-2a", "us-west-2b")
REGISTRY = "111122223333.dkr.ecr.us-west-2.amazonaws.com"
# What the owner of a VPC makes: two subnets, no NAT, endpoints of what nodes talk to.
_OWNERS = f"""
set -e
make() {{ aws ec2 "$@" --output text; }}
vpc=$(make create-vpc --cidr-block {CIDR} --query Vpc.VpcId)
make modify-vpc-attribute --vpc-id $vpc --enable-dns-hostnames
a=$(make create-subnet --vpc-id $vpc --availability-zone {ZONES[0]} --cidr-block 10.80.0.0/20 \
    --query Subnet.SubnetId)
b=$(make create-subnet --vpc-id $vpc --availability-zone {ZONES[1]} --cidr-block 10.80.16.0/20 \
    --query Subnet.SubnetId)
table=$(make create-route-table --vpc-id $vpc --query RouteTable.RouteTableId)
for subnet in $a $b; do
    make associate-route-table --route-table-id $table --subnet-id $subnet > /dev/null
done
make create-vpc-endpoint --vpc-id $vpc --vpc-endpoint-type Gateway --route-table-ids $table \
    --service-name com.amazonaws.us-west-2.s3 > /dev/null
for service in ec2 ecr.api ecr.dkr eks-auth sts; do
    make create-vpc-endpoint --vpc-id $vpc --vpc-endpoint-type Interface --subnet-ids $a $b \
        --private-dns-enabled --service-name com.amazonaws.us-west-2.$service > /dev/null
done
echo "made $vpc $a $b"
"""
_EVERYTHING = (
    "import os, urllib.request as r;"
    "print(r.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/r1/resources').read().decode())"
)


def left(checkout):
    """All that exists in the local cloud, but for keys that KMS keeps for some days."""
    shown = checkout.rehearse("python3", "-c", _EVERYTHING).stdout
    found = json.loads(shown[shown.index("{") :])
    return {kind: names for kind, names in found.items() if not kind.endswith("pending-deletion")}


def write(checkout, **changes):
    """The small stack, with images from a mirror, a warm instance, and nothing public."""
    file = checkout.root / "stacks" / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(file.read_text())
    settings = content["config"]["r1-on-eks:stack"]
    settings.update(zones=list(ZONES), endpoint="private", **changes)
    settings["image_mirror"] = {
        "docker_hub_secret": "arn:aws:secretsmanager:us-west-2:111122223333:secret:"
        "ecr-pullthroughcache/docker-hub-AbCdEf",
        "copied": f"{REGISTRY}/mirror",
    }
    settings["variants"]["7b"]["warm"] = 1
    file.write_text(yaml.safe_dump(content))


def pulumi(checkout, *words):
    done = checkout.rehearse("pulumi", *words, "--yes", "--skip-preview", "--stack", STACK,
                             timeout=600)  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def asked(checkout, *words):
    return json.loads(checkout.rehearse(*words).stdout)


def stands_and_goes(checkout):
    """Up, no-op, down; returns where the cluster was."""
    before = left(checkout)
    pulumi(checkout, "up")
    pods = asked(checkout, "kubectl", "get", "pods", "--all-namespaces", "-o", "json")["items"]
    waiting = {pod["metadata"]["name"]: pod["status"]["phase"] for pod in pods
               if pod["status"]["phase"] != "Running"}  # fmt: skip
    assert waiting == {}
    of_models = [pod for pod in pods if pod["metadata"]["name"].startswith("r1-7b")]
    assert of_models
    images = {one["image"] for pod in pods for one in pod["spec"]["containers"]}
    assert {image.partition("/")[0] for image in images} == {REGISTRY}
    group = asked(checkout, "aws", "eks", "describe-nodegroup", "--cluster-name", STACK,
                  "--nodegroup-name", node_group_name(STACK, "r1-7b"))["nodegroup"]  # fmt: skip
    assert group["warmPoolConfig"]["minSize"] == 1
    assert group["warmPoolConfig"]["poolState"] == "STOPPED"
    cluster = asked(checkout, "aws", "eks", "describe-cluster", "--name", STACK)["cluster"]
    again = pulumi(checkout, "up")
    assert re.search(r"Resources:\s+\d+ unchanged\s+Duration", again), again
    pulumi(checkout, "destroy")
    assert left(checkout) == before
    return cluster["resourcesVpcConfig"]


def test_in_a_vpc_that_exists_the_stack_leaves_exactly_that(checkout):
    made = checkout.rehearse("sh", "-c", _OWNERS)
    found = re.search(r"made (vpc-\w+) (subnet-\w+) (subnet-\w+)", made.stdout)
    assert found, made.stdout
    vpc, *subnets = found.groups()
    write(
        checkout,
        network={
            "vpc": vpc, "cidr": CIDR, "private_subnets": dict(zip(ZONES, subnets, strict=True)),
        },
    )  # fmt: skip
    tags = asked(checkout, "aws", "ec2", "describe-tags")["Tags"]
    config = stands_and_goes(checkout)
    assert (config["vpcId"], sorted(config["subnetIds"])) == (vpc, sorted(subnets))
    assert not config["endpointPublicAccess"]
    assert left(checkout)["vpcs"] == [vpc]
    owners = [tag for tag in asked(checkout, "aws", "ec2", "describe-tags")["Tags"]
              if tag["ResourceId"] in found.groups()]  # fmt: skip
    assert owners == [tag for tag in tags if tag["ResourceId"] in found.groups()]


def test_a_network_of_its_own_needs_no_way_to_the_internet(checkout):
    write(
        checkout, outbound="none", private_endpoints=["ec2", "ecr", "eks-auth", "sts", "logs"]
    )  # fmt: skip
    config = stands_and_goes(checkout)
    assert not config["endpointPublicAccess"]
    assert "vpcs" not in left(checkout)
