"""The file system of a stack: which size, why that, and how it is filled."""

import hashlib
import json
import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from r1_on_eks.catalog.file_systems import TIERS
from r1_on_eks.operations.weights.manifest import Entry, Manifest
from r1_on_eks.plan import NotPinned
from r1_on_eks.plan.layout import Layout
from r1_on_eks.plan.placement import DoesNotFit, place
from r1_on_eks.plan.preload import WRONG_CONTENT, preload_of
from r1_on_eks.plan.server import MOUNT
from r1_on_eks.plan.storage import replacement_told, sized, storage_of
from r1_on_eks.stack_config import FileSystem, Weights


def weights(load_minutes=15.0, **fsx):
    return Weights.model_validate(
        {"bucket": "ours", "storage": "fsx", "load_minutes": load_minutes, "fsx": fsx or None}
    )


def placed(variant, instance, split, replicas=1):
    return place(
        variant,
        Layout(
            instance=instance,
            tensor_parallel=split,
            context=8192,
            concurrency=1,
            replicas=replicas,
        ),
    )


SEVENTY = placed("70b", "p4d.24xlarge", 8)
FULL = placed("671b", "p5en.48xlarge", 8)
SMALL = placed("1.5b", "g6.xlarge", 1)


@pytest.mark.parametrize(
    ("minutes", "placements", "size", "decided_by"),
    [
        (15, [SMALL], (1200, 125), "the least that FSx sells"),
        (15, [SEVENTY], (1200, 250), "load_minutes: 15"),
        (20, [SEVENTY], (1200, 125), "the least that FSx sells"),
        (5, [SEVENTY], (1200, 500), "load_minutes: 5"),
        (15, [FULL], (1200, 1000), "load_minutes: 15"),
        (120, [FULL], (1200, 125), "the least that FSx sells"),
        (120, [FULL, placed("671b", "p6-b200.48xlarge", 8), SEVENTY], (1200, 250),
         "load_minutes: 120"),
    ],
)  # fmt: skip
def test_the_cheapest_that_holds_the_weights_and_reads_them_in_time_is_taken(
    minutes, placements, size, decided_by
):
    wanted = weights(minutes)
    found = sized(wanted, placements, None)
    assert (found.capacity_gib, found.mbps_per_tib) == size
    storage = storage_of(wanted, placements, found)
    assert storage.decided_by == decided_by
    assert storage.read_minutes <= minutes


def test_weights_decide_where_they_fill_more_than_the_least():
    # Both checkpoints of the full model beside each other: 955 GiB, and a tenth of room.
    quantized = place("671b", Layout(instance="p4de.24xlarge", tensor_parallel=8, context=8192,
                                     concurrency=1, precision="int4"))  # fmt: skip
    others = [placed("70b", "p4d.24xlarge", 8), placed("32b", "p4d.24xlarge", 4)]
    found = sized(weights(120), [FULL, quantized, *others], None)
    assert found.capacity_gib == 2400
    storage = storage_of(weights(120), [FULL, quantized, *others], found)
    assert storage.decided_by == "the weights"


@settings(max_examples=60)
@given(st.floats(1.0, 120.0), st.lists(st.sampled_from([SEVENTY, FULL, SMALL]), min_size=1))
def test_nothing_cheaper_that_is_sold_would_do(minutes, placements):
    wanted = weights(minutes)
    found = sized(wanted, placements, None)
    cost = {(tier.deployment, tier.mbps_per_tib): tier.usd_per_gb_month for tier in TIERS}
    paid = cost[found.deployment, found.mbps_per_tib] * found.capacity_gib
    for speed in (125, 250, 500, 1000):
        for capacity in (1200, 2400, 4800, 7200):
            if cost["PERSISTENT_2", speed] * capacity < paid - 1e-6:
                cheaper = FileSystem(capacity_gib=capacity, mbps_per_tib=speed)
                with pytest.raises(DoesNotFit):
                    storage_of(wanted, placements, cheaper)


def test_what_stands_grows_and_keeps_its_speed():
    stands = FileSystem(capacity_gib=1200, mbps_per_tib=250)
    grown = sized(weights(), [SEVENTY, FULL], stands)
    assert grown.mbps_per_tib == 250
    assert grown.capacity_gib == 4800
    shrunk = sized(weights(), [SMALL], grown)
    assert shrunk == grown
    assert "only grows" in storage_of(weights(), [SMALL], shrunk).decided_by


