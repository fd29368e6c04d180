"""Makes the previews that the tests read, with the real engine in a rehearsal (some minutes).

python tools/preview_corpus               all of them
python tools/preview_corpus "discard"     this one anew, the others as they are

Writes tests/previews.tar.xz: a preview of each case of a small program, as the engine printed it.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
CORPUS = PROJECT / "tests" / "previews.tar.xz"
_R1 = str(Path(sys.executable).parent / "r1")


@dataclass(frozen=True)
class Case:
    """One preview.

    Attributes:
        changes: Of what stands.
        words: More words of `pulumi preview`.
        stands: Brought up before, and it stays.
        killed: An update whose engine dies in the middle comes after that: its fault.
    """

    changes: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    stands: dict[str, Any] | None = None
    killed: str = ""


_FIRST = "create everything"
_STEPS = ("--show-replacement-steps",)
_FASTER = {"mbps": 250, "first_delete": True}
_HALF = "die:before:create:aws:fsx/lustreFileSystem:LustreFileSystem"
# {vpc}, {address} and so on are of things that somebody else made.
CASES = {
    "update": Case({"days": 7}),
    "update nested": Case({"most": 5}),
    "update list element": Case({"disk": 100}),
    "update list longer": Case({"disks": 2}),
    "update secret": Case({"token": "two"}),
    "update grows storage": Case({"gib": 2400}),
    "update support": Case({"stays": True}),
    "replace node group": Case({"types": ["m7i.xlarge"]}),
    "replace node group, steps": Case({"types": ["m7i.xlarge"]}, _STEPS),
    "replace secret list element": Case({"types": ["m7i.xlarge"], "secret": True}),
    "replace unknown list element": Case({"unknown": True}),
    "replace bought as spot": Case({"way": "SPOT"}),
    "replace bought as a block": Case({"block": True}),
    "replace shrinks storage": Case({"gib": 1200}, stands={"gib": 2400}),
    "replace faster storage": Case({"mbps": 250}, stands={}),
    "replace storage, steps": Case({"mbps": 250}, _STEPS),
    "replace balancer": Case({"internal": False}),
    "replace before deleting": Case({"log": "/corpus/b"}),
    "replace after deleting": Case({"log": "/corpus/b", "first_delete": True}),
    "replace after deleting, steps": Case({"log": "/corpus/b", "first_delete": True}, _STEPS),
    "replace everything unknown": Case({"cidr": "10.8.0.0/16"}),
    "replace everything unknown, steps": Case({"cidr": "10.8.0.0/16", "unknown": True}, _STEPS),
    "create another": Case({"nats": 2}),
    "create list": Case({"addresses": 3, "endpoints": ["sts", "ec2"]}),
    "create unknown and secret": Case({"nats": 2, "secret": True}),
    "delete one": Case({"nats": 0}),
    "delete secret": Case({"addresses": 0}),
    "delete list": Case({"endpoints": []}),
    "delete everything": Case({"empty": True}),
    "renamed": Case({"renamed": True}),
    "renamed and updated": Case({"renamed": True, "token": "two"}),
    "moved": Case({"moved": True}),
    "moved and updated": Case({"moved": True, "token": "two"}),
    "read": Case({"read": "{vpc}"}),
    "import": Case({"imported": "{address}"}),
    "import and update": Case({"imported": "{address}", "nats": 2}),
    "target": Case({"nats": 2, "days": 7}, ("--target", "**LogGroup::logs")),
    "retained": Case({"addresses": 0}, stands={"kept": True}),
    "read again": Case({}, stands={"read": "{vpc}"}),
    "read another": Case({"read": "{other}"}),
    "replace imported": Case({"imported": "{second}"}, stands={"imported": "{address}"}),
    "same": Case(stands={}),
    "refresh": Case({}, ("--refresh",)),
    "replace secret list element, steps": Case(
        {"types": ["m7i.xlarge"], "secret": True}, _STEPS
    ),
    "read entry": Case({"entry": "read", "guessed": True}),
    "import entry": Case({"entry": "imported", "guessed": True}),
    "discard": Case({"entry": None}, stands={"entry": "read"}),
    "replace what was read": Case({"entry": "made"}),
    "replace what was read, steps": Case({"entry": "made", "guessed": True}, _STEPS),
    "replace imported entry, steps": Case(
        {"who": "further", "guessed": True}, _STEPS, stands={"entry": "imported"}
    ),
    "replace by reading": Case({"entry": "read", "who": "further"}),
    "replace by reading, steps": Case(
        {"entry": "read", "who": "further", "guessed": True}, _STEPS
    ),
    "replace secret entry, steps": Case({"own": "other"}, _STEPS, stands={"entry": "made"}),
    "replace half done": Case(_FASTER, stands={}, killed=_HALF),
    "replace half done, steps": Case(_FASTER, _STEPS),
    "remove half replaced": Case({"files": False}, _STEPS),
}  # fmt: skip
# What follows an engine that died.
_HALF_DONE = {"replace half done", "replace half done, steps", "remove half replaced"}


class Clone:
    """A copy of the tracked files with a rehearsal of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        for name in filter(None, listed.split("\0")):
            if (PROJECT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, root / name)
        (root / ".venv").symlink_to(Path(sys.prefix))

    def run(self, *words: str, fault: str = "") -> str:
        """Runs a command inside the rehearsal; what it prints. With a fault it has to fail."""
        faults = ["--fault", fault] if fault else []
        done = subprocess.run(
            [_R1, "rehearse", *faults, "--", *words], cwd=self.root, capture_output=True,
            text=True, env={**os.environ, "PYTHONPATH": str(self.root / "components")},
            check=False,
        )  # fmt: skip
        if (done.returncode != 0) != bool(fault):
            raise SystemExit(f"{' '.join(words)}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def write(self, changes: dict[str, Any]) -> None:
        """The stack file of a case."""
        content = {"config": {"corpus:case": changes}}
        (self.root / "stacks" / "Pulumi.corpus.yaml").write_text(yaml.safe_dump(content))

    def preview(self, stack: str, *words: str) -> str:
        """A preview's JSON, as the engine printed it."""
        text = self.run("pulumi", "preview", "--json", "--show-sames", "--stack", stack, *words)
        return text[text.index("{") :]

    def up(self, changes: dict[str, Any], fault: str = "") -> None:
        """Brings the corpus stack up; with a fault, half of the way."""
        self.write(changes)
        self.run("pulumi", "up", "--yes", "--skip-preview", "--stack", "corpus", fault=fault)
        if fault:
            self.run("r1", "recover", "corpus", "--yes")

    def stop(self) -> None:
        """Ends the rehearsal."""
        subprocess.run([_R1, "rehearse", "stop"], cwd=self.root, check=False)


def previews(clone: Clone, wanted: set[str]) -> Iterator[tuple[str, str]]:
    """The name and text of each preview."""
    shutil.copy(
        PROJECT / "tools" / "preview_corpus" / "program.py", clone.root / "infra/__main__.py"
    )
    clone.write({})
    if _FIRST in wanted:
        yield _FIRST, clone.preview("corpus")
    clone.up({})
    names = _made_by_others(clone)
    stands: dict[str, Any] = {}
    up = stands
    for name, case in CASES.items():
        if case.stands is not None:
            stands = _named(case.stands, names)
        if case.killed and wanted & _HALF_DONE:
            clone.up(stands)
            clone.up({**stands, **case.changes}, case.killed)
            up = stands
        if name not in wanted:
            continue
        if stands != up:
            clone.up(stands)
            up = stands
        clone.write({**stands, **_named(case.changes, names)})
        yield name, clone.preview("corpus", *case.words)
    clone.write({"empty": True})
    clone.run("pulumi", "up", "--yes", "--skip-preview", "--stack", "corpus")


def _made_by_others(clone: Clone) -> dict[str, str]:
    def made(*words: str) -> Any:
        text = clone.run("aws", "--region", "us-west-2", "--output", "json", "ec2", *words)
        return json.loads(text[text.index("{") :])

    vpcs = [made("create-vpc", "--cidr-block", cidr)["Vpc"]["VpcId"]
            for cidr in ("10.1.0.0/16", "10.2.0.0/16")]  # fmt: skip
    addresses = [made("allocate-address", "--domain", "vpc")["AllocationId"] for _ in range(2)]
    for who in ("theirs", "further"):
        clone.run(
            "aws", "--region", "us-west-2", "eks", "create-access-entry", "--cluster-name",
            "corpus", "--principal-arn", f"arn:aws:iam::111122223333:role/{who}", "--username",
            "somebody", "--kubernetes-groups", "viewers", "callers", "--tags",
            "token=one,guess=guessed",
        )  # fmt: skip
    return {"vpc": vpcs[0], "other": vpcs[1], "address": addresses[0], "second": addresses[1]}


def _named(changes: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {
        key: value.format(**names) if isinstance(value, str) and value.startswith("{") else value
        for key, value in changes.items()
    }


def _without_places(text: str) -> str:
    """Where this machine keeps its files is nobody's."""
    return re.sub(r"project:///[^\"#]*", "project:///infra/__main__.py", text)


def _kept(wanted: set[str]) -> dict[str, bytes]:
    """Previews that are not made anew, by name."""
    if not CORPUS.exists():
        return {}
    with tarfile.open(CORPUS) as archive:
        names = {one.name.removesuffix(".json"): one for one in archive}
        return {
            name: archive.extractfile(one).read()  # pyright: ignore[reportOptionalMemberAccess]
            for name, one in names.items()
            if name not in wanted and name in {_FIRST, *CASES}
        }


def main() -> int:
    """Makes previews and packs them all."""
    wanted = set(sys.argv[1:]) or {_FIRST, *CASES}
    if strange := wanted - {_FIRST, *CASES}:
        raise SystemExit(f"no such case: {', '.join(strange)}; there are {', '.join(CASES)}")
    made = _kept(wanted)
    with tempfile.TemporaryDirectory(prefix="r1-previews-") as folder:
        clone = Clone(Path(folder))
        try:
            for name, text in previews(clone, wanted):
                made[name] = _without_places(text).encode()
                print(f"{name}: {len(made[name]):,} bytes", file=sys.stderr, flush=True)
        finally:
            clone.stop()
    with tarfile.open(CORPUS, mode="w:xz") as archive:
        for name, content in made.items():
            entry = tarfile.TarInfo(f"{name}.json")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    print(f"{CORPUS.relative_to(PROJECT)}: {CORPUS.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
