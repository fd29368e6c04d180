"""A process that brings weights may be killed at any moment: the next one goes on from there."""

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from r1_on_eks.operations.weights.manifest import parse_manifest


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub_server, s3_server = beside("hub_server"), beside("s3_server")
MODEL = hub_server.model()
WANTED = hub_server.wanted(MODEL)
FOLDER = hub_server.REPOSITORY.rpartition("/")[2]
PART = 1 << 18
# Requests to S3 and pieces from the hub, of one run that nobody kills: about a hundred.
_LATEST = 70


class Killer:
    """Kills a process at the nth thing that hub or S3 see of it."""

    def __init__(self):
        self._lock, self._left, self._process = threading.Lock(), 0, None

    def aim(self, process, left):
        with self._lock:
            self._process, self._left = process, left

    def tick(self):
        with self._lock:
            self._left -= 1
            if self._process and self._left == 0:
                self._process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def s3():
    with pytest.MonkeyPatch.context() as environment:
        server = s3_server.S3Server("weights-of-ours", environment)
        yield server
        server.close()


@pytest.fixture
def hub():
    server = hub_server.HubServer(dict(MODEL))
    yield server
    server.close()


def begun(s3, hub):
    wanted = {
        "bucket": s3.bucket,
        "region": "us-west-2",
        "from": hub.address,
        "checkpoints": [{"repository": hub_server.REPOSITORY, "revision": hub_server.COMMIT}],
        "pace": {"files": 2, "parts": 2, "part": PART},
    }
    return subprocess.Popen(
        [sys.executable, "-m", "r1_on_eks.operations.weights.job"],
        env=os.environ | {"R1_WEIGHTS": json.dumps(wanted)},
        stderr=subprocess.PIPE,
    )


def whole_in_s3(s3):
    """Every byte range that S3 has: of objects, and of parts of what is under way."""
    held = {name: [(0, len(content))] for name, content in s3.contents(FOLDER).items()}
    for upload in s3.client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads", ()):
        name = upload["Key"].removeprefix(f"{FOLDER}/")
        listed = s3.client.list_parts(
            Bucket=s3.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
        )
        held.setdefault(name, []).extend(
            ((one["PartNumber"] - 1) * PART, one["Size"]) for one in listed.get("Parts", ())
        )
    return held


def brought_twice(held, served):
    return [
        (name, first, count)
        for name, first, count in served
        for start, size in held.get(name, ())
        if first < start + size and start < first + count
    ]


@pytest.mark.parametrize("kills", [8, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_random_points_it_ends_whole_and_brings_nothing_twice(s3, hub, kills):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance, killer, killed, ended = random.Random(seed), Killer(), 0, 0
    s3.tick = hub.tick = killer.tick
    s3.empty()
    held = {}
    # Until they were killed so often, and then to the end.
    while killed < kills or ended == 0 or held:
        process = begun(s3, hub)
        killer.aim(process, chance.randint(1, _LATEST) if killed < kills else 0)
        _, said = process.communicate(timeout=60)
        killer.aim(None, 0)
        s3.settled()
        assert brought_twice(held, hub.served) == [], f"seed {seed}"
        hub.served.clear()
        if process.returncode == -signal.SIGKILL:
            killed += 1
            held = whole_in_s3(s3)
            continue
        assert process.returncode == 0, f"seed {seed}: {said.decode()}"
        found = s3.contents(FOLDER)
        manifest = parse_manifest(found.pop("manifest.json"))
        assert found == WANTED, f"seed {seed}"
        assert set(manifest.files) == set(WANTED)
        assert not s3.client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads")
        ended, held = ended + 1, {}
        s3.empty()
    print(f"killed {killed} times, complete {ended} times")


def ended(process):
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said.decode()


def test_killed_before_its_very_last_step_the_next_one_does_it(s3, hub):
    s3.tick = hub.tick = lambda: None
    s3.empty()
    ended(begun(s3, hub))
    manifest = s3.contents(FOLDER)["manifest.json"]
    s3.client.put_object(Bucket=s3.bucket, Key=f"{FOLDER}/manifest.partial.json", Body=manifest)
    ended(begun(s3, hub))
    assert set(s3.contents(FOLDER)) == {*WANTED, "manifest.json"}


def test_parts_that_s3_has_are_not_read_again(s3, hub):
    s3.empty()
    process, parts = begun(s3, hub), iter(range(5))

    def fifth_part(method, path):
        if method == "PUT" and path.endswith(".safetensors") and next(parts, None) is None:
            process.send_signal(signal.SIGKILL)
        return False

    s3.refuse = fifth_part
    process.communicate(timeout=60)
    s3.settled()
    s3.refuse = lambda *_: False
    held = whole_in_s3(s3)
    assert any(name.endswith(".safetensors") and len(parts) > 1 for name, parts in held.items())
    hub.served.clear()
    again = begun(s3, hub)
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert brought_twice(held, hub.served) == []


def test_a_manifest_is_never_there_before_all_else_is(s3, hub):
    s3.empty()
    wrong = []

    def look(method, path):
        if method == "PUT" and path.endswith("/manifest.json"):
            names = {
                one["Key"].rpartition("/")[2]
                for one in s3.client.list_objects_v2(Bucket=s3.bucket)["Contents"]
            }
            wrong.extend(WANTED.keys() - names)
        return False

    s3.refuse = look
    process = begun(s3, hub)
    _, said = process.communicate(timeout=60)
    s3.refuse = lambda *_: False
    assert (process.returncode, wrong) == (0, [])
    assert b"complete: 9 files" in said
