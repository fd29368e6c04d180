"""What AWS refuses, and what others leave behind: told, mended, found, and removed."""

import json
import re

import pytest

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

STACK = "test-7b"
# What a controller, an older cluster and a service would leave, without our tags.
_PLANTED = """
set -e
subnet=$(aws ec2 describe-subnets --filters Name=tag:r1:name,Values=network-private-us-west-2a \
    --query 'Subnets[0].SubnetId' --output text)
vpc=$(aws ec2 describe-vpcs --filters Name=tag:r1:stack,Values=test-7b \
    --query 'Vpcs[0].VpcId' --output text)
aws ec2 create-network-interface --subnet-id $subnet --description aws-K8S
aws ec2 create-security-group --group-name k8s-elb --description k8s --vpc-id $vpc
aws elbv2 create-load-balancer --name k8s-made --type network --subnets $subnet
aws ec2 create-volume --availability-zone us-west-2a --size 20 --tag-specifications \
    'ResourceType=volume,Tags=[{Key=kubernetes.io/cluster/test-7b,Value=owned}]'
aws logs create-log-group --log-group-name /aws/eks/test-7b/application
"""


def swept(checkout, *words):
    done = checkout.rehearse("r1", "sweep", STACK, "--json", *words)
    text = done.stdout[done.stdout.index("[") :]
    return done.returncode, json.JSONDecoder().raw_decode(text)[0]


def pulumi(checkout, work, *faults):
    given = [word for fault in faults for word in ("--fault", fault)]
    return checkout.run(
        "r1", "rehearse", *given, "--", "pulumi", work, "--yes", "--skip-preview",
        "--stack", STACK, timeout=600,
    )  # fmt: skip


def test_faults_are_told_and_mended_and_leaks_are_found(checkout):
    refused = pulumi(checkout, "up", "throttle:CreateVpc:3", "no-capacity:g6.2xlarge")
    assert refused.returncode != 0
    assert "NodeGroup (r1-7b)" in refused.stdout, refused.stdout
    assert "InsufficientInstanceCapacity" in refused.stdout
    # Three times throttled, and made all the same.
    assert "VpcLimit" not in refused.stdout
    assert "aws:ec2:Vpc network-vpc created" in refused.stdout

    mended = checkout.rehearse("r1", "recover", STACK, "--yes")
    assert mended.returncode == 0, mended.stdout
    assert re.search(r"delete +aws:eks/nodeGroup:NodeGroup r1-7b", mended.stdout)
    for words in ("gpu_zone: us-west-2a or us-west-2c", "instance: g6.xlarge", "purchase: spot"):
        assert words in mended.stdout, mended.stdout
    up = pulumi(checkout, "up")
    assert up.returncode == 0, up.stdout

    planted = checkout.rehearse("sh", "-c", _PLANTED)
    assert planted.returncode == 0, planted.stdout
    failed = pulumi(checkout, "destroy")
    assert failed.returncode != 0
    status, found = swept(checkout)
    assert status == 1
    strangers = {one["type"].rpartition(":")[2]: one for one in found if not one["ours"]}
    assert {"NetworkInterface", "SecurityGroup", "LoadBalancer", "Volume", "LogGroup"} <= set(
        strangers
    )
    # The table of what stands in the way is what happened; the engine stops at the first.
    blocked = {kind for one in strangers.values() for kind in one["blocks"]}
    refused = set(re.findall(r"aws:ec2:(\w+) \([\w-]+\):", failed.stdout))
    assert refused
    assert refused <= blocked, failed.stdout

    status, before = swept(checkout, "--delete", "--yes")
    assert status == 1, "nothing is swept from under a stack that stands"
    assert swept(checkout)[1] == before
    kept = {one["id"] for one in swept(checkout)[1] if not one["ours"]}
    assert {one["id"] for one in strangers.values()} <= kept, "what has no tag is not ours"
    for one in sorted(found, key=lambda one: one["type"] != "aws:lb/loadBalancer:LoadBalancer"):
        if not one["ours"] and one["id"] in kept:
            checkout.rehearse("sh", "-c", one["remove"])
    assert pulumi(checkout, "destroy").returncode == 0
    status, found = swept(checkout)
    assert (status, [one for one in found if not one["expected"]]) == (0, [])
    stopped = checkout.run("r1", "rehearse", "stop", "--expect-empty")
    assert stopped.returncode == 0, stopped.stdout
