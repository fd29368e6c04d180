"""How faults of a rehearsal are written."""

import pytest
from r1_on_eks.rehearsal.fault_names import check_name
from r1_on_eks.rehearsal.fault_words import KINDS, NoSuchFault, parse

WRITTEN = {
    "throttle": ("*", "5"),
    "throttle:CreateVpc": ("CreateVpc", "5"),
    "throttle:CreateVpc:3": ("CreateVpc", "3"),
    "no-capacity:p4d.24xlarge": ("p4d.24xlarge",),
    "no-spare:g6.2xlarge": ("g6.2xlarge",),
    "node-group-fails:r1-7b": ("r1-7b",),
    "api-server-lost": (),
    "slow:0.1": ("0.1",),
    "die:after:create:aws:eks/cluster:Cluster": (
        "after",
        "create",
        "aws:eks/cluster:Cluster",
        "1",
    ),
    "die:before:delete:aws:ec2/vpc:Vpc#2": ("before", "delete", "aws:ec2/vpc:Vpc", "2"),
    "die-late:2": ("2",),
}
WRONG = (
    "no-such", "throttle:CreateVpc:often", "no-capacity", "no-spare", "node-group-fails:",
    "slow", "slow:fast", "api-server-lost:1", "die", "die:sometimes:create:x", "die:after:read:x",
    "die:after:create:x#0", "die-late:soon",
)  # fmt: skip


def test_every_kind_has_an_example():
    assert {text.partition(":")[0] for text in WRITTEN} == {*KINDS}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_fault_is_read_with_its_defaults(text):
    assert parse(text).words == WRITTEN[text]


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_one_is_refused_with_how_to_write_it(text):
    with pytest.raises(NoSuchFault) as refused:
        parse(text)
    kind = text.partition(":")[0]
    assert str(refused.value).startswith(f"{text}: ")
    assert (
        KINDS[kind][0] in str(refused.value)
        if kind in KINDS
        else "there are" in str(refused.value)
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("throttle:CreateVPC:3", "no operation CreateVPC (did you mean CreateVpc"),
        ("no-capacity:p4d.24xlarg", "no instance type p4d.24xlarg (did you mean p4d.24xlarge"),
        ("no-spare:g6.2xlarg", "did you mean g6.2xlarge"),
        (
            "die:after:create:aws:ec2/vpc:VPC",
            "no type aws:ec2/vpc:VPC (did you mean aws:ec2/vpc:Vpc",
        ),
        ("die:after:create:Vpc", "there is no type Vpc"),
    ],
)
def test_a_name_that_aws_does_not_have_is_refused_with_those_near(text, meant):
    with pytest.raises(NoSuchFault) as refused:
        check_name(parse(text))
    assert meant in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        *WRITTEN,
        "die:after:create:*:Service",
        "die:after:create:aws:*",
        # Of services that commands ask, and no program declares anything of.
        "throttle:GetCallerIdentity:2",
        "throttle:ListObjectsV2:2",
        "throttle:DescribeAlarms:2",
    ],
)
def test_names_that_there_are_pass(text):
    check_name(parse(text))
