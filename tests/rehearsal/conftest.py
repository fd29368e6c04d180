"""Whole rehearsals: a checkout of this tree, shut off from every network but loopback."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from r1_on_eks.rehearsal.cloud import find_or_make_tools
from r1_on_eks.rehearsal.paths import State

REPOSITORY = Path(__file__).resolve().parents[2]
METADATA_ADDRESS = "169.254.169.254"

# Answers like the instance metadata service and notes who asked.
_METADATA_SERVICE = f"""
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open(sys.argv[1], "a").write(self.command + " " + self.path + "\\n")
        self.send_response(200); self.end_headers(); self.wfile.write(b"AKIAREAL")
    do_PUT = do_POST = do_GET
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("{METADATA_ADDRESS}", 80), Answer).serve_forever()
"""


@dataclass(frozen=True)
class Checkout:
    """A clone of this tree and the namespace in which its commands run."""

    root: Path
    home: Path
    namespace_pid: int
    metadata_requests: Path

    @property
    def state(self) -> State:
        """What the rehearsal of this checkout keeps."""
        return State(self.root / ".rehearsal")

    def popen(self, *command: str, **options) -> subprocess.Popen:
        """Starts a command as a person with a real profile would type it."""
        environment = {
            "PATH": f"{self.root}/.venv/bin:{os.environ['PATH']}",
            "HOME": str(self.home),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
            "AWS_PROFILE": "production",
        }
        entered = ["nsenter", "--target", str(self.namespace_pid), "--net"]
        if os.geteuid() != 0:
            entered += ["--user", "--preserve-credentials"]
        return subprocess.Popen(
            [*entered, "--", *command],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def run(self, *command: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end; its output and errors together are in `stdout`."""
        process = self.popen(*command)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(command, process.returncode, output)

    def rehearse(self, *command: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """`r1 rehearse -- COMMAND`."""
        return self.run("r1", "rehearse", "--", *command, timeout=timeout)

    def running(self) -> dict[str, int]:
        """The rehearsal's background processes."""
        status = self.run("r1", "rehearse", "status", "--json")
        return json.loads(status.stdout)["processes"]


def _clone(folder: Path) -> Path:
    """The tracked files as they are now, as a repository of its own."""
    root = folder / "clone"
    root.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (source := REPOSITORY / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            # With its time: make must find the installation newer than what it is made from.
            shutil.copy2(source, root / name)
    (root / ".venv").symlink_to(Path(sys.prefix))
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


@contextlib.contextmanager
def loopback_only(folder: Path) -> Iterator[tuple[int, Path]]:
    """A network namespace with a metadata service in it: its process, and who asked it."""
    # Inside, nothing can be downloaded any more.
    find_or_make_tools(print)
    requests = folder / "metadata-requests"
    requests.touch()
    script = folder / "metadata_service.py"
    script.write_text(_METADATA_SERVICE)
    own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
    holder = subprocess.Popen(
        [
            "unshare", "--net", *own_user, "--", "sh", "-c",
            f"ip link set lo up && ip address add {METADATA_ADDRESS}/32 dev lo && echo ready && "
            f"exec '{sys.executable}' '{script}' '{requests}'",
        ],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    try:
        yield holder.pid, requests
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


@contextlib.contextmanager
def checkout_in(namespace: tuple[int, Path], folder: Path) -> Iterator[Checkout]:
    """A checkout of a person who has a real profile; afterwards nothing of it runs any more."""
    home = folder / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text(
        "[production]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n"
    )
    pid, requests = namespace
    checkout = Checkout(_clone(folder), home, pid, requests)
    try:
        yield checkout
    finally:
        checkout.run("r1", "rehearse", "stop")


@pytest.fixture(scope="module")
def namespace(tmp_path_factory):
    with loopback_only(tmp_path_factory.mktemp("namespace")) as namespace:
        yield namespace


@pytest.fixture
def checkout(namespace, tmp_path):
    with checkout_in(namespace, tmp_path) as checkout:
        yield checkout


@pytest.fixture
def neighbour(namespace, tmp_path_factory):
    with checkout_in(namespace, tmp_path_factory.mktemp("neighbour")) as checkout:
        yield checkout


@pytest.fixture(scope="module")
def shared_checkout(namespace, tmp_path_factory):
    with checkout_in(namespace, tmp_path_factory.mktemp("shared")) as checkout:
        yield checkout
