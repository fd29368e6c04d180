"""Weights come whole into the bucket, whatever breaks on their way, and nothing comes twice."""

import importlib.util
import json
import threading
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from r1_on_eks.operations.weights.hashes import CannotSync, Stopped
from r1_on_eks.operations.weights.job import Checkpoint, bring
from r1_on_eks.operations.weights.manifest import parse_manifest
from r1_on_eks.operations.weights.one_file import Pace
from r1_on_eks.operations.weights.progress import Progress


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub_server, s3_server = beside("hub_server"), beside("s3_server")
MODEL = hub_server.model()
WANTED = hub_server.wanted(MODEL)
FOLDER = hub_server.REPOSITORY.rpartition("/")[2]
SHARD = "model-00002-of-00003.safetensors"
PART = 1 << 18
PACE = Pace(files=2, parts=2, part=PART)


@pytest.fixture(scope="module")
def s3():
    with pytest.MonkeyPatch.context() as environment:
        server = s3_server.S3Server("weights-of-ours", environment)
        yield server
        server.close()


@pytest.fixture
def hub(s3):
    s3.empty()
    s3.refuse = lambda *_: False
    server = hub_server.HubServer(dict(MODEL))
    yield server
    server.close()


class Said(Progress):
    def __init__(self):
        super().__init__()
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def sync(s3, given, *, revision=hub_server.COMMIT, said=None, **changed):
    return bring(
        Checkpoint(repository=hub_server.REPOSITORY, revision=revision),
        s3.bucket,
        str(given),
        client=s3.client,
        progress=said or Said(),
        stopping=changed.pop("stopping", threading.Event()),
        pace=PACE,
        **changed,
    )


def manifest_in(s3):
    return parse_manifest(s3.contents(FOLDER)["manifest.json"])


def assert_whole(s3):
    found = s3.contents(FOLDER)
    manifest = parse_manifest(found.pop("manifest.json"))
    assert found == WANTED
    assert set(manifest.files) == set(WANTED)
    assert not s3.client.list_multipart_uploads(Bucket=s3.bucket).get("Uploads")


def test_what_a_server_needs_is_brought_once_and_the_rest_is_not(s3, hub):
    said = Said()
    outcome = sync(s3, hub.address, said=said)
    assert_whole(s3)
    assert {name: hub.sent(name) for name in MODEL} == {
        name: len(WANTED.get(name, b"")) for name in MODEL
    }
    assert outcome.read == said.done == said.total == sum(map(len, WANTED.values()))
    # One question for each large file, not for each of its parts: the hub counts them.
    assert hub.resolved == len(WANTED)


def test_the_manifest_says_commit_licence_and_the_hubs_own_hashes(s3, hub):
    sync(s3, hub.address, revision="main")
    manifest = manifest_in(s3)
    assert (manifest.repository, manifest.revision) == (hub_server.REPOSITORY, hub_server.COMMIT)
    assert (manifest.licence, manifest.source) == ("mit", hub.address)
    for name, entry in manifest.files.items():
        told = hub.entry(name)
        assert entry.source_digest.partition(":")[2] == told.get("lfs", told)["oid"]
    head = s3.client.head_object(Bucket=s3.bucket, Key=f"{FOLDER}/{SHARD}")
    assert head["Metadata"]["licence"] == "mit"
    assert head["Metadata"]["revision"] == hub_server.COMMIT


def test_a_second_run_reads_nothing(s3, hub):
    sync(s3, hub.address)
    hub.served.clear()
    outcome = sync(s3, hub.address)
    assert (outcome.read, outcome.kept, hub.served) == (0, len(WANTED), [])


def test_a_cut_connection_goes_on_where_it_was_cut(s3, hub):
    cuts = iter(range(6))
    hub.fault = lambda *_: "cut" if next(cuts, None) is not None else None
    sync(s3, hub.address)
    assert_whole(s3)
    assert {name: hub.sent(name) for name in WANTED} == {
        name: len(content) for name, content in WANTED.items()
    }


def test_bytes_with_another_hash_are_read_again_and_never_become_an_object(s3, hub):
    wrong = iter([True])

    def fault(name, first, last):
        return "wrong" if name == SHARD and first == PART and next(wrong, None) else None

    hub.fault, said = fault, Said()
    sync(s3, hub.address, said=said)
    assert_whole(s3)
    assert hub.sent(SHARD) == 2 * len(MODEL[SHARD])
    assert any(SHARD in line and "hash" in line for line in said.lines)


@pytest.mark.parametrize("name", [SHARD, "config.json"])
def test_a_source_that_lies_is_told_and_no_manifest_is_written(s3, hub, name):
    hub.fault = lambda one, *_: "wrong" if one == name else None
    with pytest.raises(CannotSync, match=f"{name}: 3 times its bytes did not have the hash"):
        sync(s3, hub.address)
    assert name not in s3.contents(FOLDER)
    assert "manifest.json" not in s3.contents(FOLDER)


