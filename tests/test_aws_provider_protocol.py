"""The AWS provider's answers in the order that provider.proto documents, over real gRPC."""

import os
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2
from r1_on_eks.rehearsal.property_values import UNKNOWN, Secret, to_struct

sys.path.insert(0, str(Path(__file__).parent))
from aws_provider_client import Provider, RunningCloud
from provider_process import kept_by

LOGS, VPC, SUBNET = (
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    running = RunningCloud(tmp_path_factory.mktemp("cloud"))
    yield running
    running.stop()


@pytest.fixture
def provider(cloud):
    running = Provider(cloud.environment)
    yield running
    running.stop()


def test_one_resource_from_handshake_to_cancel(provider):
    stub = provider.stub
    assert stub.Handshake(provider_pb2.ProviderHandshakeRequest()).accept_secrets
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == "7.51.1"
    config = to_struct({"region": "us-west-2", "defaultTags": {"tags": {"r1:stack": "t"}}})
    checked = stub.CheckConfig(provider_pb2.CheckRequest(urn="u", news=config))
    assert not checked.failures
    assert stub.Configure(provider_pb2.ConfigureRequest(args=checked.inputs)).supportsPreview

    given = {"retentionInDays": 30, "kmsKeyId": UNKNOWN, "tags": {"a": Secret("b")}}
    inputs = provider.check(LOGS, "app", given)
    assert inputs["name"].startswith("app-")
    assert len(inputs["name"]) == len("app-") + 7
    assert inputs["kmsKeyId"] is UNKNOWN
    assert inputs["tags"] == {"a": Secret("b")}
    made_id, preview = provider.create(LOGS, "app", inputs, preview=True)
    assert made_id == ""
    assert preview["arn"] is UNKNOWN
    assert preview["tags"] == {"a": Secret("b")}

    del inputs["kmsKeyId"]
    made_id, state = provider.create(LOGS, "app", inputs)
    assert made_id == inputs["name"]
    assert state["arn"].startswith("arn:aws:logs:us-west-2:111122223333:log-group:app-")
    assert state["tags"] == {"a": Secret("b")}
    assert state["tagsAll"]["r1:stack"] == "t"
    assert provider.read(LOGS, "app", made_id, state, inputs).inputs == inputs

    imported = provider.read(LOGS, "app", made_id, {}, {})
    assert imported.inputs["retentionInDays"] == 30

    longer = {**inputs, "retentionInDays": 60}
    assert provider.diff(LOGS, "app", made_id, state, inputs, longer) == {
        "retentionInDays": "update"
    }
    assert provider.update(LOGS, "app", made_id, state, inputs, longer)["retentionInDays"] == 60
    provider.delete(LOGS, "app", made_id, state, longer)
    assert provider.read(LOGS, "app", made_id, state, longer).id == ""
    stub.Cancel(empty_pb2.Empty())


def test_a_fixed_name_that_exists_is_refused_as_aws_does(provider):
    provider.configure()
    provider.create(LOGS, "one", {"name": "fixed"})
    with pytest.raises(grpc.RpcError, match="ResourceAlreadyExistsException"):
        provider.create(LOGS, "two", {"name": "fixed"})


def test_what_is_in_use_cannot_be_deleted(provider):
    provider.configure()
    vpc, state = provider.create(VPC, "v", {"cidrBlock": "10.1.0.0/16"})
    inside = {"vpcId": vpc, "cidrBlock": "10.1.0.0/24"}
    provider.create(SUBNET, "s", inside)
    began = time.monotonic()
    with pytest.raises(grpc.RpcError, match="DependencyViolation"):
        provider.delete(VPC, "v", vpc, state, {"cidrBlock": "10.1.0.0/16"})
    assert 4 < time.monotonic() - began < 15


def test_a_subnet_outside_its_vpc_is_refused(provider):
    provider.configure()
    vpc, _ = provider.create(VPC, "w", {"cidrBlock": "10.2.0.0/16"})
    with pytest.raises(grpc.RpcError, match=r"is not inside 10\.2\.0\.0/16"):
        provider.create(SUBNET, "s", {"vpcId": vpc, "cidrBlock": "10.3.0.0/24"})


def test_what_was_made_but_failed_stays_known(provider):
    provider.configure()
    fields = {"name": "half", "retentionInDays": 31}
    with pytest.raises(grpc.RpcError) as failed:
        provider.create(SUBNET, "x", {"vpcId": "vpc-0", "cidrBlock": "10.0.0.0/24"})
    assert not kept_by(failed.value), "nothing was made"
    with pytest.raises(grpc.RpcError) as failed:
        provider.create(LOGS, "half", fields)
    assert not kept_by(failed.value), "a rule refuses before anything is made"


def test_types_look_ups_and_settings_that_are_not_modelled_are_errors(provider):
    provider.configure()
    with pytest.raises(grpc.RpcError, match=r"does not model aws:s3/bucket:Bucket yet"):
        provider.checked("aws:s3/bucket:Bucket", "b", {})
    with pytest.raises(grpc.RpcError, match="answers no look-ups yet: aws:index/x:X"):
        provider.stub.Invoke(provider_pb2.InvokeRequest(tok="aws:index/x:X"))
    news = to_struct({"region": "us-west-2", "assumeRoles": [{"roleArn": "x"}]})
    answer = provider.stub.CheckConfig(provider_pb2.CheckRequest(urn="u", news=news))
    assert [failure.property for failure in answer.failures] == ["assumeRoles"]


def test_another_account_than_the_allowed_one_is_refused_in_awss_words(provider):
    def configure(account):
        args = {"region": "us-west-2", "allowedAccountIds": [account]}
        provider.stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(args)))

    with pytest.raises(grpc.RpcError, match="AWS account ID not allowed: ") as refused:
        configure("999999999999")
    configure(refused.value.details().rpartition(": ")[2])


def test_it_refuses_to_start_where_a_real_account_could_be_reached():
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": "https://eks.amazonaws.com",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "r1_on_eks.rehearsal.aws_provider"],
        capture_output=True, text=True, timeout=60, check=False,
        env=environment | {k: os.environ[k] for k in ("PYTHONPATH",) if k in os.environ},
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert "calls only a cloud on this machine" in done.stderr
