"""Each rule of the policy pack: a resource that breaks it, one that does not, and what is unknown.

The pack under the real engine is in tests/rehearsal/test_policies.py.
"""

import json
import re
from pathlib import Path

import pytest
from r1_on_eks.cost.declared import Declaration, Declared, Unknown, inputs_of
from r1_on_eks.policies.pack import RULES, STACK_RULES, UnknownRule, checked_settings
from r1_on_eks.policies.rule import ADVISORY, MANDATORY, with_defaults
from r1_on_eks.policies.spending import lifetime_broken, written_config

PROJECT = Path(__file__).parent.parent
PAGE = PROJECT / "docs" / "policies.md"
# With FSx over several nodes, with monitoring, and streamed; test_security_conventions.py holds
# all of them.
STACKS = [
    PROJECT / "stacks" / f"Pulumi.{name}.yaml" for name in ("prod-671b-p5", "prod-70b", "test-7b")
]
BY_NAME = {rule.name: rule for rule in (*RULES, *STACK_RULES)}
ALL_POLICY = '{"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "*"]}]}'
ONE_POLICY = '{"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'


def pod(**container):
    return {"spec": {"template": {"spec": {"containers": [{"name": "one", **container}]}}}}


def worker(**container):
    """A LeaderWorkerSet, as pulumi-kubernetes passes on what it has no class for."""
    return {"metadata": {"name": "r1-671b"}, "spec": {"leaderWorkerTemplate": {
        "leaderTemplate": {"spec": {"containers": [{"name": "vllm", "image": "x:1@sha256:0"}]}},
        "workerTemplate": {"spec": {"initContainers": [{"name": "one", **container}]}},
    }}}  # fmt: skip


LEADER_WORKER_SET = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
# A key that the schema of a custom resource describes, and no container of it.
SCHEMA = {"spec": {"properties": {"containers": {"type": "array", "image": "nginx"}}}}