def test_a_hub_that_asks_for_patience_gets_it(s3, hub):
    refusals = iter([{"Retry-After": "1"}, {"RateLimit": '"resolvers";r=0;t=1'}, {}])
    hub.fault = lambda *_: (429, more) if (more := next(refusals, None)) is not None else None
    sync(s3, hub.address)
    assert_whole(s3)


def test_an_address_that_has_ended_is_asked_for_again(s3, hub):
    # A shard has four parts, of which two are asked for at a time: the last comes too late.
    hub.valid_for = 1
    sync(s3, hub.address)
    assert_whole(s3)
    assert hub.resolved > len(WANTED)


def test_the_token_goes_to_the_hub(s3, hub, monkeypatch):
    hub.token = "hf_of_ours"
    with pytest.raises(CannotSync, match="401; set HF_TOKEN to a token that may read it"):
        sync(s3, hub.address)
    monkeypatch.setenv("HF_TOKEN", "hf_of_ours")
    # Its storage, which answers 400 to a token, has another address.
    hub.stored_at = hub.address.replace("127.0.0.1", "localhost")
    sync(s3, hub.address)
    assert_whole(s3)


def test_a_hub_that_is_not_there_is_told_in_one_line(s3, hub, monkeypatch):
    monkeypatch.setattr("r1_on_eks.operations.weights.over_http._LONGEST_WAIT_S", 0.01)
    with pytest.raises(CannotSync, match="8 tries brought nothing"):
        sync(s3, "http://127.0.0.1:9")
    with pytest.raises(CannotSync, match="404"):
        sync(s3, hub.address, revision=40 * "0")


def test_s3_out_of_order_for_a_while_is_waited_for(s3, hub):
    refusals = iter(range(3))
    s3.refuse = lambda method, _: method == "PUT" and next(refusals, None) is not None
    sync(s3, hub.address)
    assert_whole(s3)


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (
            "503 Slow Down",
            "S3 still asks .* to slow down after all tries; run again .* it goes on",
        ),
        # Of what speaks S3 and has disks of its own.
        ("507 Insufficient Storage", "s3://weights-of-ours: .*507.*Insufficient Storage"),
    ],
)
def test_a_bucket_that_takes_no_more_is_told_and_what_it_has_stays(
    s3, hub, monkeypatch, status, line
):
    puts = iter(range(4))
    s3.refuse = lambda method, _: method == "PUT" and next(puts, None) is None and status
    impatient = boto3.client(
        "s3", region_name="us-west-2", config=Config(retries={"total_max_attempts": 1})
    )
    with monkeypatch.context() as patience:
        patience.setattr(s3, "client", impatient)
        with pytest.raises(CannotSync, match=line) as refused:
            sync(s3, hub.address)
    assert "\n" not in str(refused.value)
    s3.refuse = lambda *_: False
    assert "manifest.json" not in s3.contents(FOLDER)
    sync(s3, hub.address)
    assert_whole(s3)


def test_no_bucket_is_told_with_what_makes_it(s3, hub):
    with pytest.raises(CannotSync, match="there is no bucket nobodys; aws s3 mb s3://nobodys"):
        bring(
            Checkpoint(repository=hub_server.REPOSITORY, revision=hub_server.COMMIT),
            "nobodys",
            hub.address,
            client=s3.client,
            progress=Said(),
            stopping=threading.Event(),
            pace=PACE,
        )


def test_an_end_by_a_person_keeps_what_is_whole(s3, hub):
    stopping, ticks = threading.Event(), iter(range(12))
    hub.tick = lambda: stopping.set() if next(ticks, None) is None else None
    with pytest.raises(Stopped):
        sync(s3, hub.address, stopping=stopping)
    hub.tick = lambda: None
    before = sum(count for _, _, count in hub.served)
    sync(s3, hub.address)
    assert_whole(s3)
    total = sum(count for _, _, count in hub.served)
    # What was on its way when it was ended is all that is read twice.
    assert before < total <= sum(map(len, WANTED.values())) + PACE.files * PACE.parts * PART


def test_what_somebody_copied_by_hand_is_verified_and_kept(s3, hub):
    for name, content in WANTED.items():
        wrong = name == SHARD
        s3.client.put_object(
            Bucket=s3.bucket, Key=f"{FOLDER}/{name}", Body=content[::-1] if wrong else content
        )
    sync(s3, hub.address)
    assert_whole(s3)
    assert {name for name, _, _ in hub.served} == {SHARD}


