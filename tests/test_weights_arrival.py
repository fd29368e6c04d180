"""A server that streams starts when its weights are complete, and says so when they aren't."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from r1_on_eks.operations.weights.job import Checkpoint, bring
from r1_on_eks.operations.weights.one_file import Pace
from r1_on_eks.operations.weights.progress import Progress
from r1_on_eks.plan.sync import arrival_code

STACKS = Path(__file__).parent.parent / "stacks"


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub_server, s3_server = beside("hub_server"), beside("s3_server")
FOLDER = hub_server.REPOSITORY.rpartition("/")[2]
SHARD = f"{FOLDER}/model-00002-of-00003.safetensors"
WHERE = f"s3://ours/{FOLDER}/"


@pytest.fixture(scope="module")
def s3():
    with pytest.MonkeyPatch.context() as environment:
        server = s3_server.S3Server("ours", environment)
        hub = hub_server.HubServer(hub_server.model(elements=2_000))
        bring(
            Checkpoint(repository=hub_server.REPOSITORY, revision="main"), "ours", hub.address,
            client=server.client, progress=Progress(), stopping=threading.Event(), pace=Pace(),
        )  # fmt: skip
        server.whole = server.contents(FOLDER)
        yield server
        hub.close()
        server.close()


def asked(s3, **changed):
    """What the container says of a complete checkpoint of which some files are others."""
    s3.empty()
    for name, content in s3.whole.items():
        s3.client.put_object(Bucket="ours", Key=f"{FOLDER}/{name}", Body=content)
    # Objects that are put anew have the ETags of the manifest, which is their content's.
    for name, content in changed.items():
        if content is None:
            s3.client.delete_object(Bucket="ours", Key=name)
        else:
            s3.client.put_object(Bucket="ours", Key=name, Body=content)
    return container(WHERE)


def container(where, **environment):
    ran = subprocess.run(
        [sys.executable, "-I", "-c", arrival_code(), where],
        env={"AWS_REGION": "us-west-2"}
        | {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
        | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stderr.strip()


def test_complete_weights_let_the_server_start(s3):
    assert asked(s3) == (0, f"{WHERE} is complete")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({SHARD: None}, "missing model-00002-of-00003.safetensors"),
        ({SHARD: b"cut"}, "model-00002-of-00003.safetensors: 3 bytes there, 4"),
        ({f"{FOLDER}/config.json": b"[" * 23}, "config.json: not what was verified"),
        ({f"{FOLDER}/manifest.json": b"{"}, "its manifest or index can't be read"),
        ({f"{FOLDER}/manifest.json": b'{"files": []}'}, "its manifest lists no safetensors"),
        (
            {f"{FOLDER}/manifest.json": None, f"{FOLDER}/manifest.partial.json": b"{}"},
            "r1 weights sync has not ended",
        ),
        (
            {f"{FOLDER}/manifest.json": None, SHARD: None},
            "missing model-00002-of-00003.safetensors",
        ),
    ],
    ids=[
        "missing",
        "cut short",
        "altered",
        "no manifest of ours",
        "of nothing",
        "under way",
        "no manifest",
    ],
)
def test_what_is_wrong_is_one_line_and_keeps_it_from_starting(s3, changed, told):
    status, said = asked(s3, **changed)
    assert (status, said.count("\n")) == (1, 0)
    assert f"{WHERE} is not complete: {told}" in said
    assert said.endswith("r1 weights sync mends it")


def test_what_a_person_copied_by_hand_may_be_served(s3):
    assert asked(s3, **{f"{FOLDER}/manifest.json": None})[0] == 0


def test_an_empty_folder_and_no_bucket_are_told(s3):
    s3.empty()
    assert "no safetensors there" in container(WHERE)[1]
    status, said = container("s3://nobodys/x/")
    assert status == 1
    assert "s3://nobodys/x/ can't be asked" in said
    assert "NoSuchBucket" in said


def test_the_pod_asks_before_the_server_streams_with_the_servers_own_right(engine):
    engine.run(STACKS / "Pulumi.test-7b.yaml")
    pod = engine.one("Deployment", "r1-7b-server").inputs["spec"]["template"]["spec"]
    (first,) = pod["initContainers"]
    (server,) = pod["containers"]
    assert first["image"] == server["image"]
    assert first["command"][:2] == ["python3", "-c"]
    assert first["command"][-1] == server["args"][0]
    assert first["terminationMessagePolicy"] == "FallbackToLogsOnError"
    association = engine.one("PodIdentityAssociation", "r1-7b-weights-pods").inputs
    assert association["serviceAccount"] == pod["serviceAccountName"]
    assert "nvidia.com/gpu" not in json.dumps(first)