# By rule: the end of a type, inputs that break it, inputs that do not, settings.
CASES = [
    ("imds-v2", "LaunchTemplate", {"metadataOptions": {"httpTokens": "optional"}},
     {"metadataOptions": {"httpTokens": "required"}}, {}),
    ("imds-v2", "Instance", {},
     {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1}}, {}),
    ("imds-v2", "LaunchTemplate",
     {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 3}},
     {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2}}, {"hops": 2}),
    ("imds-v2", "Instance", {"metadataOptions": {"httpTokens": "optional"}},
     {"launchTemplate": {"id": "lt-0123456789abcdef0"}}, {}),
    ("public-subnets", "Subnet", {"mapPublicIpOnLaunch": True}, {}, {}),
    ("no-public-address", "Instance", {"associatePublicIpAddress": True},
     {"associatePublicIpAddress": False}, {}),
    ("no-public-address", "LaunchTemplate",
     {"networkInterfaces": [{"associatePublicIpAddress": "true"}]},
     {"networkInterfaces": [{"associatePublicIpAddress": "false"}]}, {}),
    ("no-open-api-server", "Cluster", {"vpcConfig": {}},
     {"vpcConfig": {"endpointPublicAccess": False}}, {}),
    ("no-open-api-server", "Cluster",
     {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}},
     {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}}, {}),
    ("no-open-api-server", "Cluster",
     {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}},
     {"vpcConfig": {"endpointPublicAccess": False}}, {"private_only": True}),
    ("no-open-ports", "SecurityGroupIngressRule",
     {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "-1"}, {"cidrIpv4": "10.0.0.0/8"}, {}),
    ("no-open-ports", "SecurityGroupIngressRule",
     {"cidrIpv6": "::/0", "fromPort": 442, "toPort": 443},
     {"cidrIpv6": "::/0", "fromPort": 443, "toPort": 443}, {"ports": ["443"]}),
    ("no-open-ports", "SecurityGroup",
     {"ingress": [{"cidrBlocks": ["0.0.0.0/0"], "fromPort": 22, "toPort": 22}]},
     {"ingress": [{"cidrBlocks": ["10.0.0.0/8"], "fromPort": 22, "toPort": 22}]}, {}),
    ("no-open-ports", "SecurityGroupRule",
     {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"], "fromPort": 0, "toPort": 65535},
     {"type": "egress", "cidrBlocks": ["0.0.0.0/0"], "fromPort": 0, "toPort": 65535}, {}),
    ("no-open-ports", "SecurityGroup",
     {"ingress": [{"cidrBlocks": ["0.0.0.0/0"], "protocol": "-1", "fromPort": 0, "toPort": 0}]},
     {"ingress": [{"cidrBlocks": ["0.0.0.0/0"], "protocol": "icmp", "fromPort": 3, "toPort": 4},
                  {"cidrBlocks": ["0.0.0.0/0"], "fromPort": Unknown(()), "toPort": Unknown(())}]},
     {}),
    ("no-public-balancer", "LoadBalancer", {}, {"internal": True}, {}),
    ("no-hidden-balancer", "kubernetes:core/v1:Service", {"spec": {"type": "LoadBalancer"}},
     {"spec": {"type": "NodePort"}}, {}),
    ("no-hidden-balancer", "kubernetes:core/v1:ServicePatch", {"spec": {"type": "LoadBalancer"}},
     {"spec": {"ports": []}}, {}),
    ("encrypted-volumes", "LaunchTemplate",
     {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "false"}}]},
     {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}]}, {}),
    ("encrypted-volumes", "Volume", {"size": 1}, {"size": 1, "encrypted": True}, {}),
    ("encrypted-volumes", "Instance", {}, {"rootBlockDevice": {"encrypted": True}}, {}),
    ("encrypted-volumes", "Instance",
     {"rootBlockDevice": {"encrypted": True}, "ebsBlockDevices": [{"deviceName": "/dev/sdf"}]},
     {"launchTemplate": {"id": "lt-0123456789abcdef0"}}, {}),
    ("encrypted-file-systems", "LustreFileSystem", {"deploymentType": "PERSISTENT_1"}, {}, {}),
    ("encrypted-file-systems", "LustreFileSystem", {"deploymentType": "PERSISTENT_2"},
     {"deploymentType": "SCRATCH_2"}, {}),
    ("encrypted-secrets", "Cluster", {}, {"encryptionConfig": {"resources": ["secrets"]}}, {}),
    ("encrypted-logs", "LogGroup", {}, {"kmsKeyId": "arn:x"}, {}),
    ("cluster-logs", "Cluster", {"enabledClusterLogTypes": ["api"]}, {"enabledClusterLogTypes": [
        "api", "audit", "authenticator", "controllerManager", "scheduler"]}, {}),
    ("cluster-logs", "Cluster", {}, {"enabledClusterLogTypes": [Unknown(())]}, {}),
    ("key-rotation", "Key", {}, {"enableKeyRotation": True}, {}),
    ("no-ssh", "NodeGroup", {"remoteAccess": {"ec2SshKey": "x"}}, {}, {}),
    ("no-administrator", "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
     {"policyArn": ADMINISTRATOR},
     {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"}, {}),
    ("no-administrator", "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive",
     {"policyArns": [ADMINISTRATOR]}, {"policyArns": [Unknown(())]}, {}),
    ("no-administrator", "Role", {"managedPolicyArns": ["arn:x", ADMINISTRATOR]},
     {"managedPolicyArns": ["arn:x"], "assumeRolePolicy": ALL_POLICY}, {}),
    ("no-administrator", "Role", {"inlinePolicies": [{"name": "one", "policy": ALL_POLICY}]},
     {"inlinePolicies": [{"name": "one", "policy": ONE_POLICY}, {"policy": Unknown(())}]}, {}),
    ("no-administrator", "aws:iam/rolePolicy:RolePolicy", {"policy": ALL_POLICY},
     {"policy": ONE_POLICY}, {}),
    ("no-administrator", "aws:iam/policy:Policy",
     {"policy": '{"Statement": {"Effect": "Allow", "Action": "*:*", "Resource": "*"}}'},
     {"policy": '{"Statement": ["nonsense"]}'}, {}),
    ("no-privileged-container", "kubernetes:apps/v1:Deployment",
     pod(securityContext={"privileged": True}), pod(), {}),
    ("no-privileged-container", LEADER_WORKER_SET, worker(securityContext={"privileged": True}),
     worker(), {}),
    ("no-privileged-container", LEADER_WORKER_SET, worker(securityContext={"privileged": True}),
     worker(securityContext={"privileged": True}), {"but": {"r1-671b/one": "opens /dev of GPUs"}}),
    ("no-latest-image", "kubernetes:apps/v1:Deployment", pod(image="nginx"),
     pod(image="host:5000/nginx:1.30"), {}),
    ("no-latest-image", "kubernetes:apps/v1:DaemonSetPatch", pod(image="nginx:latest"),
     pod(image="x@sha256:0"), {}),
    ("no-latest-image", LEADER_WORKER_SET, worker(image="vllm"), SCHEMA, {}),
    ("image-digests", "kubernetes:apps/v1:ReplicaSet", pod(image="nginx:1.30"),
     pod(image="nginx@sha256:0"), {}),
    ("allowed-instance-types", "NodeGroup", {"instanceTypes": ["g6.xlarge", "p5.48xlarge"]},
     {"instanceTypes": ["g6.xlarge"]}, {"types": ["g6.*", "p4d.24xlarge"]}),
    ("log-retention", "LogGroup", {}, {"retentionInDays": 1}, {}),
    ("log-retention", "LogGroup", {"retentionInDays": 30}, {"retentionInDays": 365},
     {"days": 365}),
    ("standard-support", "Cluster", {"version": "1.29"}, {"version": "1.36"}, {}),
]  # fmt: skip


def unknown(value):
    """The same inputs, as little as the engine may know of them."""
    if isinstance(value, dict):
        return {key: unknown(one) for key, one in value.items()}
    return Unknown(())


def broken(rule, kind, inputs, settings):
    type_ = next((one for one in rule.types if one.endswith(f":{kind}")), kind)
    assert rule.looks_at(type_)
    one = Declared(urn=f"urn:pulumi:s::p::{type_}::one", type=type_, inputs=inputs)
    return list(rule.breaks(one, with_defaults(rule, settings)))


@pytest.mark.parametrize(("name", "kind", "wrong", "right", "settings"), CASES)
def test_a_rule_tells_wrong_from_right(name, kind, wrong, right, settings):
    rule = BY_NAME[name]
    told = broken(rule, kind, inputs_of(wrong, {}), {} if "but" in settings else settings)
    assert told
    assert all(re.fullmatch(r"[^.].*[^.]", one) for one in told)
    assert broken(rule, kind, inputs_of(right, {}), settings) == []


@pytest.mark.parametrize(("name", "kind", "wrong", "right", "settings"), CASES)
def test_what_nobody_knows_yet_breaks_nothing(name, kind, wrong, right, settings):
    assert broken(BY_NAME[name], kind, unknown(right), settings) == []


def test_an_exception_is_of_one_container_and_has_a_reason():
    rule = BY_NAME["no-privileged-container"]
    inputs = worker(securityContext={"privileged": True})
    for but, told in (
        ({"r1-671b/one": " "}, "container r1-671b/one is privileged, and its exception says no"),
        ({"one": "any of that name"}, "container r1-671b/one is privileged: it owns its node"),
        ({"r1-671b/vllm": "another"}, "container r1-671b/one is privileged: it owns its node"),
    ):
        (sentence,) = broken(rule, LEADER_WORKER_SET, inputs, {"but": but})
        assert sentence.startswith(told)


def test_every_rule_has_its_cases_and_a_sentence():
    assert {rule.name for rule in RULES} == {case[0] for case in CASES}
    assert len(BY_NAME) == len(RULES) + len(STACK_RULES)
    for rule in BY_NAME.values():
        assert rule.level in (MANDATORY, ADVISORY)
        assert re.fullmatch(r"[A-Z].*\.", rule.says), rule.name
        assert all(one.says for one in rule.settings.values())


def test_settings_of_no_rule_are_refused():
    assert checked_settings({"imds-v2": {"hops": 2, "enforcementLevel": "advisory"}})
    assert checked_settings({"imds-v2": "disabled"}) == {
        "imds-v2": {"enforcementLevel": "disabled"}
    }
    with pytest.raises(UnknownRule, match=r"strict: no such level; there are advisory, "):
        checked_settings({"imds-v2": "strict"})
    with pytest.raises(UnknownRule, match=r"imds: no such rule; there are imds-v2, "):
        checked_settings({"imds": {}})
    with pytest.raises(UnknownRule, match=r"hop: no such setting; there are enforcementLevel, h"):
        checked_settings({"imds-v2": {"hop": 2}})


def test_the_page_has_each_rule_as_it_is():
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.*?) \| (.*?) ?\|$", PAGE.read_text(), re.M)
    assert rows == [
        (rule.name, rule.level, rule.says, "; ".join(
            f"`{name}`: {one.says} ({'none' if one.default is None else json.dumps(one.default)})"
            for name, one in rule.settings.items()
        ))
        for rule in BY_NAME.values()
    ]  # fmt: skip