def test_an_upload_that_another_client_left_is_not_mixed_with_ours(s3, hub):
    at = {"Bucket": s3.bucket, "Key": f"{FOLDER}/{SHARD}"}
    begun = s3.client.create_multipart_upload(**at, ChecksumAlgorithm="SHA256")
    s3.client.upload_part(
        **at,
        UploadId=begun["UploadId"],
        PartNumber=1,
        Body=b"0" * PART,
        ChecksumAlgorithm="SHA256",
    )
    sync(s3, hub.address)
    assert_whole(s3)


def test_an_object_that_changed_since_it_was_verified_is_not_trusted(s3, hub):
    sync(s3, hub.address)
    hub.served.clear()
    s3.client.put_object(Bucket=s3.bucket, Key=f"{FOLDER}/{SHARD}", Body=MODEL[SHARD][::-1])
    sync(s3, hub.address)
    assert_whole(s3)
    assert {name for name, _, _ in hub.served} == {SHARD}


def test_another_revision_does_not_slip_under_running_servers(s3, hub):
    sync(s3, hub.address)
    manifest = s3.contents(FOLDER)["manifest.json"]
    content = json.loads(manifest) | {"revision": 40 * "1"}
    content["files"].append(content["files"][0] | {"name": "old.safetensors"})
    s3.client.put_object(Bucket=s3.bucket, Key=f"{FOLDER}/old.safetensors", Body=b"old")
    s3.client.put_object(
        Bucket=s3.bucket, Key=f"{FOLDER}/manifest.json", Body=json.dumps(content).encode()
    )
    with pytest.raises(CannotSync, match=f"holds revision {40 * '1'}.*--replace puts"):
        sync(s3, hub.address)
    hub.served.clear()
    sync(s3, hub.address, replace=True)
    assert_whole(s3)
    # What both revisions have is not read again.
    assert hub.served == []


def downloaded(tmp_path):
    """As `hf download --local-dir` leaves it."""
    hub_server.written(WANTED, tmp_path / FOLDER)
    kept = tmp_path / FOLDER / ".cache" / "huggingface" / "download"
    kept.mkdir(parents=True)
    teller = hub_server.HubServer(MODEL)
    for name in WANTED:
        told = teller.entry(name)
        etag = told.get("lfs", told)["oid"]
        (kept / f"{name}.metadata").write_text(f"{hub_server.COMMIT}\n{etag}\n1.0\n")
    teller.close()
    return tmp_path


def test_a_folder_that_was_downloaded_brings_the_hubs_hashes_along(s3, hub, tmp_path):
    sync(s3, downloaded(tmp_path))
    assert_whole(s3)
    manifest = manifest_in(s3)
    assert (manifest.revision, manifest.unverified) == (hub_server.COMMIT, ())
    assert hub.served == []


def test_a_folder_that_rotted_is_refused(s3, hub, tmp_path):
    path = downloaded(tmp_path) / FOLDER / SHARD
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(CannotSync, match=f"{SHARD}: 3 times"):
        sync(s3, tmp_path)


def test_files_without_hashes_are_brought_and_called_unverified(s3, hub, tmp_path):
    sync(s3, hub_server.written(WANTED, tmp_path))
    assert set(manifest_in(s3).unverified) == set(WANTED)
    # With the hub's word they are verified where they lie, and nothing is brought again.
    sync(s3, hub.address, replace=True)
    assert manifest_in(s3).unverified == ()
    assert hub.served == []


def test_a_bucket_is_filled_from_another_with_the_hashes_of_its_manifest(s3, hub):
    sync(s3, hub.address)
    hub.served.clear()
    s3.client.create_bucket(
        Bucket="inside", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    bring(
        Checkpoint(repository=hub_server.REPOSITORY, revision="main"),
        "inside",
        f"s3://{s3.bucket}",
        client=s3.client,
        progress=Said(),
        stopping=threading.Event(),
        pace=PACE,
    )
    found = s3.client.get_object(Bucket="inside", Key=f"{FOLDER}/manifest.json")["Body"].read()
    manifest = parse_manifest(found)
    assert (manifest.revision, manifest.unverified) == (hub_server.COMMIT, ())
    assert manifest.source == f"s3://{s3.bucket}/{FOLDER}"
    assert hub.served == []


def test_a_source_that_lacks_a_shard_is_refused_before_anything_is_brought(s3, hub, tmp_path):
    missing = {name: content for name, content in WANTED.items() if name != SHARD}
    with pytest.raises(CannotSync, match=f"{SHARD} of its index not there"):
        sync(s3, hub_server.written(missing, tmp_path))
    assert s3.contents(FOLDER) == {}
    with pytest.raises(CannotSync, match="no such folder; write --from"):
        sync(s3, tmp_path / "nowhere")


def test_memory_holds_a_few_parts_and_no_file():
    assert Pace().memory <= 256 << 20
