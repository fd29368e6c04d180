"""What the AWS provider refuses before anything is created: wrong and right neighbours."""

import re

import pytest
from r1_on_eks.rehearsal.aws_provider import check, diff
from r1_on_eks.rehearsal.aws_provider.known_inputs import input_types
from r1_on_eks.rehearsal.aws_provider.table import ROWS
from r1_on_eks.rehearsal.property_values import UNKNOWN

LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
GROUP = "aws:eks/nodeGroup:NodeGroup"
LISTENER = "aws:lb/listener:Listener"
RIGHT = {
    LUSTRE: {
        "deploymentType": "PERSISTENT_2", "storageCapacity": 1200, "storageType": "SSD",
        "perUnitStorageThroughput": 125, "subnetIds": "subnet-0123456789abcdef0",
    },
    GROUP: {
        "clusterName": "c", "nodeGroupName": "n", "nodeRoleArn": UNKNOWN,
        "subnetIds": [UNKNOWN], "amiType": "AL2023_x86_64_NVIDIA",
        "scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSize": 2},
    },
    LISTENER: {
        "loadBalancerArn": UNKNOWN, "protocol": "TCP", "port": 80, "tcpIdleTimeoutSeconds": 6000,
        "defaultActions": [{"type": "forward", "targetGroupArn": UNKNOWN}],
    },
    "aws:eks/cluster:Cluster": {
        "name": "c", "version": "1.35", "roleArn": UNKNOWN, "vpcConfig": {"subnetIds": [UNKNOWN]},
    },
    "aws:kms/key:Key": {"deletionWindowInDays": 7},
    "aws:cloudwatch/logGroup:LogGroup": {"name": "l", "retentionInDays": 30},
    "aws:ec2/subnet:Subnet": {"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/28"},
    "aws:iam/role:Role": {"name": "r" * 64, "assumeRolePolicy": "{}"},
    "aws:lb/loadBalancer:LoadBalancer": {"name": "l" * 32, "subnets": [UNKNOWN]},
}  # fmt: skip


def told(token, inputs):
    return {one.path: one.reason for one in check.problems(ROWS[token], inputs)}


@pytest.mark.parametrize("token", RIGHT)
def test_the_right_neighbour_passes(token):
    assert told(token, RIGHT[token]) == {}


@pytest.mark.parametrize(
    ("token", "change", "path", "says"),
    [
        (LUSTRE, {"storageCapacity": 1300}, "storageCapacity", "1200 or 2400"),
        (LUSTRE, {"storageCapacity": 3600}, "storageCapacity", "2400 or 4800"),
        (LUSTRE, {"perUnitStorageThroughput": 200}, "perUnitStorageThroughput", "125, 250, 500"),
        (LUSTRE, {"deploymentType": "SCRATCH_2"}, "perUnitStorageThroughput", "has none"),
        (LUSTRE, {"subnetIds": ["subnet-1", "subnet-2"]}, "subnetIds", "one subnet, not 2"),
        (
            LUSTRE,
            {
                "deploymentType": "SCRATCH_2",
                "perUnitStorageThroughput": None,
                "kmsKeyId": UNKNOWN,
            },
            "kmsKeyId",
            "only PERSISTENT_1",
        ),
        (GROUP, {"amiType": "AL2023_x86_64_NVIDA"}, "amiType", "AL2023_x86_64_NVIDIA"),
        (
            GROUP,
            {"scalingConfig": {"minSize": 0, "desiredSize": 3, "maxSize": 2}},
            "scalingConfig.desiredSize",
            "more than maxSize 2",
        ),
        (
            GROUP,
            {"scalingConfig": {"minSize": 0, "desiredSize": 1, "maxSise": 2}},
            "scalingConfig.maxSise",
            "did you mean maxSize?",
        ),
        (GROUP, {"amiTyp": "x"}, "amiTyp", "did you mean amiType?"),
        (GROUP, {"nodeGroupNamePrefix": "x"}, "nodeGroupNamePrefix", "does not model"),
        (GROUP, {"subnetIds": None}, "", "subnets is required"),
        (LISTENER, {"tcpIdleTimeoutSeconds": 6001}, "tcpIdleTimeoutSeconds", "60 to 6000"),
        (LISTENER, {"protocol": "TLS"}, "tcpIdleTimeoutSeconds", "only TCP listeners"),
        ("aws:eks/cluster:Cluster", {"version": "1.32"}, "version", "EKS offers 1.33"),
        ("aws:kms/key:Key", {"deletionWindowInDays": 6}, "deletionWindowInDays", "7 to 30"),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 31}, "retentionInDays",
         "30 or 60"),
        ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.0.0.0/29"}, "cidrBlock", "/16 to /28"),
        ("aws:iam/role:Role", {"name": "r" * 65}, "name", "64"),
        ("aws:lb/loadBalancer:LoadBalancer", {"name": "l" * 33}, "name", "32"),
    ],
)  # fmt: skip
def test_the_wrong_neighbour_is_refused_by_name(token, change, path, says):
    inputs = {key: one for key, one in {**RIGHT[token], **change}.items() if one is not None}
    found = told(token, inputs)
    assert says in found.get(path, ""), found


def test_a_change_says_whether_it_replaces():
    row, old = (
        ROWS[GROUP],
        RIGHT[GROUP] | {"nodeRoleArn": "arn:aws:iam::1:role/a", "subnetIds": ["a"]},
    )
    new = {**old, "amiType": "AL2023_x86_64_STANDARD", "labels": {"a": "b"}}
    assert diff.changes(row, old, new) == {"amiType": "update-replace", "labels": "add"}
    assert diff.changes(row, old, old | {"subnetIds": [UNKNOWN]}) == {
        "subnetIds[0]": "update-replace"
    }


