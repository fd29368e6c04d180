"""How fast weights come from a hub into S3, beside `hf download` and `aws s3 cp` after it.

    pip install huggingface_hub          # `hf`, in any environment on the PATH
    python benchmarks/weights.py [MIB [ROUNDS]]

All in one run, one after another in each round, against the same hub stand-in and moto's S3, each
in a process of its own. Prints seconds, and of ratios the median, the least and the most of all
rounds: above 1, `r1 weights sync` is faster. The servers are in Python and set the pace: what the
ratio shows is what is done at the same time instead of one after the other. Processor seconds of
the client alone are the same on a machine that is busy with something else.

All have S3 check a CRC of what arrives. `r1 weights sync` besides holds the SHA-256 of each file
against the hub's, and reads no byte twice for it; `aws s3 cp` and `hf download` hash no content.
"""

import importlib.util
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent / "tests"
_ROUNDS = 7
_SHARDS = 4
_BUCKET = "benchmark"


def main(argv: list[str]) -> int:
    """Prints the table; with `hub` or `s3` it is that server."""
    if argv[:1] in (["hub"], ["s3"]):
        return _serve(argv[0], int(argv[1]))
    mib = int(argv[0]) if argv else 256
    rounds = int(argv[1]) if len(argv) > 1 else _ROUNDS
    hf = shutil.which("hf")
    if hf is None:
        print("benchmarks/weights.py: needs hf: pip install huggingface_hub", file=sys.stderr)
        return 2
    with _server("hub", mib) as hub, _server("s3", mib) as s3, tempfile.TemporaryDirectory() as at:
        environment = os.environ | {
            "HF_ENDPOINT": hub, "HF_HOME": f"{at}/hf", "HF_HUB_DISABLE_XET": "1",
            "AWS_ENDPOINT_URL": s3, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-west-2",
        }  # fmt: skip
        measured = _measured(hf, hub, Path(at), environment, rounds)
    print(f"{mib} MiB in {_SHARDS} files, {rounds} rounds, median:")
    for name, seconds in measured.items():
        middle = statistics.median(one.passed for one in seconds)
        busy = statistics.median(one.busy for one in seconds)
        print(
            f"  {name:42}{middle:7.2f} s  {mib / middle:7.0f} MiB/s {busy:7.2f} s of a processor"
        )
    hub_way, folder_way = "hf download, then aws s3 cp", "aws s3 cp"
    print("r1 weights sync is")
    print(f"  {_ratio(measured[hub_way], measured['r1 weights sync'])} as fast as {hub_way}")
    folder = measured["r1 weights sync --from DIR"]
    print(f"  from a folder {_ratio(measured[folder_way], folder)} as fast as {folder_way}")
    return 0


@dataclass(frozen=True)
class Seconds:
    """Of one command: until it ended, and of a processor."""

    passed: float
    busy: float

    def __add__(self, other: "Seconds") -> "Seconds":
        return Seconds(self.passed + other.passed, self.busy + other.busy)


def _ratio(theirs: list[Seconds], ours: list[Seconds]) -> str:
    found = sorted(one.passed / other.passed for one, other in zip(theirs, ours, strict=True))
    best = min(one.passed for one in theirs) / min(one.passed for one in ours)
    return (
        f"{statistics.median(found):.2f} times ({found[0]:.2f} to {found[-1]:.2f};"
        f" best against best {best:.2f})"
    )


def _measured(
    hf: str, hub: str, at: Path, environment: dict[str, str], rounds: int
) -> dict[str, list[Seconds]]:
    repository = _beside("hub_server").REPOSITORY
    aws = str(Path(sys.executable).with_name("aws"))
    folder = at / repository.rpartition("/")[2]

    def run(*command: str, **more: str) -> None:
        subprocess.run(command, env=environment | more, check=True, capture_output=True)

    def download() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        # What `r1 weights sync` takes, and nothing else.
        run(hf, "download", repository, "--local-dir", str(folder), "--include", "*.safetensors",
            "--include", "*.json", "--exclude", "original/*")  # fmt: skip

    def copy() -> None:
        run(aws, "s3", "cp", "--recursive", "--quiet", "--exclude", ".cache/*", str(folder),
            f"s3://{_BUCKET}/{folder.name}/")  # fmt: skip

    def sync(given: str) -> None:
        wanted: dict[str, Any] = {
            "bucket": _BUCKET, "region": "us-west-2", "from": given,
            "checkpoints": [{"repository": repository, "revision": "main"}],
        }  # fmt: skip
        run(sys.executable, "-m", "r1_on_eks.operations.weights.job",
            R1_WEIGHTS=json.dumps(wanted))  # fmt: skip

    def emptied() -> None:
        run(aws, "s3", "rm", "--recursive", "--quiet", f"s3://{_BUCKET}/")

    found: dict[str, list[Seconds]] = {}
    for _ in range(rounds):
        one, two = _seconds(download), _seconds(copy)
        emptied()
        ours = _seconds(lambda: sync(hub))
        emptied()
        from_folder = _seconds(lambda: sync(str(at)))
        emptied()
        for name, seconds in {
            "hf download": one,
            "aws s3 cp": two,
            "hf download, then aws s3 cp": one + two,
            "r1 weights sync": ours,
            "r1 weights sync --from DIR": from_folder,
        }.items():
            found.setdefault(name, []).append(seconds)
    return found


def _seconds(work: Callable[[], None]) -> Seconds:
    began, before = time.perf_counter(), _busy()
    work()
    return Seconds(time.perf_counter() - began, _busy() - before)


def _busy() -> float:
    """Of all commands that have ended: the servers run on."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _server(which: str, mib: int) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, __file__, which, str(mib)],
        stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout
        assert server.stdin
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def _serve(which: str, mib: int) -> int:
    """Prints its address and serves until its standard input ends."""
    if which == "hub":
        module = _beside("hub_server")
        files = module.model(shards=_SHARDS, elements=mib * 2**19 // _SHARDS)
        server = module.HubServer(files)
        # As of the hub, its storage has another name: hf does not follow to the same one.
        server.stored_at = server.address.replace("127.0.0.1", "localhost")
    else:
        import pytest

        # Its patches last as long as this process.
        server = _beside("s3_server").S3Server(_BUCKET, pytest.MonkeyPatch())
    print(server.address, flush=True)
    sys.stdin.read()
    server.close()
    return 0


def _beside(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
