"""What the AWS provider refuses before anything is created: wrong and right neighbours."""

import pytest
from r1_on_eks.rehearsal.aws_provider import check, diff
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
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 31}, "retentionInDays", "30 or 60"),
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


def test_every_forced_replacement_names_its_source():
    for row in ROWS.values():
        rule = row.forces_replacement
        assert bool(rule.source) == bool(rule.keys), row.token