def test_an_unknown_of_today_may_replace_tomorrow_but_an_equal_set_is_no_change():
    row = ROWS[GROUP]
    assert diff.changes(row, {"subnetIds": ["b", "a"]}, {"subnetIds": ["a", "b"]}) == {}


VPC, RULE = "aws:ec2/vpc:Vpc", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ENDPOINT, BALANCER = "aws:ec2/vpcEndpoint:VpcEndpoint", "aws:lb/loadBalancer:LoadBalancer"
POD = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
SCRATCH = {"deploymentType": "SCRATCH_1"}
NETWORK = {"loadBalancerType": "network"}
INTERFACE = {"vpcEndpointType": "Interface"}


@pytest.mark.parametrize(
    ("token", "old", "replacing", "in_place"),
    [
        (VPC, {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"},
         {"enableDnsSupport": False}),
        (VPC, {"instanceTenancy": "dedicated"}, {"instanceTenancy": "host"},
         {"instanceTenancy": "default"}),
        (VPC, {}, {"instanceTenancy": "dedicated"}, {"instanceTenancy": "default"}),
        ("aws:ec2/eip:Eip", {"domain": "vpc"}, {"domain": "standard"}, {"instance": "i-1"}),
        ("aws:ec2/routeTable:RouteTable", {"vpcId": "a"}, {"vpcId": "b"}, {"tags": {"a": "b"}}),
        ("aws:ec2/route:Route", {"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "a"},
         {"destinationCidrBlock": "10.0.0.0/8"}, {"gatewayId": "b"}),
        ("aws:ec2/routeTableAssociation:RouteTableAssociation", {"subnetId": "a"},
         {"subnetId": "b"}, {"routeTableId": "b"}),
        (ENDPOINT, {"serviceName": "a"}, {"serviceName": "b"}, {"policy": "{}"}),
        (ENDPOINT, INTERFACE, {"vpcEndpointType": "Gateway"}, {"privateDnsEnabled": True}),
        (ENDPOINT, {}, {"privateDnsEnabled": True}, {"routeTableIds": ["a"]}),
        (RULE, {"cidrIpv4": "10.0.0.0/8"}, {"securityGroupId": "b"}, {"cidrIpv4": "10.0.0.0/9"}),
        (RULE, {"cidrIpv4": "10.0.0.0/8"},
         {"cidrIpv4": None, "referencedSecurityGroupId": "a"}, {"toPort": 80}),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"name": "a"}, {"name": "b"},
         {"imageId": "ami-1"}),
        ("aws:ec2/placementGroup:PlacementGroup", {"strategy": "cluster"}, {"strategy": "spread"},
         {"tags": {"a": "b"}}),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "a"}, {"role": "b"}, {}),
        ("aws:iam/rolePolicy:RolePolicy", {"role": "a"}, {"role": "b"}, {"policy": "{}"}),
        ("aws:kms/key:Key", {}, {"multiRegion": True}, {"description": "d"}),
        ("aws:kms/alias:Alias", {"name": "alias/a"}, {"name": "alias/b"}, {"targetKeyId": "k"}),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "a"}, {"name": "b"},
         {"retentionInDays": 7}),
        ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
         {"accessScope": {"type": "cluster"}}, {"accessScope": {"type": "namespace"}}, {}),
        (POD, {"namespace": "a"}, {"namespace": "b"}, {"roleArn": "b"}),
        (BALANCER, NETWORK, {"internal": True}, {"enableDeletionProtection": True}),
        (BALANCER, {**NETWORK, "subnets": ["a", "b"]}, {"subnets": ["a"]},
         {"subnets": ["a", "b", "c"]}),
        (BALANCER, {**NETWORK, "securityGroups": ["a"]}, {"securityGroups": None},
         {"securityGroups": ["b"]}),
        (BALANCER, {**NETWORK, "subnetMappings": [{"subnetId": "a"}]},
         {"subnetMappings": [{"subnetId": "b"}]},
         {"subnetMappings": [{"subnetId": "a"}, {"subnetId": "b"}]}),
        (LISTENER, {"loadBalancerArn": "a"}, {"loadBalancerArn": "b"}, {"port": 81}),
        ("aws:autoscaling/attachment:Attachment", {"lbTargetGroupArn": "a"},
         {"lbTargetGroupArn": "b"}, {}),
        (LUSTRE, {"deploymentType": "PERSISTENT_2", "storageCapacity": 2400},
         {"storageCapacity": 1200}, {"storageCapacity": 4800}),
        (LUSTRE, {**SCRATCH, "storageCapacity": 1200}, {"storageCapacity": 2400},
         {"dataCompressionType": "LZ4"}),
    ],
)  # fmt: skip
def test_one_change_replaces_and_its_neighbour_updates_in_place(token, old, replacing, in_place):
    row = ROWS[token]
    found = diff.changes(row, old, {**old, **replacing})
    assert found
    assert all(kind.endswith("-replace") for kind in found.values()), found
    neighbour = diff.changes(row, old, {**old, **in_place})
    assert bool(neighbour) == bool(in_place)
    assert not any(kind.endswith("-replace") for kind in neighbour.values()), neighbour


def test_an_internet_gateway_moves_to_another_vpc_in_place():
    row = ROWS["aws:ec2/internetGateway:InternetGateway"]
    assert diff.changes(row, {"vpcId": "a"}, {"vpcId": "b"}) == {"vpcId": "update"}


@pytest.mark.parametrize("token", ROWS)
def test_every_row_says_where_replacement_is_decided(token):
    rule = ROWS[token].forces_replacement
    assert re.fullmatch(r"internal/service/\w+/\w+\.go@[0-9a-f]{12}", rule.source)
    assert {re.split(r"[.\[]", key)[0] for key in rule.keys} <= set(input_types(token))
