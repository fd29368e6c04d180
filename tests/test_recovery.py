"""What a killed engine left is told from what AWS says; the whole is rehearsed beside."""

from pathlib import Path

import pytest
from moto import mock_aws
from r1_on_eks.operations import recovery
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.deployment import Deployment
from r1_on_eks.operations.file_backend import remove_torn
from r1_on_eks.operations.inventory import KINDS, Kind, Thing, untagged

STACKS = sorted((Path(__file__).parent.parent / "stacks").glob("Pulumi.*.yaml"))
VPC = "aws:ec2/vpc:Vpc"
URN = f"urn:pulumi:t::r1-on-eks::r1:index:Network${VPC}::network-vpc"


@pytest.mark.parametrize("stack_file", STACKS, ids=lambda file: file.stem)
def test_whatever_a_stack_declares_in_aws_can_be_found_after_a_crash(engine, stack_file):
    kinds = {one.type for one in engine.run(stack_file).registered if one.type.startswith("aws:")}
    assert kinds - {*KINDS, *untagged.PARTS} == set()


def pending(work="creating", kind=VPC, urn=URN):
    return {"type": work, "resource": {"urn": urn, "type": kind, "custom": True, "inputs": {}}}


def steps(monkeypatch, things, *, resources=(), operations=None):
    kind = Kind(VPC, lambda account, stack: things, lambda *_: None, ("pending",), ("failed",))
    monkeypatch.setitem(KINDS, VPC, kind)
    content = {
        "resources": list(resources), "pending_operations": operations or [pending()],
    }  # fmt: skip
    found = recovery.steps_of(Deployment({"deployment": content}), None, "t")
    return [(one.what, one.id) for one in found]


def vpc(number, status="available", name="network-vpc"):
    return Thing(VPC, f"vpc-{number}", {"r1:stack": "t", "r1:name": name}, status)


def test_what_was_made_is_adopted(monkeypatch):
    assert steps(monkeypatch, [vpc(1), vpc(2, name="another")]) == [("adopt", "vpc-1")]


def test_what_was_never_made_is_forgotten(monkeypatch):
    assert steps(monkeypatch, []) == [("forget", "")]


def test_what_is_of_no_use_is_deleted(monkeypatch):
    assert steps(monkeypatch, [vpc(1, "failed")]) == [("delete", "vpc-1")]


def test_what_was_made_again_is_deleted_and_what_pulumi_knows_is_not(monkeypatch):
    known = {"urn": URN, "type": VPC, "id": "vpc-2", "custom": True}
    assert steps(monkeypatch, [vpc(1), vpc(2)], resources=[known]) == [("delete", "vpc-1")]


@pytest.mark.parametrize(
    "operation",
    [
        pending("updating"),
        pending("deleting"),
        pending("creating", "pulumi:providers:kubernetes"),
    ],
)
def test_what_pulumi_does_again_by_itself_is_forgotten(monkeypatch, operation):
    assert steps(monkeypatch, [vpc(1)], operations=[operation]) == [("forget", "")]


@pytest.mark.parametrize(
    ("metadata", "found"),
    [({"name": "r1"}, "r1"), ({"name": "nginx", "namespace": "r1"}, "r1/nginx")],
)
def test_what_is_in_the_cluster_is_adopted_as_its_provider_names_it(monkeypatch, metadata, found):
    operation = pending(kind="kubernetes:core/v1:Service", urn=f"{URN}-service")
    operation["resource"]["inputs"] = {"metadata": metadata}
    assert steps(monkeypatch, [], operations=[operation]) == [("adopt", found)]
    known = {**operation["resource"], "id": found, "outputs": {"spec": {}}}
    assert steps(monkeypatch, [], operations=[operation], resources=[known]) == [("forget", "")]


def test_what_was_adopted_in_the_cluster_and_not_read_is_read_again(monkeypatch):
    inputs = {"metadata": {"name": "r1"}}
    adopted = {
        "urn": f"{URN}-namespace", "type": "kubernetes:core/v1:Namespace", "custom": True,
        "id": "r1", "inputs": inputs, "outputs": inputs,
    }  # fmt: skip
    operation = pending(kind="pulumi:providers:kubernetes")
    found = steps(monkeypatch, [], resources=[adopted], operations=[operation])
    assert found == [("forget", ""), ("adopt", "r1")]


def test_what_r1_does_not_know_is_left_to_a_person(monkeypatch):
    unknown = pending(kind="aws:sqs/queue:Queue")
    assert steps(monkeypatch, [], operations=[unknown]) == [("look yourself", "")]


def test_an_adopted_resource_has_its_id_and_no_operation_is_left():
    deployment = Deployment({"version": 3, "deployment": {"pending_operations": [pending()]}})
    mended = deployment.without_pending([(deployment.pending[0], "vpc-1")])
    assert "pending_operations" not in mended["deployment"]
    (adopted,) = mended["deployment"]["resources"]
    assert (adopted["id"], adopted["urn"], adopted["outputs"]) == ("vpc-1", URN, {})
    assert deployment.pending, "the deployment itself stays as it was"


def test_only_empty_attributes_of_this_stack_are_removed(tmp_path):
    folder = tmp_path / ".pulumi" / "stacks" / "r1-on-eks"
    folder.mkdir(parents=True)
    for name, content in {
        "t.json": "",
        "t.json.attrs": "",
        "t.json.bak.attrs": "{}",
        "other.json.attrs": "",
    }.items():
        (folder / name).write_text(content)
    assert remove_torn(f"file://{tmp_path}", "t") == [folder / "t.json.attrs"]
    assert len(list(folder.iterdir())) == 3
    assert remove_torn("s3://bucket", "t") == []


@mock_aws
def test_a_tag_that_a_killed_engine_gave_a_group_is_found(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    account = Account("us-west-2")
    scaling = account.client("autoscaling")
    image = account.client("ec2").describe_images()["Images"][0]["ImageId"]
    scaling.create_launch_configuration(
        LaunchConfigurationName="made", ImageId=image, InstanceType="m7i.large"
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="pool", LaunchConfigurationName="made", MinSize=0, MaxSize=1,
        AvailabilityZones=["us-west-2a"], Tags=[{"Key": "r1:autoscaled", "Value": "office"}],
    )  # fmt: skip
    kind = "aws:autoscaling/tag:Tag"
    inputs = {"autoscalingGroupName": "pool", "tag": {"key": "r1:autoscaled", "value": "office"}}
    assert untagged.found(account, kind, inputs) == "pool,r1:autoscaled"
    assert untagged.found(account, kind, {**inputs, "tag": {"key": "other"}}) is None
