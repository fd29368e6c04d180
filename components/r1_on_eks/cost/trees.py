"""Trees of the project: the one that is worked on, or any revision's, in a temporary folder."""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from r1_on_eks.cost.declared import Declaration, Declared, inputs_of

_NEEDED = ("Pulumi.yaml", "infra", "stacks", "components")
_MONEY = ("usage", "budget", "discounts", "api_price")
_LIBRARIES = ("pulumi", "pulumi-aws", "pulumi-kubernetes", "pydantic", "PyYAML")
# Declarations of earlier runs, some 100 kB each.
_KEPT = 200


class NoSuchRevision(LookupError):
    """Git knows no such revision here; one line says so."""


class DoesNotDeclare(ValueError):
    """The program refuses the stack, or fails; its own words."""


@contextlib.contextmanager
def tree_at(revision: str, project: Path) -> Iterator[Path]:
    """The project's files as they were at a revision, in a folder that is gone afterwards.

    Raises:
        NoSuchRevision: git doesn't know it.
    """
    commit = _git(project, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if commit is None:
        raise NoSuchRevision(f"{revision} is neither a file nor a revision that git knows here")
    prefix = (_git(project, "rev-parse", "--show-prefix") or b"").decode().strip()
    at = f"{commit.decode().strip()}:{prefix}"
    listed = (_git(project, "ls-tree", "--name-only", at) or b"").decode().split()
    wanted = [name for name in _NEEDED if name in listed]
    # Python's tarfile has no safe way to extract before 3.11.4; Debian 12 has 3.11.2.
    packed = _git(project, "archive", "--format=zip", at, *wanted) if wanted else None
    with tempfile.TemporaryDirectory(prefix="r1-cost-") as folder:
        if packed:
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                archive.extractall(folder)
        yield Path(folder)


def has_stack(tree: Path, stack: str) -> bool:
    """Whether a tree has the file of a stack."""
    return (tree / "stacks" / f"Pulumi.{stack}.yaml").is_file()


class Declaring:
    """The program of a tree under way, for some stacks; several trees run at a time."""

    def __init__(self, tree: Path, stacks: Sequence[str]) -> None:
        self._kept = {stack: _cache() / f"{_fingerprint(tree, stack)}.json" for stack in stacks}
        self._told: dict[str, list[dict[str, Any]]] = {}
        asked = [stack for stack, kept in self._kept.items() if not kept.is_file()]
        self._process = None
        if asked:
            script = Path(__file__).parent / "declare_tree.py"
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(script), str(tree), *asked],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"},
            )

    def declarations(self) -> dict[str, Declaration]:
        """What each stack declares.

        Raises:
            DoesNotDeclare: the program refuses a stack, or fails.
        """
        if self._process is not None:
            text, errors = self._process.communicate()
            for line in text.splitlines():
                self._keep(json.loads(line))
            missing = [
                stack for stack, kept in self._kept.items()
                if stack not in self._told and not kept.is_file()
            ]  # fmt: skip
            if missing:
                last = (errors.strip().splitlines() or ["it ended without a word"])[-1]
                raise DoesNotDeclare(f"the program fails for {missing[0]}: {last}")
        return {
            stack: _declaration(self._told.get(stack) or json.loads(kept.read_text()))
            for stack, kept in self._kept.items()
        }

    def _keep(self, told: Mapping[str, Any]) -> None:
        if "error" in told:
            raise DoesNotDeclare(told["error"])
        self._told[told["stack"]] = told["registered"]
        # Where nothing can be kept, the next time takes as long as this one.
        with contextlib.suppress(OSError):
            _write(self._kept[told["stack"]], json.dumps(told["registered"]))

    def stop(self) -> None:
        """Ends the program, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def _declaration(registered: list[dict[str, Any]]) -> Declaration:
    found = {}
    for one in registered:
        # In whatever order the program had them.
        needs = {key: tuple(sorted(urns)) for key, urns in one["propertyDependencies"].items()}
        found[one["urn"]] = Declared(
            urn=one["urn"],
            type=one["type"],
            inputs=inputs_of(one["inputs"], needs),
            parent=one["parent"],
            provider=one["provider"].rpartition("::")[0],
            needs=needs,
            read_only=one.get("external", False),
            custom=one["custom"],
        )
    return Declaration(found)


def _fingerprint(tree: Path, stack: str) -> str:
    """Of all that decides what the program declares: it looks nothing up."""
    content = hashlib.sha256(f"{sys.version} {stack}".encode())
    for library in _LIBRARIES:
        content.update(f"{library} {metadata.version(library)}\n".encode())
    stacks = tree / "stacks"
    content.update(_declaring(stacks / f"Pulumi.{stack}.yaml"))
    files = [
        tree / "Pulumi.yaml",
        stacks / "placements" / f"{stack}.yaml",
        *sorted(stacks.glob("*pins*")),
        Path(__file__).parent / "declare_tree.py",
        *sorted((tree / "infra").rglob("*.py")),
        *sorted(
            path
            for path in _package_of(tree).rglob("*")
            if path.suffix in {".py", ".json", ".csv", ".conf", ".js", ".yaml"}
        ),
    ]
    for file in files:
        content.update(f"\n{file.name}\n".encode())
        if file.is_file():
            content.update(file.read_bytes())
    return content.hexdigest()


def _package_of(tree: Path) -> Path:
    """What the tree's program imports: its own components, or else this installed package."""
    own = tree / "components"
    return own if own.is_dir() else Path(__file__).parents[1]


def _declaring(file: Path) -> bytes:
    """The stack file, without what only bills depend on."""
    told = yaml.safe_load(file.read_text()) if file.is_file() else None
    settings = told.get("config", {}).get("r1-on-eks:stack") if isinstance(told, dict) else None
    if isinstance(settings, dict):
        for key in _MONEY:
            settings.pop(key, None)
    return json.dumps(told, sort_keys=True, default=str).encode()


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "r1-on-eks" / "declared"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)
    kept = sorted(path.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)
    for old in kept[:-_KEPT]:
        old.unlink(missing_ok=True)


def _git(project: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(project), *words], capture_output=True, check=True)
    except FileNotFoundError:
        raise NoSuchRevision("there is no git on PATH, which revisions are read with") from None
    except subprocess.CalledProcessError:
        return None
    return done.stdout