@pytest.mark.parametrize(
    ("wanted", "placements", "pinned", "line"),
    [
        (weights(120, capacity_gib=1200, mbps_per_tib=1000),
         [FULL, place("671b", Layout(instance="p4de.24xlarge", tensor_parallel=8, context=8192,
                                     concurrency=1, precision="int4")),
          SEVENTY, placed("32b", "p4d.24xlarge", 4)], None,
         "weights.fsx.capacity_gib: 1200 GiB do not hold 1147 GiB of weights and a tenth of room;"
         " 2400 do"),
        (weights(capacity_gib=1200), [SEVENTY], FileSystem(capacity_gib=2400, mbps_per_tib=250),
         "weights.fsx.capacity_gib: 1200, but 2400 stand, and a file system only grows; a smaller"
         " one replaces it: take file_system out of the stack's placements to do so"),
        (weights(5, capacity_gib=1200, mbps_per_tib=250), [SEVENTY], None,
         "weights.load_minutes: 5, but reading 131 GiB from 1200 GiB × 250 MB/s per TiB takes 8.0"
         " min; write load_minutes: 9, or fsx: {capacity_gib: 2400}"),
        (weights(1, capacity_gib=4800, mbps_per_tib=1000), [placed("8b", "g6e.xlarge", 1),
                                                            placed("14b", "g6e.xlarge", 1)], None,
         "weights.load_minutes: 1, but reading 42 GiB takes 1.6 min over the network of g6e.xlarge"
         " (14b); write load_minutes: 2, or take a larger instance"),
    ],
    ids=["too small", "shrinks", "too slow", "slow network"],
)  # fmt: skip
def test_a_size_that_does_not_do_is_refused_with_its_numbers(wanted, placements, pinned, line):
    with pytest.raises(DoesNotFit) as refused:
        storage_of(wanted, placements, pinned)
    assert str(refused.value) == line


@pytest.mark.parametrize(
    ("fixed", "told"),
    [
        (
            {"mbps_per_tib": 500},
            "PERSISTENT_2 of 500 MB/s per TiB in place of PERSISTENT_2 of 250",
        ),
        ({"deployment": "SCRATCH_2"}, "SCRATCH_2 of 200 MB/s per TiB in place of PERSISTENT_2"),
        ({"capacity_gib": 4800}, ""),
        ({}, ""),
    ],
)
def test_a_change_that_replaces_the_file_system_is_told(fixed, told):
    stands = FileSystem(capacity_gib=2400, mbps_per_tib=250)
    said = replacement_told(storage_of(weights(**fixed), [SEVENTY], stands))
    assert told in said
    assert bool(told) == bool(said)


def test_a_fixed_size_that_does_not_do_is_refused_when_it_is_decided_too():
    with pytest.raises(DoesNotFit, match="load_minutes: 2, but reading 131 GiB"):
        sized(weights(2, capacity_gib=1200), [SEVENTY], None)


def test_deciding_anew_does_not_shrink_what_stands_either():
    stands = FileSystem(capacity_gib=2400, mbps_per_tib=250)
    with pytest.raises(DoesNotFit, match="1200, but 2400 stand"):
        sized(weights(capacity_gib=1200), [SEVENTY], stands)


def test_a_speed_is_of_the_type_that_has_speeds():
    stands = FileSystem(deployment="SCRATCH_2", capacity_gib=2400)
    found = sized(weights(mbps_per_tib=250), [SEVENTY], stands)
    assert found == FileSystem(capacity_gib=2400, mbps_per_tib=250)
    assert storage_of(weights(mbps_per_tib=250), [SEVENTY], stands).file_system == found
    with pytest.raises(NotPinned):
        storage_of(weights(deployment="PERSISTENT_2"), [SEVENTY], stands)


def test_a_size_that_nobody_decided_is_not_guessed():
    with pytest.raises(NotPinned):
        storage_of(weights(), [SEVENTY], None)
    assert storage_of(weights(capacity_gib=1200, mbps_per_tib=250), [SEVENTY], None)


def test_streamed_weights_have_no_file_system():
    streamed = Weights(bucket="ours", storage="s3-stream")
    assert storage_of(streamed, [SEVENTY], None) is None
    assert sized(streamed, [SEVENTY], None) is None
    assert preload_of(SEVENTY, streamed) is None


