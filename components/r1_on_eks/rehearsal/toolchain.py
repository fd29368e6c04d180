"""The programs of a rehearsal: those on PATH, or else built once from their Go modules.

The official binaries of Pulumi and Kubernetes come from download pages. The modules below
`tools/` build the same programs from the Go module proxy, which more machines reach.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from r1_on_eks.rehearsal.go_tools import CHARTS, GoTool, Version
from r1_on_eks.rehearsal.paths import cache_directory

Say = Callable[[str], None]

_GO = (1, 26)
_STILL_BUILDING_EVERY_S = 15.0


class ToolMissing(Exception):
    """A program is neither here nor can be made here; one line says what to install."""


def module_folder(module: str, tool: GoTool = CHARTS) -> Path:
    """Where Go keeps the sources of a module that a tool's folder requires; fetches them once.

    Raises:
        ToolMissing: there is no Go here, or the module could not be fetched.
    """
    done = subprocess.run(
        [_go(tool), "mod", "download", "-json", module],
        cwd=tool.sources,
        env={**os.environ, "GOFLAGS": "", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ToolMissing(_why_it_failed(tool, done.stdout + done.stderr))
    return Path(json.loads(done.stdout)["Dir"])


def module_version(tool: GoTool) -> str:
    """The version that `tools/NAME` requires of the stamped module, `v1.35.4`.

    Raises:
        ToolMissing: the published package does not carry it: only developers need it.
    """
    go_mod = tool.go_mod
    if not go_mod.is_file():
        raise ToolMissing(
            f"{tool.name} is built from tools/{tool.sources.name} of a checkout of r1-on-eks, "
            "and this is an installed package: clone the repository, or put the program on PATH"
        )
    found = re.search(
        rf"^\s*(?:require )?{re.escape(tool.stamped)} (v\S+)", go_mod.read_text(), re.M
    )
    assert found, f"{go_mod} does not require {tool.stamped}"
    return found.group(1)


def version_on_path(name: str, *arguments: str) -> tuple[Path, Version] | None:
    """An executable on PATH with the first version number that it prints."""
    found = shutil.which(name)
    if found is None:
        return None
    answer = subprocess.run(
        [found, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    number = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", answer.stdout + answer.stderr)
    if number is None:
        return None
    return Path(found), tuple(int(part) for part in number.groups() if part)


@contextlib.contextmanager
def only_one(name: str) -> Iterator[None]:
    """Waits while another process makes `name` in the same cache.

    Raises:
        ToolMissing: nothing can be written there.
    """
    try:
        cache_directory().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolMissing(
            f"{cache_directory()} can't be made ({error.strerror}); tools are built once into"
            " it: export XDG_CACHE_HOME=/a/folder/to/write/in"
        ) from None
    with (cache_directory() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def find_or_build(tool: GoTool, say: Say) -> Path:
    """The program: on PATH where that is new enough, in the cache, or built into it now.

    Args:
        tool: One of go_tools.py.
        say: Told what takes long.

    Raises:
        ToolMissing: there is no Go that could build it, or the build failed.
    """
    if tool.usable is not None:
        on_path = version_on_path(tool.name, "version")
        if on_path is not None and on_path[1] >= tool.usable:
            return on_path[0]
    built = cache_directory() / "bin" / f"{tool.name}-{_fingerprint(tool)}"
    if built.exists():
        return built
    with only_one(tool.name):
        if not built.exists():
            _build(tool, built, say)
    return built


def _fingerprint(tool: GoTool) -> str:
    """Of everything that decides the binary, so that a changed pin is built anew."""
    version = module_version(tool)
    sources = [*sorted(tool.sources.glob("*.go")), tool.go_mod.with_suffix(".sum")]
    content = hashlib.sha256("".join(f.read_text() for f in sources).encode())
    content.update(repr(tool.flags).encode())
    return f"{version}-{content.hexdigest()[:8]}"


def _build(tool: GoTool, built: Path, say: Say) -> None:
    go = _go(tool)
    version = module_version(tool)
    major, minor, *_ = version.removeprefix("v").split(".")
    stamps = [f"-X {f.format(version=version, major=major, minor=minor)}" for f in tool.flags]
    built.parent.mkdir(parents=True, exist_ok=True)
    partial = built.with_name(f".{built.name}.{os.getpid()}")
    say(f"building {tool.name} {version} once, about {tool.minutes} minutes on two cores")
    began = time.monotonic()
    child = subprocess.Popen(
        [
            *[go, "build", "-mod=readonly", f"-modfile={tool.go_mod.name}"],
            *["-ldflags", " ".join(["-s -w", *stamps]), "-o", partial, tool.package],
        ],
        cwd=tool.sources,
        env={
            **os.environ,
            "GOFLAGS": "",
            "GOWORK": "off",
            **({} if tool.c else {"CGO_ENABLED": "0"}),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output = _wait(child, tool, began, say)
        if child.returncode != 0:
            raise ToolMissing(_why_it_failed(tool, output))
        partial.replace(built)
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
        if child.stdout:
            child.stdout.close()
        partial.unlink(missing_ok=True)
    say(f"built {tool.name} {version} in {time.monotonic() - began:.0f} s")


def _wait(child: subprocess.Popen[str], tool: GoTool, began: float, say: Say) -> str:
    while True:
        try:
            return child.communicate(timeout=_STILL_BUILDING_EVERY_S)[0]
        except subprocess.TimeoutExpired:
            say(f"  … {tool.name}, {time.monotonic() - began:.0f} s")


def _why_it_failed(tool: GoTool, output: str) -> str:
    lines = [line for line in output.splitlines() if line and not line.startswith("go: download")]
    last = lines[-1] if lines else "no output"
    network = re.search(r"dial tcp|no such host|connection refused|proxyconnect|timeout", output)
    if network:
        return (
            f"the Go modules of {tool.name} could not be downloaded ({last}): check that the Go "
            f"module proxy can be reached (GOPROXY), or put {tool.name} on PATH"
        )
    return f"building {tool.name} failed: {last}"


def _go(tool: GoTool) -> Path:
    needed = ".".join(str(part) for part in _GO)
    found = version_on_path("go", "env", "GOVERSION")
    if found is None:
        raise ToolMissing(
            f"{tool.name} must be built and there is no Go on PATH: install Go {needed} or newer"
            + (f", or {tool.name} itself" if tool.usable else "")
        )
    if found[1] < _GO:
        has = ".".join(str(part) for part in found[1])
        raise ToolMissing(
            f"{tool.name} needs Go {needed} or newer, {found[0]} is {has}: update Go"
        )
    return found[0]
