"""`r1 sweep --delete`: all that carries a stack's tag, also after a crash; nothing else."""

import json
import os
import signal

import pytest

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(900)]

STACK = "test-7b"
# Of the stack, of another, and without any tag.
_PLANTED = """
import boto3

ec2, logs, iam, kms = (boto3.client(one, "us-west-2") for one in ("ec2", "logs", "iam", "kms"))
TRUST = '{"Version": "2012-10-17", "Statement": []}'
POLICY = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"


def planted(stack):
    tags = {"r1:stack": stack, "r1:name": "planted"} if stack else {}
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]

    def of(kind):
        return [{"ResourceType": kind, "Tags": pairs}] if tags else []

    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=of("vpc"))["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", TagSpecifications=of("subnet"))
    one, two = (
        ec2.create_security_group(VpcId=vpc, GroupName=name, Description=name,
                                  TagSpecifications=of("security-group"))["GroupId"]
        for name in ("one", "two")
    )
    for group, other in ((one, two), (two, one)):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{
            "IpProtocol": "tcp", "FromPort": 1, "ToPort": 1,
            "UserIdGroupPairs": [{"GroupId": other}]}])
    ec2.allocate_address(Domain="vpc", TagSpecifications=of("elastic-ip"))
    logs.create_log_group(logGroupName=f"/planted/{stack}", **({"tags": tags} if tags else {}))
    # One that is called as the stack's are, and isn't its.
    role = f"r1-{stack or 'test-7b'}-{'planted' if stack else 'somebody-s'}"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST, Tags=pairs)
    iam.attach_role_policy(RoleName=role, PolicyArn=POLICY)
    kms.create_key(Tags=[{"TagKey": key, "TagValue": value} for key, value in tags.items()])


for stack in ("test-7b", "test-70b", ""):
    planted(stack)
"""


def held(checkout):
    """What the local cloud has, by kind."""
    status = checkout.run("r1", "rehearse", "status", "--json")
    return json.loads(status.stdout)["resources"]


def killed_at(checkout, sign):
    """A sweep that is killed once it says so."""
    process = checkout.popen(
        "r1", "rehearse", "--", "r1", "sweep", STACK, "--delete", "--yes",
        start_new_session=True,
    )  # fmt: skip
    seen = []
    for line in process.stdout:
        seen.append(line)
        if sign in line:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    assert sign in seen[-1], "".join(seen)


def swept(checkout):
    done = checkout.rehearse("r1", "sweep", STACK, "--delete", "--yes")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == f"nothing of {STACK} is left"
    return done.stdout


def test_what_has_the_tag_goes_also_after_a_crash_and_what_is_others_stays(checkout):
    planted = checkout.rehearse("python", "-c", _PLANTED)
    assert planted.returncode == 0, planted.stdout
    before = held(checkout)
    shown = checkout.rehearse("r1", "sweep", STACK, "--delete")
    assert shown.returncode == 1
    assert "nothing was changed; add --yes" in shown.stdout
    assert held(checkout) == before

    killed_at(checkout, "[4/")
    middle = held(checkout)
    assert sum(map(len, middle.values())) < sum(map(len, before.values()))
    swept(checkout)
    after = held(checkout)
    counts = {kind: (len(before[kind]), len(after.get(kind, ()))) for kind in before}
    assert counts == {
        "vpcs": (3, 2), "subnets": (3, 2), "security-groups": (6, 4), "addresses": (3, 2),
        "log-groups": (3, 2), "iam-roles": (3, 2), "kms-keys": (3, 2),
    }  # fmt: skip
    others = checkout.rehearse("r1", "sweep", "test-70b", "--region", "us-west-2", "--json")
    content = others.stdout[others.stdout.index("[") :]
    found = json.JSONDecoder().raw_decode(content)[0]
    assert sum(one["ours"] for one in found) == 8, "another stack's are all there"


@pytest.mark.slow
def test_a_whole_stack_that_pulumi_forgot_goes_though_killed_in_the_middle(checkout):
    up = checkout.rehearse(
        "pulumi", "up", "--yes", "--skip-preview", "--stack", STACK, timeout=600
    )
    assert up.returncode == 0, up.stdout
    forgotten = checkout.rehearse("pulumi", "stack", "rm", "--force", "--yes", "--stack", STACK)
    assert forgotten.returncode == 0, forgotten.stdout
    for sign in ("NodeGroup", "Cluster", "Subnet"):
        killed_at(checkout, f"deleting aws:{'ec2' if sign == 'Subnet' else 'eks'}/")
    told = swept(checkout)
    assert "refused" not in told
    assert held(checkout) == {}
