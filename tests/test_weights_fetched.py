"""A server without GPU finds its weights beside it, whole, or its pod says what is wrong."""

import importlib.util
import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from r1_on_eks.catalog.images import PYTHON_WITH_BOTO3
from r1_on_eks.operations.weights.job import Checkpoint, bring
from r1_on_eks.operations.weights.one_file import Pace
from r1_on_eks.operations.weights.progress import Progress
from r1_on_eks.plan.images import images_in
from r1_on_eks.stack_config import parse_stack_config
from r1_on_eks.stack_file import plan_of, settings_of

STACKS = Path(__file__).parent.parent / "stacks"
STACK = "edge-1.5b-cpu"


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub_server, s3_server = beside("hub_server"), beside("s3_server")
FOLDER = hub_server.REPOSITORY.rpartition("/")[2]
BUCKET = "example-r1-weights"
WHERE = f"s3://{BUCKET}/{FOLDER}/"
SHARD = "model-00002-of-00003.safetensors"
# What AWS's Lambda image for Python has in /var/runtime, and nothing else.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")


@pytest.fixture(scope="module")
def s3():
    with pytest.MonkeyPatch.context() as environment:
        server = s3_server.S3Server(BUCKET, environment)
        hub = hub_server.HubServer(hub_server.model(elements=200_000))
        bring(
            Checkpoint(repository=hub_server.REPOSITORY, revision="main"), BUCKET, hub.address,
            client=server.client, progress=Progress(), stopping=threading.Event(), pace=Pace(),
        )  # fmt: skip
        server.whole = server.contents(FOLDER)
        yield server
        hub.close()
        server.close()


def fill(s3, **changed):
    """A complete checkpoint of which some files are others, or not there."""
    s3.empty()
    # Objects that are put anew have the ETags of the manifest, which is their content's.
    for name, content in (s3.whole | changed).items():
        if content is not None:
            s3.client.put_object(Bucket=BUCKET, Key=f"{FOLDER}/{name}", Body=content)


@pytest.fixture
def pod(engine):
    engine.run(STACKS / f"Pulumi.{STACK}.yaml")
    return engine.one("Deployment", "r1-1-5b-server").inputs["spec"]["template"]["spec"]


@pytest.fixture
def container(pod, tmp_path):
    """Runs the very command of the init container, in a bare Python, and tells how it ended."""
    (first,) = pod["initContainers"]
    given = {one["name"]: one["value"] for one in first["env"]}
    (mount,) = [one for one in first["volumeMounts"] if one["name"] == "weights"]
    *words, into = first["command"]
    volume = tmp_path / "volume"
    runtime = tmp_path / given["PYTHONPATH"].lstrip("/")
    runtime.mkdir(parents=True)
    for name in RUNTIME:
        found = Path(importlib.util.find_spec(name).origin)
        there = found if found.name != "__init__.py" else found.parent
        (runtime / there.name).symlink_to(there)

    def run(preexec=None, **environment):
        aws = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
        ran = subprocess.run(
            # An interpreter without this environment's packages.
            [sys._base_executable, *words[1:], into.replace(mount["mountPath"], str(volume))],
            env=aws | {"AWS_REGION": "us-west-2", "PYTHONPATH": str(runtime)} | environment,
            cwd="/", preexec_fn=preexec, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return ran.returncode, ran.stderr.strip()

    run.folder, run.runtime = volume / FOLDER, runtime
    return run


def there(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def counted(s3):
    """Names of the objects that are read from now on."""
    read = []

    def refuse(method, path):
        if method == "GET" and path.endswith(".safetensors"):
            read.append(path.rpartition("/")[2])
        return False

    s3.refuse = refuse
    return read


@pytest.fixture(autouse=True)
def in_order(s3):
    yield
    s3.refuse = lambda *_: False


def test_all_files_of_the_manifest_lie_beside_the_server_before_it_starts(s3, container):
    fill(s3)
    assert container() == (0, f"{WHERE} is complete")
    wanted = {name: content for name, content in s3.whole.items() if name != "manifest.json"}
    assert there(container.folder) == wanted


def test_a_container_that_runs_again_fetches_nothing_that_is_whole(s3, container):
    fill(s3)
    assert container()[0] == 0
    # Cut off while it was fetched, cut short, and altered on the way.
    (container.folder / f"{SHARD}.1a2B3c4D").write_bytes(b"a part")
    (container.folder / SHARD).write_bytes(b"cut")
    third = container.folder / "model-00003-of-00003.safetensors"
    third.write_bytes(third.read_bytes()[::-1])
    read = counted(s3)
    assert container()[0] == 0
    assert set(read) == {SHARD, third.name}
    assert there(container.folder) == {
        name: content for name, content in s3.whole.items() if name != "manifest.json"
    }


def test_what_a_person_copied_by_hand_is_fetched_too(s3, container):
    fill(s3, **{"manifest.json": None})
    assert container() == (0, f"{WHERE} is complete")
    assert there(container.folder)[SHARD] == s3.whole[SHARD]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({SHARD: None}, f"missing {SHARD}"),
        ({SHARD: b"cut"}, f"{SHARD}: 3 bytes there, 400194 wanted"),
        ({"config.json": b"[" * 23}, "config.json: not what was verified"),
        ({"manifest.json": b"{"}, "its manifest or index can't be read"),
        ({"manifest.json": None, "manifest.partial.json": b"{}"}, "r1 weights sync has not ended"),
    ],
    ids=["missing", "cut short", "altered", "no manifest of ours", "under way"],
)
def test_what_the_bucket_lacks_is_one_line_and_nothing_is_fetched(s3, container, changed, told):
    fill(s3, **changed)
    read = counted(s3)
    assert container() == (1, f"{WHERE} is not complete: {told}; r1 weights sync mends it")
    assert read == []