def run(script, tmp_path):
    """The script with a folder in place of the mount, in a shell of this machine."""
    return subprocess.run(
        ["sh", "-c", script.replace(MOUNT, str(tmp_path))],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "DeepSeek-R1-Distill-Qwen-1.5B"
    found.mkdir()
    return found


def test_every_file_of_a_variant_is_read(tmp_path, folder):
    (folder / "inside").mkdir()
    for name in ("model 1.safetensors", "config.json", "inside/more.safetensors"):
        (folder / name).write_text("x")
    script = preload_of(SMALL, weights()).script
    ran = run(script.replace("head -c 1 > /dev/null", "echo"), tmp_path)
    assert sorted(ran.stdout.splitlines()) == [
        "./config.json", "./inside/more.safetensors", "./model 1.safetensors"
    ]  # fmt: skip
    ran = run(script, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("there", [False, True], ids=["no folder", "no weights in it"])
def test_an_empty_bucket_is_said_before_gpus_are_paid_for(there, tmp_path, folder):
    if there:
        (folder / "config.json").write_text("{}")
    else:
        folder.rmdir()
    ran = run(preload_of(SMALL, weights()).script, tmp_path)
    assert ran.returncode == 1
    assert ran.stderr == (
        "s3://ours/DeepSeek-R1-Distill-Qwen-1.5B holds no safetensors; fill the bucket first\n"
    )


def manifest_of(folder):
    """As `r1 weights sync` writes it."""
    entries = {
        path.name: Entry(
            name=path.name,
            size=path.stat().st_size,
            source_digest="x",
            etag="",
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.iterdir()
    }
    return Manifest(
        repository="of/ours", revision="", licence="mit", source="hub", files=entries
    ).written()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (lambda shard: shard.unlink(), "model 2.safetensors: no bytes there, 7 wanted"),
        (lambda shard: shard.write_bytes(b"cut"), "model 2.safetensors: 3 bytes there, 7 wanted"),
    ],
    ids=["missing", "cut short"],
)
def test_files_are_held_against_the_manifest_before_gpus_are_paid_for(
    tmp_path, folder, broken, line
):
    for name in ("model 1.safetensors", "model 2.safetensors", "config.json"):
        (folder / name).write_bytes(b"weights")
    (folder / "manifest.json").write_text(manifest_of(folder))
    script = preload_of(SMALL, weights()).script
    assert run(script, tmp_path).returncode == 0
    broken(folder / "model 2.safetensors")
    ran = run(script, tmp_path)
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        line,
        f"s3://ours/DeepSeek-R1-Distill-Qwen-1.5B is not complete: 1 wrong, the first is {line};"
        " r1 weights sync mends it",
    ]


HASHED = weights().model_copy(update={"verify": "hashes"})
SHARD = "model 2.safetensors"


@pytest.mark.parametrize(
    ("broken", "status", "line"),
    [
        (None, 0, ""),
        (b"WEIGHTS", WRONG_CONTENT,
         "s3://ours/DeepSeek-R1-Distill-Qwen-1.5B/model 2.safetensors: its SHA-256 on the file"
         " system is "),
        (b"cut", 1, "model 2.safetensors: 3 bytes there, 7 wanted"),
    ],
    ids=["good", "corrupt", "short"],
)  # fmt: skip
def test_who_asks_has_every_file_hashed(tmp_path, folder, broken, status, line):
    names = ["config.json", "model 1.safetensors", SHARD]
    for name in names:
        (folder / name).write_bytes(b"weights")
    (folder / "manifest.json").write_text(manifest_of(folder))
    if broken:
        (folder / SHARD).write_bytes(broken)
    ran = run(preload_of(SMALL, HASHED).script, tmp_path)
    assert ran.returncode == status
    assert ran.stderr.startswith(line)
    # A short file is known before anything is read; of a corrupt one, the others are read, too.
    said = sorted(f"{name}: SHA-256 as in manifest.json" for name in names)
    told = {None: said, b"WEIGHTS": said[:2], b"cut": []}[broken]
    assert sorted(ran.stdout.splitlines()[1:]) == told
    if broken == b"WEIGHTS":
        named, whole = ran.stderr.splitlines()
        assert hashlib.sha256(broken).hexdigest() in named
        assert named.endswith("and r1 weights sync brings it anew")
        assert "holds files with another SHA-256 than its manifest.json says" in whole
        # Who did not ask is not told.
        assert run(preload_of(SMALL, weights()).script, tmp_path).returncode == 0


