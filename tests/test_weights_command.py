"""`r1 weights` says what of a stack's weights is in the bucket; sync brings what is not."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import yaml
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.cli import main
from r1_on_eks.operations.account import Account
from r1_on_eks.operations.weights.bucket import Object
from r1_on_eks.operations.weights.manifest import Entry, Manifest, parse_manifest
from r1_on_eks.operations.weights.presence import presence_of, weights_present
from r1_on_eks.stack_file import plan_of

PROJECT = Path(__file__).parent.parent
CHECKPOINT = VARIANTS["1.5b"].published


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub_server, s3_server = beside("hub_server"), beside("s3_server")
BUCKET = plan_of("edge-1.5b", PROJECT / "stacks").bucket


@pytest.fixture(scope="module")
def s3():
    with pytest.MonkeyPatch.context() as environment:
        server = s3_server.S3Server(BUCKET, environment)
        yield server
        server.close()


@pytest.fixture
def hub(s3, tmp_path, monkeypatch):
    s3.empty()
    shutil.copy(PROJECT / "Pulumi.yaml", tmp_path)
    shutil.copytree(PROJECT / "stacks", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    server = hub_server.HubServer(hub_server.model(elements=2_000))
    yield server
    server.close()


def shown(capsys, *words):
    status = main(["weights", *words])
    return status, *capsys.readouterr()


def test_absent_then_brought_then_complete(s3, hub, capsys):
    status, out, _ = shown(capsys, "edge-1.5b")
    assert status == 1
    assert f"{hub_server.REPOSITORY} @ unpinned" in out
    assert "absent" in out
    assert "MIT, Apache-2.0" in out
    status, out, err = shown(capsys, "sync", "edge-1.5b", "--from", hub.address, "--json")
    assert status == 0, err
    (brought,) = json.loads(out)
    assert (brought["revision"], brought["licence"]) == (hub_server.COMMIT, "mit")
    assert (brought["files"], brought["unverified"]) == (9, [])
    assert "3.3 GiB where nothing is there yet: 0 min at 1 Gbit/s, then $0.08 a month in S3" in err
    assert err.index("a month in S3") < err.index("complete: 9 files")
    status, out, _ = shown(capsys, "edge-1.5b")
    assert status == 0
    assert "complete, 9 files" in out
    assert f"of revision {hub_server.COMMIT}" in out
    assert "gateway endpoint $0, through NAT $0.1" in out


def test_what_the_clusters_own_job_pays_for_nat_is_told(s3, hub, capsys):
    assert "the cluster's Job" not in shown(capsys, "edge-1.5b")[1]
    assert "onto FSx" not in shown(capsys, "edge-1.5b")[1]
    assert "onto FSx       55 min at most, before any GPU" in shown(capsys, "prod-671b")[1]
    path = Path("stacks/Pulumi.edge-1.5b.yaml")
    content = yaml.safe_load(path.read_text())
    content["config"]["r1-on-eks:stack"]["weights"]["sync_from"] = "hub"
    path.write_text(yaml.safe_dump(content))
    assert "the cluster's Job brings it through NAT, once: $0.15" in shown(capsys, "edge-1.5b")[1]


def test_a_pinned_revision_is_what_is_asked_for(s3, hub, capsys):
    pins = {"revisions": {hub_server.REPOSITORY: 40 * "0"}}
    Path("stacks/pins.yaml").write_text(json.dumps(pins))
    status, _, err = shown(capsys, "sync", "edge-1.5b", "--from", hub.address)
    assert status == 1
    assert "the hub does not know it (404); is the pinned revision still there?" in err
    assert json.loads(shown(capsys, "edge-1.5b", "--json")[1])[0]["revision"] == 40 * "0"


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["sync"], 2, "name one stack"),
        (["no-such"], 2, "no stacks/Pulumi.no-such.yaml"),
        (["sync", "edge-1.5b", "test-7b"], 2, "name one stack"),
        (["sync", "edge-1.5b", "--variant", "70b"], 1, "--variant 70b: edge-1.5b has 1.5b"),
        (["sync", "edge-1.5b", "--from", "/nowhere"], 1, "/nowhere: no such folder"),
    ],
)
def test_what_cannot_be_done_is_one_line(s3, hub, capsys, words, status, line):
    found, _, err = shown(capsys, *words)
    assert (found, err.count("\n")) == (status, 1)
    assert line in err.replace(str(Path.cwd()) + "/", "")


def test_a_bucket_that_is_not_there_still_shows_the_rest(s3, hub, capsys):
    s3.client.delete_bucket(Bucket=BUCKET)
    status, out, err = shown(capsys, "edge-1.5b")
    assert status == 1
    assert "NoSuchBucket" in err
    assert "licence" in out


def test_another_command_can_ask(s3, hub, capsys):
    shown(capsys, "sync", "edge-1.5b", "--from", hub.address)
    found = weights_present(Account("us-west-2"), BUCKET, CHECKPOINT)
    assert (found.state, len(found.complete), found.revision) == (
        "complete", 9, hub_server.COMMIT,
    )  # fmt: skip


def entry(name, *, verified=True):
    return Entry(
        name=name, size=7, sha256="", source_digest="sha256:1" if verified else "", etag="of-ours"
    )


def manifest(*entries):
    return Manifest(
        repository="r", revision="1", licence="mit", source="s",
        files={one.name: one for one in entries},
    )  # fmt: skip


GOOD = Object(size=7, etag="of-ours")
NAMES = ("a.safetensors", "b.safetensors", "config.json")
ALL = manifest(*(entry(name) for name in NAMES))
HERE = dict.fromkeys(NAMES, GOOD)


@pytest.mark.parametrize(
    ("objects", "whole", "partial", "state", "told"),
    [
        ({}, None, None, "absent", "absent"),
        (HERE, ALL, None, "complete", "complete, 3 files"),
        (HERE | {"x.safetensors": GOOD}, ALL, None, "complete", "complete, 3 files"),
        ({"config.json": GOOD}, ALL, None, "incomplete", "1 of 3 files"),
        ({}, ALL, None, "incomplete", "0 of 3 files"),
        (HERE | {"a.safetensors": Object(size=6, etag="x")}, ALL, None, "incomplete",
         "2 of 3 files"),
        (HERE | {"a.safetensors": Object(size=7, etag="x")}, ALL, None, "incomplete",
         "2 of 3 files"),
        (HERE, manifest(entry("config.json", verified=False)), None, "unverified",
         "1 files, 1 without the hub's hash"),
        (HERE, None, manifest(entry("config.json")), "under way", "under way, 1 files verified"),
    ],
    ids=["nothing", "all", "others beside", "two missing", "all missing", "cut short",
         "overwritten", "no hash known", "under way"],
)  # fmt: skip
def test_presence_is_what_manifest_and_listing_agree_on(objects, whole, partial, state, told):
    found = presence_of(CHECKPOINT, objects, whole, partial)
    assert (found.state, found.told) == (state, told)


def test_files_that_are_wrong_are_named_by_how():
    objects = HERE | {
        "a.safetensors": Object(size=6, etag="x"),
        "b.safetensors": Object(size=7, etag="x"),
    }
    del objects["config.json"]
    found = presence_of(CHECKPOINT, objects, ALL, None)
    assert (found.wrong_size, found.changed, found.missing) == (
        ("a.safetensors",), ("b.safetensors",), ("config.json",),
    )  # fmt: skip
    assert found.lacks == (
        "missing config.json", "cut short or too long a.safetensors",
        "not what was verified b.safetensors",
    )  # fmt: skip


def test_a_verified_checkpoint_lacks_nothing_and_one_under_way_does():
    assert presence_of(CHECKPOINT, HERE, ALL, None).lacks == ()
    under_way = presence_of(CHECKPOINT, HERE, None, manifest(entry("config.json")))
    assert under_way.lacks == ("under way, 1 files verified",)


def test_files_without_a_manifest_are_judged_by_name_and_called_unverified():
    found = presence_of(CHECKPOINT, {"model-00001-of-00002.safetensors": GOOD}, None, None)
    assert found.state == "unverified"
    assert "missing model-00002-of-00002.safetensors" in found.told


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2, "files": []}', "\xff"])
def test_what_is_no_manifest_of_ours_is_none(text):
    assert parse_manifest(text.encode("latin-1")) is None


def test_a_manifest_is_read_as_it_was_written():
    assert parse_manifest(ALL.written()) == ALL
