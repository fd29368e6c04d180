"""The AWS provider as the engine runs it: a process, spoken to over gRPC."""

import configparser
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
from pulumi.runtime.proto import provider_pb2
from r1_on_eks.rehearsal.processes import free_port
from r1_on_eks.rehearsal.property_values import to_python, to_struct

sys.path.insert(0, str(Path(__file__).parent))
from provider_process import ProviderProcess

REGION = "us-west-2"
FIELD = provider_pb2.PropertyDiff.Kind.Name


def urn(kind, name):
    return f"urn:pulumi:test::r1::{kind}::{name}"


class RunningCloud:
    """The local cloud's server, without control planes."""

    def __init__(self, state):
        self.log = state / "cloud.log"
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        argv = [
            sys.executable, "-m", "r1_on_eks.rehearsal.aws_cloud",
            "--port", self.endpoint.rpartition(":")[2], "--state", str(state),
            "--no-control-plane", "--patience", "0.5",
        ]  # fmt: skip
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while "AWS account" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(state / "home"),
            **{k: os.environ[k] for k in ("PYTHONPATH",) if k in os.environ},
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_SHARED_CREDENTIALS_FILE": str(state / "home" / ".aws" / "credentials"),
            "AWS_CONFIG_FILE": str(state / "home" / ".aws" / "config"),
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_bucket(self, name):
        keys = configparser.ConfigParser()
        keys.read(self.environment["AWS_SHARED_CREDENTIALS_FILE"])
        session = boto3.Session(region_name=REGION, **keys["default"])
        session.client("s3", endpoint_url=self.endpoint).create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@dataclass
class Read:
    id: str
    state: dict
    inputs: dict


class Provider(ProviderProcess):
    """The AWS provider's process, with inputs and answers in Python's types."""

    def __init__(self, environment):
        super().__init__("aws_provider", environment)

    def configure(self, default_tags=None):
        args = {"region": REGION}
        if default_tags:
            args["defaultTags"] = {"tags": default_tags}
        self.stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(args)))
        return self

    def checked(self, kind, name, inputs, old=None):
        request = provider_pb2.CheckRequest(
            urn=urn(kind, name), news=to_struct(inputs), olds=to_struct(old or {})
        )
        return self.stub.Check(request)

    def check(self, kind, name, inputs, old=None):
        answer = self.checked(kind, name, inputs, old)
        told = [(failure.property, failure.reason) for failure in answer.failures]
        assert not told, (name, told)
        return to_python(answer.inputs)

    def failures(self, kind, inputs):
        answer = self.checked(kind, "x", inputs)
        return {failure.property: failure.reason for failure in answer.failures}

    def create(self, kind, name, inputs, preview=False):
        request = provider_pb2.CreateRequest(
            urn=urn(kind, name),
            properties=to_struct(inputs),
            preview=preview,
            timeout=20,
        )
        answer = self.stub.Create(request)
        return answer.id, to_python(answer.properties)

    def diff(self, kind, name, made_id, state, old, new):
        request = provider_pb2.DiffRequest(
            id=made_id, urn=urn(kind, name), olds=to_struct(state),
            old_inputs=to_struct(old), news=to_struct(new),
        )  # fmt: skip
        answer = self.stub.Diff(request)
        return {
            path: FIELD(one.kind).lower().replace("_", "-")
            for path, one in answer.detailedDiff.items()
        }

    def read(self, kind, name, made_id, state, inputs):
        state = {key: value for key, value in state.items() if key != "id"}
        answer = self.stub.Read(
            provider_pb2.ReadRequest(
                id=made_id, urn=urn(kind, name), properties=to_struct(state),
                inputs=to_struct(inputs),
            )
        )  # fmt: skip
        return Read(answer.id, to_python(answer.properties), to_python(answer.inputs))

    def update(self, kind, name, made_id, state, old, new, preview=False):
        request = provider_pb2.UpdateRequest(
            id=made_id, urn=urn(kind, name), olds=to_struct(state),
            old_inputs=to_struct(old), news=to_struct(new), preview=preview, timeout=20,
        )  # fmt: skip
        return to_python(self.stub.Update(request).properties)

    def delete(self, kind, name, made_id, state, inputs):
        self.stub.Delete(
            provider_pb2.DeleteRequest(
                id=made_id, urn=urn(kind, name), properties=to_struct(state),
                old_inputs=to_struct(inputs), timeout=20,
            )
        )  # fmt: skip
