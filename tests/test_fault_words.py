"""How faults of a rehearsal are written."""

import pytest
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
