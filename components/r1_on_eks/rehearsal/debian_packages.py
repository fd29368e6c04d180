"""Programs from Debian testing's packages, unpacked beside the system.

Debian stable's are too old. No root is needed: each program runs through its packages' own
loader with their own C library.
"""

import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from r1_on_eks.rehearsal.paths import cache_directory
from r1_on_eks.rehearsal.toolchain import ToolMissing, only_one

Say = Callable[[str], None]

_SUITE = "testing"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class DebianPackages:
    """Some packages with all that they depend on.

    Attributes:
        folder: Where they lie in the cache.
        packages: Their names.
        programs: Path of each program that is run, by its name; it is started as `bin/NAME`.
        wanted: What a person can install instead.
    """

    folder: str
    packages: tuple[str, ...]
    programs: dict[str, str]
    wanted: str


def unpacked(what: DebianPackages, say: Say) -> Path:
    """Their root, with `bin/NAME` for each program.

    Raises:
        ToolMissing: this is no Debian, or its packages can't be had.
    """
    root = cache_directory() / what.folder
    if root.exists():
        return root
    with only_one(what.folder):
        if not root.exists():
            _unpack(what, root, say)
    return root


def _unpack(what: DebianPackages, root: Path, say: Say) -> None:
    if not shutil.which("apt-get") or not _KEYRING.exists():
        raise ToolMissing(f"{what.wanted} on PATH: install them")
    say(f"unpacking {', '.join(what.packages)} of Debian {_SUITE} into the cache")
    work = root.with_name(f".{what.folder}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    try:
        for archive in _download(what, work / "apt"):
            _run(what, ["dpkg", "-x", str(archive), str(work)])
        shutil.rmtree(work / "apt")
        for name, program in what.programs.items():
            _write_launcher(work, root, name, program)
        work.replace(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(what: DebianPackages, folder: Path) -> list[Path]:
    """The packages and all that they depend on, as if nothing were installed."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(
        f"deb [signed-by={_KEYRING}] {_mirror(what)} {_SUITE} main\n"
    )
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Install-Recommends": "false",
        # Its own user could not write below a home directory.
        "APT::Sandbox::User": "",
        # Nothing of the system is touched, so nothing of it needs to be locked.
        "Debug::NoLocking": "true",
    }
    (folder / "apt.conf").write_text(
        "".join(f'{name} "{value}";\n' for name, value in settings.items())
    )
    environment = {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}
    _run(what, ["apt-get", "-q", "update"], environment)
    install = ["apt-get", "-q", "-y", "--download-only", "install", *what.packages]
    _run(what, install, environment)
    return sorted((folder / "cache" / "archives").glob("*.deb"))


def _mirror(what: DebianPackages) -> str:
    """The mirror that this machine takes its Debian packages from."""
    sources = Path("/etc/apt")
    texts = [f.read_text() for f in sorted(sources.glob("sources.list.d/*.sources"))]
    found = [line for text in texts for line in re.findall(r"^URIs:\s*(\S+)", text, re.M)]
    for file in [sources / "sources.list", *sorted(sources.glob("sources.list.d/*.list"))]:
        if file.exists():
            found += re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)", file.read_text(), re.M)
    for uri in found:
        if "security" not in uri:
            return uri
    raise ToolMissing(f"no Debian mirror is named below /etc/apt; {what.wanted} on PATH")


def _write_launcher(work: Path, root: Path, name: str, program: str) -> None:
    triple = f"{platform.machine()}-linux-gnu"
    loader = next(iter(sorted(work.glob(f"usr/lib/{triple}/ld-linux*.so.*"))), None)
    if loader is None:
        raise ToolMissing(f"Debian {_SUITE}'s libc6 for {triple} holds no loader")
    words = [
        str(root / loader.relative_to(work)),
        "--library-path",
        str(root / "usr/lib" / triple),
        str(root / program),
    ]
    launcher = work / "bin" / name
    # `bin` is a link into usr in packages of old; here it is the launchers' folder.
    launcher.parent.mkdir(exist_ok=True)
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    launcher.chmod(0o755)


def _run(
    what: DebianPackages, words: list[str], environment: dict[str, str] | None = None
) -> None:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ToolMissing(
            f"{' '.join(words[:3])} failed ({' '.join(last)}): check that Debian's packages can "
            f"be reached; or {what.wanted} on PATH"
        )
