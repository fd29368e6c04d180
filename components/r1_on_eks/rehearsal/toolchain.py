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
from dataclasses import dataclass, replace
from pathlib import Path

from r1_on_eks.rehearsal.paths import cache_directory

Say = Callable[[str], None]
Version = tuple[int, ...]

# In the published package; in a checkout they are where its other tools are.
_CARRIED = Path(__file__).resolve().parent / "go_modules"
_MODULES = _CARRIED if _CARRIED.is_dir() else Path(__file__).resolve().parents[3] / "tools"
_GO = (1, 26)
_STILL_BUILDING_EVERY_S = 15.0


class ToolMissing(Exception):
    """A program is neither here nor can be made here; one line says what to install."""


@dataclass(frozen=True)
class GoTool:
    """A program built from a module of `tools/`.

    Attributes:
        name: Name of the executable and of the module's folder.
        package: What `go build` builds, inside that module.
        stamped: Module whose version goes into the binary.
        flags: `-X` settings; `{version}`, `{major}` and `{minor}` are that module's.
        usable: The oldest version that is used when found on PATH; None: always build.
        minutes: How long a build takes on two cores.
        folder: Its folder in `tools/`, where that is not its name.
        requirements: Name of its `.mod` and `.sum` files.
    """

    name: str
    package: str
    stamped: str
    flags: tuple[str, ...]
    usable: Version | None
    minutes: int
    folder: str = ""
    requirements: str = "go"

    @property
    def sources(self) -> Path:
        """Where it is built from."""
        return _MODULES / (self.folder or self.name)

    @property
    def go_mod(self) -> Path:
        """What it requires."""
        return self.sources / f"{self.requirements}.mod"


PULUMI = GoTool(
    name="pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    stamped="github.com/pulumi/pulumi/sdk/v3",
    # Without it the Automation API refuses the CLI.
    flags=("github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",),
    usable=(3, 230),
    minutes=5,
)
CONTROL_PLANE = GoTool(
    name="control-plane",
    package=".",
    stamped="k8s.io/kubernetes",
    flags=(
        "k8s.io/component-base/version.gitVersion={version}",
        "k8s.io/component-base/version.gitMajor={major}",
        "k8s.io/component-base/version.gitMinor={minor}",
    ),
    usable=None,
    minutes=7,
)
# By the Kubernetes version that a cluster asks for. Only the first is built beforehand: the
# others are what clusters are upgraded to.
CONTROL_PLANES = {
    "1.35": CONTROL_PLANE,
    "1.36": replace(
        CONTROL_PLANE, name="control-plane-1.36", folder="control-plane", requirements="1.36"
    ),
}
KWOK = GoTool(
    name="kwok",
    package="sigs.k8s.io/kwok/cmd/kwok",
    stamped="sigs.k8s.io/kwok",
    flags=("sigs.k8s.io/kwok/pkg/consts.Version={version}",),
    usable=None,
    minutes=3,
)
LWS = GoTool(
    name="lws",
    package="sigs.k8s.io/lws/cmd",
    stamped="sigs.k8s.io/lws",
    flags=("sigs.k8s.io/lws/pkg/version.GitVersion={version}",),
    usable=None,
    minutes=2,
)
PROMETHEUS_OPERATOR = GoTool(
    name="prometheus-operator",
    package="github.com/prometheus-operator/prometheus-operator/cmd/operator",
    stamped="github.com/prometheus-operator/prometheus-operator",
    flags=("github.com/prometheus/common/version.Version={version}",),
    usable=None,
    minutes=3,
)
ALERTMANAGER = GoTool(
    name="alertmanager",
    package="github.com/prometheus/alertmanager/cmd/alertmanager",
    stamped="github.com/prometheus/alertmanager",
    flags=("github.com/prometheus/common/version.Version={version}",),
    usable=None,
    minutes=1,
)
CHARTS = GoTool(
    name="charts", package=".", stamped="helm.sh/helm/v3", flags=(), usable=None, minutes=1
)
# Its definitions are read; it is not built.
KEDA = GoTool(
    name="keda",
    package="",
    stamped="github.com/kedacore/keda/v2",
    flags=(),
    usable=None,
    minutes=0,
)


def pulumi(say: Say) -> Path:
    """The Pulumi CLI."""
    return _find_or_build(PULUMI, say)


def control_plane(say: Say, version: str = "1.35") -> Path:
    """etcd, kube-apiserver, kube-scheduler and kube-controller-manager, by first argument.

    Args:
        say: Told what takes long.
        version: Kubernetes version, a key of `CONTROL_PLANES`.
    """
    return _find_or_build(CONTROL_PLANES[version], say)


def kwok(say: Say) -> Path:
    """kwok, which plays the kubelets."""
    return _find_or_build(KWOK, say)


def lws(say: Say) -> Path:
    """The controller of LeaderWorkerSets."""
    return _find_or_build(LWS, say)


def prometheus_operator(say: Say) -> Path:
    """The operator that turns Prometheus objects into pods and their configuration."""
    return _find_or_build(PROMETHEUS_OPERATOR, say)


def alertmanager(say: Say) -> Path:
    """Alertmanager, of the version that is deployed."""
    return _find_or_build(ALERTMANAGER, say)


def charts(say: Say) -> Path:
    """What renders a Helm chart that lies in a folder."""
    return _find_or_build(CHARTS, say)


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


def _find_or_build(tool: GoTool, say: Say) -> Path:
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
        env={**os.environ, "GOFLAGS": "", "GOWORK": "off"},
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
