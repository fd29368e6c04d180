"""What checkov asks of AWS resources, asked of ours: checkov reads no Pulumi programs.

Each id is held over every stack file, and by a resource that would fail it. Ids of checkov 3.3;
those of Kubernetes objects are checked by checkov itself (`make checkov`).
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parent.parent
STACKS = sorted((PROJECT / "stacks").glob("Pulumi.*.yaml"))
SHORT_LIVED = {"all-variants", "test-7b"}


@dataclasses.dataclass(frozen=True)
class Check:
    """One id: the kind that it is about, what holds, and inputs that break it.

    Attributes:
        kind: End of the resource type.
        holds: Of the inputs.
        breaks: What breaks it in a right resource.
        except_in: Stacks that it does not hold in.
        reason: Why not.
    """

    kind: str
    holds: Callable[[dict[str, Any]], Any]
    breaks: dict[str, Any]
    except_in: frozenset[str] = frozenset()
    reason: str = ""


def _everybody(inputs):
    return inputs.get("cidrIpv4") == "0.0.0.0/0" or inputs.get("cidrIpv6") == "::/0"


def _open_to_everybody(inputs, port):
    first, last = inputs.get("fromPort", 0), inputs.get("toPort", 65535)
    covered = inputs["ipProtocol"] == "-1" or first <= port <= last
    return _everybody(inputs) and covered


def _statements(inputs, key="policy") -> Iterator[dict[str, Any]]:
    yield from json.loads(inputs[key])["Statement"]


def _listed(value):
    return value if isinstance(value, list) else [value]


def _allows(inputs, *actions):
    """Whether a policy allows all of these actions on everything."""
    for one in _statements(inputs):
        everything = "*" in _listed(one["Resource"])
        if one["Effect"] == "Allow" and everything and set(actions) & set(_listed(one["Action"])):
            return True
    return False


def _policy(action, resource="*", principal=None):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    if principal:
        statement["Principal"] = principal
    return {"policy": json.dumps({"Statement": [statement]})}


def _root(inputs):
    return inputs["blockDeviceMappings"][0]["ebs"]


ALL_LOGS = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
RULES = "SecurityGroupIngressRule"
ANYWHERE = {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 0, "toPort": 65535}
TESTS = frozenset(SHORT_LIVED)
A_TEST = "a test stack is destroyed the same day, and pays for no year of logs"
CHECKS = {
    "CKV_AWS_37": Check("Cluster", lambda i: set(i["enabledClusterLogTypes"]) == ALL_LOGS,
                        {"enabledClusterLogTypes": ["api"]}),
    "CKV_AWS_38": Check("Cluster",
                        lambda i: "0.0.0.0/0" not in i["vpcConfig"].get("publicAccessCidrs", []),
                        {"vpcConfig": {"publicAccessCidrs": ["0.0.0.0/0"]}}),
    # 39 wants no public endpoint at all: `endpoint: private` is it. Named ranges are 38.
    "CKV_AWS_39": Check("Cluster",
                        lambda i: not i["vpcConfig"]["endpointPublicAccess"]
                        or i["vpcConfig"].get("publicAccessCidrs"),
                        {"vpcConfig": {"endpointPublicAccess": True}}),
    "CKV_AWS_58": Check("Cluster", lambda i: "secrets" in i["encryptionConfig"]["resources"],
                        {"encryptionConfig": {"resources": []}}),
    "CKV_AWS_339": Check("Cluster", lambda i: i["version"] in ("1.34", "1.35", "1.36"),
                         {"version": "1.31"}),
    "CKV_AWS_100": Check("NodeGroup", lambda i: "remoteAccess" not in i,
                         {"remoteAccess": {"ec2SshKey": "x"}}),
    "CKV_AWS_46": Check("LaunchTemplate", lambda i: "AKIA" not in str(i.get("userData")),
                        {"userData": "AKIAIOSFODNN7EXAMPLE"}),
    "CKV_AWS_79": Check("LaunchTemplate",
                        lambda i: i["metadataOptions"]["httpTokens"] == "required",
                        {"metadataOptions": {"httpTokens": "optional"}}),
    "CKV_AWS_88": Check("LaunchTemplate",
                        lambda i: not any(str(n.get("associatePublicIpAddress")).lower() == "true"
                                          for n in i.get("networkInterfaces", [])),
                        {"networkInterfaces": [{"associatePublicIpAddress": "true"}]}),
    "CKV_AWS_341": Check("LaunchTemplate",
                         lambda i: i["metadataOptions"]["httpPutResponseHopLimit"] == 1,
                         {"metadataOptions": {"httpPutResponseHopLimit": 2}}),
    "CKV_AWS_8": Check("LaunchTemplate", lambda i: _root(i)["encrypted"] == "true",
                       {"blockDeviceMappings": [{"ebs": {"encrypted": "false"}}]}),
    "CKV_AWS_150": Check("LoadBalancer", lambda i: i["enableDeletionProtection"],
                         {"enableDeletionProtection": False}, TESTS,
                         "a test stack must go without a word"),
    "CKV_AWS_152": Check("LoadBalancer", lambda i: i["enableCrossZoneLoadBalancing"],
                         {"enableCrossZoneLoadBalancing": False}),
    "CKV_AWS_261": Check("TargetGroup", lambda i: i.get("healthCheck"), {"healthCheck": None}),
    "CKV_AWS_23 groups": Check("SecurityGroup", lambda i: i.get("description"),
                               {"description": None}),
    "CKV_AWS_24": Check(RULES, lambda i: not _open_to_everybody(i, 22), ANYWHERE),
    "CKV_AWS_25": Check(RULES, lambda i: not _open_to_everybody(i, 3389), ANYWHERE),
    "CKV_AWS_260": Check(RULES, lambda i: not _open_to_everybody(i, 80), ANYWHERE),
    "CKV_AWS_277": Check(RULES, lambda i: not (_everybody(i) and i["ipProtocol"] == "-1"),
                         {**ANYWHERE, "ipProtocol": "-1"}),
    "CKV_AWS_382": Check("SecurityGroupEgressRule",
                         lambda i: not (_everybody(i) and i["ipProtocol"] == "-1"),
                         {**ANYWHERE, "ipProtocol": "-1"}),
    "CKV_AWS_66": Check("LogGroup", lambda i: i.get("retentionInDays"), {"retentionInDays": None}),
    "CKV_AWS_158": Check("LogGroup", lambda i: i.get("kmsKeyId"), {"kmsKeyId": None}),
    "CKV_AWS_338": Check("LogGroup", lambda i: i["retentionInDays"] >= 365,
                         {"retentionInDays": 30}, TESTS, A_TEST),
    "CKV_AWS_7": Check("Key", lambda i: i["enableKeyRotation"], {"enableKeyRotation": False}),
    "CKV_AWS_33": Check("Key",
                        lambda i: not any(one["Principal"] in ("*", {"AWS": "*"})
                                          for one in _statements(i)),
                        _policy("kms:*", principal={"AWS": "*"})),
    "CKV_AWS_227": Check("Key", lambda i: i.get("isEnabled", True), {"isEnabled": False}),
    "CKV2_AWS_64": Check("Key", lambda i: i.get("policy"), {"policy": None}),
    "CKV_AWS_60": Check("Role",
                        lambda i: not any("AWS" in one["Principal"]
                                          for one in _statements(i, "assumeRolePolicy")),
                        {"assumeRolePolicy": json.dumps({"Statement": [
                            {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})}),
    "CKV_AWS_62": Check("RolePolicy", lambda i: not _allows(i, "*"), _policy("*")),
    "CKV_AWS_63": Check("RolePolicy",
                        lambda i: all("*" not in _listed(one["Action"]) for one in _statements(i)),
                        _policy("*", "arn:x")),
    "CKV_AWS_40": Check("RolePolicyAttachment", lambda i: "user" not in i, {"user": "x"}),
    "CKV_AWS_274": Check("RolePolicyAttachment",
                         lambda i: not i["policyArn"].endswith("/AdministratorAccess"),
                         {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    "CKV_AWS_130": Check("Subnet", lambda i: not i.get("mapPublicIpOnLaunch"),
                         {"mapPublicIpOnLaunch": True}),
    "CKV2_AWS_12": Check("DefaultSecurityGroup", lambda i: not {"ingress", "egress"} & set(i),
                         {"ingress": [{}]}),
    "CKV_AWS_190": Check("LustreFileSystem",
                         lambda i: i.get("kmsKeyId") or i["deploymentType"].startswith("SCRATCH"),
                         {"kmsKeyId": None}),
    "CKV_AWS_163": Check("Repository", lambda i: i["imageScanningConfiguration"]["scanOnPush"],
                         {"imageScanningConfiguration": {"scanOnPush": False}}),
    "CKV_AWS_136": Check("Repository",
                         lambda i: i["encryptionConfigurations"][0]["encryptionType"] == "KMS",
                         {"encryptionConfigurations": [{"encryptionType": "AES256"}]}),
}  # fmt: skip

# Those that don't hold, and why; those about what no stack has (ALB, S3, SNS, SQS) are not here.
NOT_HELD = {
    "CKV_AWS_2, 103, 378, CKV2_AWS_20, 74": "the listener is TCP: TLS ends in nginx, whose answers"
    " may be silent for longer than the 350 s of a TLS listener",
    "CKV_AWS_23 of rules": "the tag r1:name of a rule says what it is for",
    "CKV_AWS_91": "a network load balancer logs TLS listeners alone; nginx logs each request",
    "CKV2_AWS_28, 76": "a web ACL is for application load balancers",
    "CKV_AWS_51": "ECR follows an upstream tag only in a repository whose tags can move; pods name"
    " digests",
}
MIRRORED = {
    "image_mirror": {
        "docker_hub_secret": "arn:aws:secretsmanager:us-west-2:111122223333:secret:"
        "ecr-pullthroughcache/docker-hub-AbCdEf",
        "copied": "111122223333.dkr.ecr.us-west-2.amazonaws.com/mirror",
    }
}


def name_of(stack_file):
    return stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def of_kind(registered, kind):
    return [one for one in registered if one.type.rpartition(":")[2] == kind
            and one.type.startswith("aws:")]  # fmt: skip


@pytest.mark.parametrize("stack_file", STACKS, ids=name_of)
def test_every_resource_of_every_stack_holds_what_checkov_asks(engine, stack_file):
    registered = engine.run(stack_file).registered
    failed = [
        f"{id_}: {one.name}"
        for id_, check in CHECKS.items()
        for one in of_kind(registered, check.kind)
        if not check.holds(one.inputs) and name_of(stack_file) not in check.except_in
    ]
    assert failed == []
    groups = {one.name for one in of_kind(registered, "SecurityGroup")}
    used = str([one.inputs for one in registered if not one.type.endswith("Rule")])
    # CKV2_AWS_5, and CKV2_AWS_11: a VPC of ours has its flow log.
    assert all(f"{group}-id" in used for group in groups)
    assert len(of_kind(registered, "FlowLog")) == len(of_kind(registered, "Vpc")) == 1


def test_each_check_bites(engine):
    mirrored = engine.run(PROJECT / "stacks" / "Pulumi.prod-70b.yaml", **MIRRORED).registered
    for id_, check in CHECKS.items():
        (one, *_) = of_kind(mirrored, check.kind)
        assert check.holds(one.inputs), id_
        assert not check.holds({**one.inputs, **check.breaks}), id_


def test_what_does_not_hold_has_its_reason():
    assert all(NOT_HELD.values())
    assert all(check.reason for check in CHECKS.values() if check.except_in)


@pytest.mark.parametrize("stack", ["prod-70b", "prod-671b-p5", "edge-1.5b-cpu"])
def test_images_of_a_mirrored_stack_come_from_the_mirror_alone(engine, stack):
    engine.run(PROJECT / "stacks" / f"Pulumi.{stack}.yaml", **MIRRORED)
    found = engine.images()
    assert len(found) >= 3
    assert [image for image in found if not image.startswith("111122223333.dkr.ecr.")] == []
    repositories = {one.inputs["name"] for one in engine.of_type("Repository")}
    # That of the quality checks is the stack file's own, and in nobody's cache.
    cached = {image.partition("/")[2].rpartition(":")[0] for image in found
              if "/mirror/" not in image and "/quality:" not in image}  # fmt: skip
    assert cached <= repositories
    prefixes = {one.inputs["ecrRepositoryPrefix"] for one in
                engine.of_type("PullThroughCacheRule")}  # fmt: skip
    assert all(any(name.startswith(f"{one}/") for one in prefixes) for name in repositories)
