"""The IAM actions that `r1 check` simulates are those that the declared types take."""

import json
import re
import sys
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from r1_on_eks import cli
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.readiness.actions import ACTIONS, actions_of, types_of
from r1_on_eks.operations.readiness.ground import Ground
from r1_on_eks.operations.readiness.iam_policies import PURPOSES
from r1_on_eks.operations.readiness.permissions import permissions
from r1_on_eks.rehearsal.aws_provider.row import Call
from r1_on_eks.rehearsal.aws_provider.table import ROWS
from r1_on_eks.stack_config.pinned import NOTHING_PINNED
from r1_on_eks.stack_file import plan_of, read_stack, stack_names

sys.path.insert(0, str(Path(__file__).parent))
import ready_account
from injected_aws import InjectedAws

PROJECT = Path(__file__).parent.parent
STACKS = PROJECT / "stacks"
INVENTORY = PROJECT / "components" / "r1_on_eks" / "operations" / "inventory"
ACTIONS_OF_ALL = {action for actions in ACTIONS.values() for action in actions}
SNAPSHOT = (PROJECT / "tests" / "__snapshots__" / "test_stacks.ambr").read_text()
# boto3's name of a service, where IAM's prefix is another.
SERVICES = {"elasticloadbalancing": "elbv2", "aps": "amp"}
# Permissions that are no operations (Service Authorization Reference).
NO_OPERATIONS = {
    "iam:PassRole", "s3:ListBucket", "logs:CreateLogDelivery", "logs:DeleteLogDelivery",
}  # fmt: skip


def declared(stack: str) -> set[str]:
    """AWS types in the snapshot of what a stack declares."""
    name = re.escape(stack)
    found = re.search(rf"^# name: [^\n]*\[(?:Pulumi\.)?{name}(?:\.yaml)?\][^\n]*\n(.*?)^# ---",
                      SNAPSHOT, re.DOTALL | re.MULTILINE)  # fmt: skip
    assert found, stack
    return set(re.findall(r"aws:[a-z0-9A-Z]+/[a-zA-Z]+:[A-Za-z]+", found[1]))


@pytest.mark.parametrize("stack", stack_names(STACKS))
def test_every_type_that_a_stack_declares_is_asked_for_and_no_other(stack):
    assert types_of(plan_of(stack, STACKS)) == declared(stack)


@pytest.mark.parametrize("token", sorted(ROWS))
def test_every_operation_that_the_stand_in_sends_is_asked_for(token):
    row = ROWS[token]
    sent = [row.create, *row.delete, *(update.run for update in row.updates)]
    operations = {one.operation for one in sent if isinstance(one, Call)}
    if row.tagging:
        operations |= {row.tagging.add, row.tagging.remove}
    if hasattr(row.find, "operation"):
        operations.add(row.find.operation)
    actions = {action.partition(":")[2] for action in ACTIONS.get(token, ())}
    if token in ACTIONS:
        assert operations <= actions, operations - actions
    else:
        assert token not in SNAPSHOT


def test_every_action_is_an_operation_of_its_service():
    session = botocore.session.get_session()
    for action in sorted({action for actions in ACTIONS.values() for action in actions}):
        prefix, operation = action.split(":")
        if action in NO_OPERATIONS:
            continue
        known = session.get_service_model(SERVICES.get(prefix, prefix)).operation_names
        assert operation in known, action


def test_every_action_is_simulated_once():
    aws = InjectedAws()
    aws.answers = ready_account.answers()
    ground = Ground(
        config=read_stack("prod-70b", STACKS), pinned=NOTHING_PINNED,
        decided=plan_of("prod-70b", STACKS), now=ready_account.DAY,
        account=Account("us-west-2", session=aws.session),
    )  # fmt: skip
    (found,) = permissions(ground)
    asked = [
        action
        for name, given in aws.asked
        if name == "iam.SimulatePrincipalPolicy"
        for action in given["ActionNames"]
    ]
    assert sorted(asked) == actions_of(ground.plan)
    assert f"all {len(asked)} actions are allowed to {ready_account.ROLE}" in found.found


