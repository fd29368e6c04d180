"""Both stand-ins in the order in which provider.proto documents the calls, as recorded text.

The text is what the official plug-ins' answers are to be held against: run the same calls
against them and compare.
"""

import os
import sys
import threading
from pathlib import Path

import pytest
from pulumi.runtime.proto import provider_pb2
from r1_on_eks.rehearsal.control_plane import start_control_plane, stop_control_plane
from r1_on_eks.rehearsal.property_values import UNKNOWN, Secret, to_struct

sys.path.insert(0, str(Path(__file__).parent))
from aws_provider_client import RunningCloud
from provider_process import ProviderProcess, Transcript

pytestmark = pytest.mark.rehearsal


class Conversation:
    """One resource's life as the engine leads it."""

    def __init__(self, transcript, token, name="thing"):
        self.transcript = transcript
        self.of = {"urn": f"urn:pulumi:test::r1::{token}::{name}"}

    def configure(self, settings, token):
        of = {"urn": f"urn:pulumi:test::r1::pulumi:providers:{token}::{token}"}
        call, news = self.transcript.call, to_struct(settings)
        call("Handshake", provider_pb2.ProviderHandshakeRequest())
        checked = call("CheckConfig", provider_pb2.CheckRequest(**of, news=news)).inputs
        call(
            "DiffConfig",
            provider_pb2.DiffRequest(**of, id="1", old_inputs=checked, olds=checked, news=checked),
        )
        accepts = {"acceptSecrets": True, "acceptResources": True}
        call("Configure", provider_pb2.ConfigureRequest(args=checked, **accepts))

    def check(self, inputs, olds=None, title=""):
        request = provider_pb2.CheckRequest(
            **self.of, news=to_struct(inputs), olds=olds, randomSeed=b"seed"
        )
        return self.transcript.call("Check", request, title).inputs

    def create(self, inputs, title="", *, preview=False):
        request = provider_pb2.CreateRequest(**self.of, properties=inputs, preview=preview)
        return self.transcript.call("Create", request, title)

    def diff(self, made, olds, news, title=""):
        self.transcript.call(
            "Diff",
            provider_pb2.DiffRequest(
                **self.of, id=made.id, olds=made.properties, old_inputs=olds, news=news
            ),
            title,
        )

    def update(self, made, olds, news, title="", *, preview=False):
        return self.transcript.call(
            "Update",
            provider_pb2.UpdateRequest(
                **self.of,
                id=made.id,
                olds=made.properties,
                old_inputs=olds,
                news=news,
                preview=preview,
            ),
            title,
        )

    def read(self, object_id, title, made=None, inputs=None):
        self.transcript.call(
            "Read",
            provider_pb2.ReadRequest(
                **self.of, id=object_id, properties=made and made.properties, inputs=inputs
            ),
            title,
        )

    def delete(self, made, inputs):
        self.transcript.call(
            "Delete",
            provider_pb2.DeleteRequest(
                **self.of, id=made.id, properties=made.properties, old_inputs=inputs
            ),
        )


def whole_life(it, first, second, third, *, unknown):
    """Unknowns, secrets, a preview, an update, a replacement, a refresh, an import, a delete."""
    previewed = it.check(first | {unknown: UNKNOWN}, title="with an unknown and a secret")
    it.create(previewed, "as a preview", preview=True)
    inputs = it.check(first)
    made = it.create(inputs)
    it.diff(made, inputs, inputs, "without a change")
    changed = it.check(second, inputs, "of a change")
    it.diff(made, inputs, changed, "of a change")
    it.update(made, inputs, changed, "as a preview", preview=True)
    made.properties.CopyFrom(it.update(made, inputs, changed).properties)
    it.read(made.id, "to refresh", made, changed)
    it.read(made.id, "to import")
    it.diff(made, changed, it.check(third, changed), "of a replacement")
    it.delete(made, changed)
    it.read(made.id, "of what is gone", made, changed)