def nodes(instance, most):
    group = Declared(
        urn="urn:pulumi:s::p::aws:eks/nodeGroup:NodeGroup::nodes",
        type="aws:eks/nodeGroup:NodeGroup",
        provider="urn:pulumi:s::p::pulumi:providers:aws::aws",
        inputs={"instanceTypes": [instance], "capacityType": "ON_DEMAND",
                "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": most}},
    )  # fmt: skip
    aws = Declared(urn=group.provider, type="pulumi:providers:aws", inputs={"region": "us-west-2"})
    return Declaration({one.urn: one for one in (aws, group)})


SUBNET, TEMPLATE = "aws:ec2/subnet:Subnet", "aws:ec2/launchTemplate:LaunchTemplate"
OPEN, CLOSED = {"mapPublicIpOnLaunch": True}, {}
PRIVATE_NODE = {"networkInterfaces": [{"associatePublicIpAddress": "false"}]}


@pytest.mark.parametrize(
    ("type_", "key", "inputs", "subnets", "template", "wrong"),
    [
        ("aws:ec2/instance:Instance", "subnetId", {}, [OPEN], {}, True),
        ("aws:ec2/instance:Instance", "subnetId", {"associatePublicIpAddress": False}, [OPEN], {},
         False),
        ("aws:ec2/instance:Instance", "subnetId", {}, [CLOSED], {}, False),
        ("aws:eks/nodeGroup:NodeGroup", "subnetIds", {}, [OPEN, OPEN], {}, True),
        ("aws:eks/nodeGroup:NodeGroup", "subnetIds", {}, [OPEN, CLOSED], {}, False),
        ("aws:eks/nodeGroup:NodeGroup", "subnetIds", {}, [OPEN], PRIVATE_NODE, False),
        ("aws:autoscaling/group:Group", "vpcZoneIdentifiers", {}, [OPEN], {}, True),
        ("aws:lb/loadBalancer:LoadBalancer", "subnets", {}, [OPEN], {}, False),
        ("aws:ec2/instance:Instance", "subnetId", {}, [], {}, False),
    ],
)  # fmt: skip
def test_what_computes_in_public_subnets_is_told(type_, key, inputs, subnets, template, wrong):
    several = [
        Declared(urn=f"::public-{number}", type=SUBNET, inputs=one)
        for number, one in enumerate(subnets)
    ]
    its = Declared(urn="::its", type=TEMPLATE, inputs=template)
    needs = {key: tuple(one.urn for one in several), "launchTemplate": (its.urn,)}
    starter = Declared(urn="::nodes", type=type_, inputs=inputs, needs=needs)
    declared = Declaration({one.urn: one for one in (*several, its, starter)})
    told = list(BY_NAME["no-address-from-subnet"].breaks(declared, "dev", {}))
    assert bool(told) is wrong
    if wrong:
        assert told[0].startswith("nodes gets public addresses, for public-0")