def test_who_reads_is_asked_for_no_action_that_changes_anything():
    plan = plan_of("prod-70b", STACKS)
    for purpose in ("preview", "check"):
        actions = PURPOSES[purpose](plan)
        assert actions == sorted(set(actions))
        for action in actions:
            # IAM's simulation asks about a role, and changes none.
            reads = re.match(r"[\w-]+:(Describe|Get|List|Simulate)", action)
            assert reads, action
    previewing = PURPOSES["preview"](plan)
    assert {"eks:DescribeNodegroup", "iam:GetRolePolicy", "s3:GetObject"} & set(previewing) == {
        "eks:DescribeNodegroup", "iam:GetRolePolicy",
    }  # fmt: skip
    # Every operation by which a stand-in for the provider finds what stands.
    for token in types_of(plan):
        find = ROWS[token].find
        if hasattr(find, "operation"):
            assert any(one.endswith(f":{find.operation}") for one in previewing), token


def test_who_sweeps_may_do_what_the_inventory_does_and_no_more():
    session = botocore.session.get_session()
    services = sorted({"elasticloadbalancing", *(one.split(":")[0] for one in ACTIONS_OF_ALL)})
    found = {}
    for file in sorted((INVENTORY).glob("*.py")):
        text = file.read_text()
        words = set(re.findall(r"[a-z]+(?:_[a-z0-9]+)+", text))
        for prefix in services:
            service = SERVICES.get(prefix, prefix)
            if f'"{service}"' not in text:
                continue
            names = session.get_service_model(service).operation_names
            for name in names:
                if xform_name(name) in words:
                    found.setdefault(name, set()).add(f"{prefix}:{name}")
    sweeping = set(PURPOSES["sweep"](plan_of("prod-70b", STACKS)))
    # Of a name that two services of a file have (describe_tags), one is meant at the least.
    assert all(sweeping & ways for ways in found.values())
    assert sweeping <= set().union(*found.values())


def test_a_role_that_only_reads_can_ask_about_the_one_that_deploys():
    aws = InjectedAws()
    aws.answers = ready_account.answers()
    deployer = f"arn:aws:iam::{ready_account.ACCOUNT}:role/deployer"
    ground = Ground(
        config=read_stack("prod-70b", STACKS), pinned=NOTHING_PINNED, deployer=deployer,
        decided=plan_of("prod-70b", STACKS), now=ready_account.DAY,
        account=Account("us-west-2", session=aws.session),
    )  # fmt: skip
    (found,) = permissions(ground)
    assert found.found.endswith(f"are allowed to {deployer}")
    asked = [given for name, given in aws.asked if name == "iam.SimulatePrincipalPolicy"]
    assert {one["PolicySourceArn"] for one in asked} == {deployer}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--policy", "destroy"], "invalid choice: 'destroy'"),
        (["--role", "deployer"], "'deployer' is no role's ARN; write arn:aws:iam::<account>:role"),
    ],
)
def test_words_that_name_no_policy_or_role_are_one_line(words, told, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", "prod-70b", *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


# terraform-provider-aws, internal/service: each is asked for whatever a program says, and a
# refusal of it ends the operation.
@pytest.mark.parametrize(
    ("token", "action"),
    [
        ("aws:ec2/eip:Eip", "ec2:DescribeAddressesAttribute"),
        ("aws:ec2/subnet:Subnet", "ec2:DescribeNetworkInterfaces"),
        ("aws:ec2/securityGroup:SecurityGroup", "ec2:DescribeNetworkInterfaces"),
        ("aws:lb/listener:Listener", "elasticloadbalancing:DescribeListenerAttributes"),
        ("aws:amp/workspace:Workspace", "aps:DescribeLoggingConfiguration"),
    ],
)
def test_what_the_provider_reads_besides_is_asked_for(token, action):
    assert action in ACTIONS[token]


def test_the_policy_has_every_action_and_fits_a_roles_inline_policies(monkeypatch, capsys):
    monkeypatch.chdir(PROJECT)
    for stack in stack_names():
        assert cli.main(["check", stack, "--policy"]) == 0
        policy = json.loads(capsys.readouterr().out)
        assert policy["Statement"][0]["Action"] == actions_of(plan_of(stack))
        # IAM user guide, reference_iam-quotas: 10,240 characters, white space not counted.
        assert len("".join(json.dumps(policy).split())) < 10_240