def cancel_soon(transcript):
    timer = threading.Timer(1.5, transcript.cancel)
    timer.start()
    return timer


def test_the_aws_provider(tmp_path, snapshot):
    cloud = RunningCloud(tmp_path)
    process = ProviderProcess("aws_provider", cloud.environment)
    transcript = Transcript(process.stub)
    log_group = Conversation(transcript, "aws:cloudwatch/logGroup:LogGroup")
    try:
        log_group.configure(
            {"region": "us-west-2", "defaultTags": {"tags": {"r1:stack": "t"}}}, "aws"
        )
        secret = {"retentionInDays": 30, "tags": {"owner": Secret("a name")}}
        whole_life(
            log_group,
            secret,
            secret | {"retentionInDays": 60},
            secret | {"retentionInDays": 60, "name": "another"},
            unknown="kmsKeyId",
        )
        log_group.check({"retentionInDays": 31, "wrong": 1}, title="of wrong inputs")
        half_made_and_in_use(transcript)
    finally:
        process.stop()
        cloud.stop()
    assert transcript.text() == snapshot


def half_made_and_in_use(transcript):
    """A creation that fails half-way, and a deletion whose wait the engine cancels."""
    gateway = Conversation(transcript, "aws:ec2/internetGateway:InternetGateway")
    inputs = gateway.check({"vpcId": "vpc-0123456789abcdef0"})
    half = gateway.create(inputs, "that fails half-way")
    gateway.delete(half, inputs)
    vpc = Conversation(transcript, "aws:ec2/vpc:Vpc")
    inputs = vpc.check({"cidrBlock": "10.0.0.0/16"})
    made = vpc.create(inputs)
    subnet = Conversation(transcript, "aws:ec2/subnet:Subnet")
    inside = {"vpcId": made.id, "cidrBlock": "10.0.0.0/24", "availabilityZone": "us-west-2a"}
    subnet.create(subnet.check(inside))
    timer = cancel_soon(transcript)
    vpc.delete(made, inputs)
    timer.join()


def test_the_kubernetes_provider(tmp_path, snapshot):
    plane = start_control_plane(
        tmp_path,
        "t",
        version="1.35",
        service_cidr="172.20.0.0/16",
        token_webhook_url="http://127.0.0.1:9/none",
    )
    process = ProviderProcess(
        "kubernetes_provider",
        {**os.environ, "R1_REHEARSAL_STATE": "/nowhere", "R1_REHEARSAL_PATIENCE": "2"},
    )
    transcript = Transcript(process.stub)
    config_map = Conversation(transcript, "kubernetes:core/v1:ConfigMap")
    try:
        config_map.configure({"kubeconfig": str(plane.admin_kubeconfig)}, "kubernetes")
        first = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": "default", "labels": {"a": "b"}},
            "data": {"key": Secret("text")},
        }
        name = {"namespace": "default", "name": "conf"}
        whole_life(
            config_map,
            first | {"metadata": name},
            first | {"metadata": name | {"labels": {"a": "c"}}},
            first | {"metadata": name, "data": {"key": "another"}},
            unknown="data",
        )
        config_map.check(first, title="of an object without a name")
        config_map.check(first | {"dat": {}}, title="of wrong inputs")
        never_ready(transcript)
    finally:
        process.stop()
        stop_control_plane(tmp_path, "t")
    text = transcript.text().replace(str(tmp_path), "<folder>")
    assert text == snapshot


def never_ready(transcript):
    """A creation whose wait the engine cancels: what exists is kept."""
    config_map = Conversation(transcript, "kubernetes:core/v1:ConfigMap", "waiting")
    inputs = config_map.check(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "namespace": "default",
                "name": "waiting",
                "annotations": {"pulumi.com/waitFor": "jsonpath={.data.never}"},
            },
        }
    )
    timer = cancel_soon(transcript)
    config_map.create(inputs, "that never gets ready")
    timer.join()