def over(declared, **settings):
    rule = BY_NAME["max-dollars-per-hour"]
    return list(rule.breaks(declared, "dev", with_defaults(rule, settings)))


def test_a_stack_over_its_dollars_is_told_by_the_price_book():
    assert over(nodes("p4d.24xlarge", 2)) == []
    assert over(nodes("p4d.24xlarge", 1), most=30) == []
    (told,) = over(nodes("p4d.24xlarge", 2), most=30)
    assert re.match(r"at its largest it costs \$43\.\d\d an hour, over \$30: nodes \$43", told)


def test_what_has_no_known_price_is_never_free():
    assert over(nodes("x9.large", 1), most=30, allow_unpriced=True) == []
    (told,) = over(nodes("x9.large", 1), most=30)
    assert told.startswith("not in the sum, for their price is not known: nodes: ")


@pytest.mark.parametrize(
    ("stack", "config", "wrong"),
    [
        ("test-1", {"production": True}, True),
        # A stranger's: no command of ours ends it, whatever its lifetime.
        ("test-1", {}, False),
        ("pr-7", {"production": False, "lifetime": "8h"}, False),
        ("dev", {"production": False}, True),
        ("prod", {"production": True}, False),
        ("theirs", {}, False),
    ],
)
def test_test_stacks_say_when_they_end(stack, config, wrong):
    assert bool(list(lifetime_broken(stack, config, ["test-*", "pr-*"]))) is wrong


def test_a_lifetime_is_read_in_the_stacks_own_file(tmp_path):
    assert written_config("test-7b", PROJECT / "infra")["lifetime"] == "8h"
    assert written_config("nobody", PROJECT) == {}
    assert written_config("test-7b", tmp_path) == {}


def test_stacks_of_this_repository_break_no_mandatory_rule(engine):
    for file in STACKS:
        registered = engine.run(file).registered
        told = [
            f"{file.name}: {one.name}: {sentence}"
            for rule in RULES
            if rule.level == MANDATORY
            for one in registered
            if rule.looks_at(one.type)
            for sentence in rule.breaks(
                Declared(urn=f"::{one.name}", type=one.type, inputs=one.inputs),
                with_defaults(rule, {}),
            )
        ]
        assert told == []