def test_a_full_disk_is_nothing_to_what_writes_to_none(tmp_path, folder):
    (folder / SHARD).write_bytes(b"weights")
    (folder / "manifest.json").write_text(manifest_of(folder))
    ran = run(f"ulimit -f 0\n{preload_of(SMALL, HASHED).script}", tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_without_a_manifest_there_is_nothing_to_hold_hashes_against(tmp_path, folder):
    (folder / SHARD).write_bytes(b"weights")
    ran = run(preload_of(SMALL, HASHED).script, tmp_path)
    assert ran.returncode == WRONG_CONTENT
    assert "no manifest.json to hold hashes against; r1 weights sync writes it" in ran.stderr


def test_a_file_that_cannot_be_hashed_is_tried_again(tmp_path, folder):
    (folder / SHARD).write_bytes(b"weights")
    (folder / "manifest.json").write_text(manifest_of(folder))
    broken = preload_of(SMALL, HASHED).script.replace("sha256sum", "false")
    assert run(broken, tmp_path).returncode == 1


def test_a_manifest_that_has_no_hash_of_a_file_does_not_pass(tmp_path, folder):
    (folder / SHARD).write_bytes(b"weights")
    written = manifest_of(folder)
    hashed = hashlib.sha256(b"weights").hexdigest()
    (folder / "manifest.json").write_text(written.replace(hashed, ""))
    assert run(preload_of(SMALL, HASHED).script, tmp_path).returncode == WRONG_CONTENT


def test_hashes_have_their_hours():
    longer = preload_of(FULL, HASHED).limit_seconds - preload_of(FULL, weights()).limit_seconds
    # What the documentation says it takes, on a node that nothing else uses.
    documented = FULL.checkpoint.weight_bytes / 0.1e9
    assert documented == pytest.approx(2 * 3600, rel=0.1)
    assert 2 * documented < longer < 4 * documented


def test_a_transfer_that_has_not_ended_is_said(tmp_path, folder):
    (folder / "model.safetensors").write_text("x")
    (folder / "manifest.partial.json").write_text(manifest_of(folder))
    ran = run(preload_of(SMALL, weights()).script, tmp_path)
    assert ran.returncode == 1
    assert "is not complete: r1 weights sync has not ended" in ran.stderr


def test_without_a_manifest_the_shards_of_the_index_must_be_there(tmp_path, folder):
    shards = [f"model-{number:05}-of-00002.safetensors" for number in (1, 2)]
    index = {"weight_map": {f"layer.{number}": shard for number, shard in enumerate(shards)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for shard in shards:
        (folder / shard).write_text("x")
    script = preload_of(SMALL, weights()).script
    assert run(script, tmp_path).returncode == 0
    (folder / shards[1]).unlink()
    ran = run(script, tmp_path)
    assert ran.returncode == 1
    assert f"{shards[1]}: no bytes there" in ran.stderr


def test_after_a_job_that_fills_the_bucket_the_file_system_may_be_a_little_late(tmp_path, folder):
    folder.rmdir()
    synced = weights().model_copy(update={"sync_from": "hub"})
    script = preload_of(SMALL, synced).script.replace("sleep 5", "sleep 0.1")
    (hidden := tmp_path / "hidden").mkdir()
    (hidden / "model.safetensors").write_text("x")
    (hidden / "manifest.json").write_text(manifest_of(hidden))
    late = f"(sleep 0.3; mv '{hidden}' '{folder}') & {script}"
    assert run(late, tmp_path).returncode == 0


def test_a_manifest_that_nobody_can_read_is_no_completeness(tmp_path, folder):
    (folder / "model.safetensors").write_text("x")
    (folder / "manifest.json").write_text("{}")
    ran = run(preload_of(SMALL, weights()).script, tmp_path)
    assert ran.returncode == 1
    assert "manifest.json names no file" in ran.stderr


def test_a_file_that_cannot_be_read_fails_it(tmp_path, folder):
    (folder / "model.safetensors").write_text("x")
    broken = preload_of(SMALL, weights()).script.replace("head -c 1", "false")
    ran = run(broken, tmp_path)
    assert ran.returncode == 1
    said = ran.stderr.splitlines()
    # Whether it is full: the table of df. A pod's status keeps the last line.
    assert "Use%" in said[0]
    assert said[-1] == (
        "FSx did not fetch all of s3://ours/DeepSeek-R1-Distill-Qwen-1.5B, see above"
    )


def test_a_job_is_another_one_for_another_checkpoint_alone():
    larger = weights(capacity_gib=4800, mbps_per_tib=1000)
    assert preload_of(SEVENTY, weights()) == preload_of(SEVENTY, larger)
    quantized = place("70b", Layout(instance="p4d.24xlarge", tensor_parallel=8, context=8192,
                                    concurrency=1, precision="int8"))  # fmt: skip
    names = [preload_of(one, weights()).name for one in (SEVENTY, quantized, SMALL)]
    names.append(preload_of(SEVENTY, HASHED).name)
    assert len({*names}) == 4
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,62}", name) for name in names)