def test_another_sha256_than_the_manifests_is_told_and_fetched_anew_each_time(s3, container):
    manifest = json.loads(s3.whole["manifest.json"])
    (entry,) = [one for one in manifest["files"] if one["name"] == SHARD]
    entry["sha256"] = 64 * "0"
    fill(s3, **{"manifest.json": json.dumps(manifest).encode()})
    told = f"{WHERE} was not fetched whole: {SHARD}: it came with another size or SHA-256"
    assert container() == (1, told)
    assert not (container.folder / SHARD).exists()
    read = counted(s3)
    assert container() == (1, told)
    assert set(read) == {SHARD}


def test_a_volume_without_room_is_told_before_anything_is_fetched(s3, container):
    fill(s3)
    # Python's own hook: this one says what statvfs of a volume of 1 MiB would.
    (container.runtime / "sitecustomize.py").write_text(
        "import shutil\nshutil.disk_usage = lambda _: shutil._ntuple_diskusage(2**20, 0, 2**20)\n"
    )
    read = counted(s3)
    status, told = container()
    needed = sum(map(len, s3.whole.values())) - len(s3.whole["manifest.json"])
    assert needed > 2**20
    assert (status, read) == (1, [])
    assert told == (
        f"{WHERE} was not fetched whole: its files need {needed / 2**20:.1f} MiB more in"
        f" {container.folder}, which has 1.0 MiB free"
    )


def no_file_beyond_100_kb():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_disk_that_takes_no_more_is_one_line(s3, container):
    fill(s3)
    status, told = container(no_file_beyond_100_kb)
    assert status == 1
    assert told == f"{WHERE} can't be written to {container.folder}: File too large"
    # Nothing is left of what was cut off: it would take the room of the next try.
    assert all(path.name in s3.whole for path in container.folder.iterdir())


def test_a_refusal_is_one_line_before_and_while_it_fetches(s3, container):
    fill(s3)
    s3.refuse = lambda *_: "403 Forbidden"
    status, told = container()
    assert (status, told.count("\n")) == (1, 0)
    assert told.startswith(f"{WHERE} can't be asked: ")
    assert "403" in told
    s3.refuse = lambda _, path: path.endswith(SHARD) and "403 Forbidden"
    status, told = container()
    assert (status, told.count("\n")) == (1, 0)
    assert f"{WHERE} can't be asked: " in told
    s3.refuse = lambda *_: False
    status, told = container(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert (status, told) == (1, f"{WHERE} can't be asked: Unable to locate credentials")


def test_its_pod_has_room_for_them_and_says_what_went_wrong(pod):
    (first,) = pod["initContainers"]
    (server,) = pod["containers"]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "weights"]
    (model,) = plan_of(STACK, STACKS).models
    room = volume["emptyDir"]["sizeLimit"]
    assert int(room.removesuffix("Gi")) * 2**30 > model.placement.checkpoint.weight_bytes * 1.05
    assert first["resources"]["requests"]["ephemeral-storage"] == room
    assert server["resources"]["requests"]["ephemeral-storage"] == room
    assert first["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert first["image"] == PYTHON_WITH_BOTO3
    # Kubernetes would put a variable there.
    assert "$(" not in "".join(first["command"])


def test_the_image_that_fetches_is_pinned_and_mirrored_where_it_runs():
    def images(stack):
        return images_in(parse_stack_config({"name": "x", **settings_of(stack, STACKS)}))

    assert PYTHON_WITH_BOTO3 in images(STACK)
    assert PYTHON_WITH_BOTO3 not in images("test-7b")
