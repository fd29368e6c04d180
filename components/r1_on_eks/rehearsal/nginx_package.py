"""nginx with njs, and kubectl: those on PATH if new enough, else from Debian testing's packages.

Debian stable's are too old. The packages are unpacked beside the system, without root, and run
through their own loader with their own C library.
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
from r1_on_eks.rehearsal.toolchain import ToolMissing, only_one, version_on_path

Say = Callable[[str], None]

# nginx CHANGES: CVE-2026-42533 is fixed in 1.30.4.
_NGINX = (1, 30, 4)
# The control plane is 1.35; kubectl may be one minor version older (Kubernetes' skew policy).
_KUBECTL = (1, 34)
_SUITE = "testing"
_PACKAGES = ("nginx", "libnginx-mod-http-js", "kubectl")
_JS_MODULE = "ngx_http_js_module.so"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_MODULE_FOLDERS = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"))


@dataclass(frozen=True)
class Nginx:
    """An nginx that can run the gateway's configuration.

    Attributes:
        executable: The program, or a script that starts it.
        js_module: The njs module to load.
    """

    executable: Path
    js_module: Path


def find_or_unpack_nginx(say: Say) -> Nginx:
    """The nginx on PATH if it is new enough and has njs, else the unpacked one.

    Raises:
        ToolMissing: neither is to be had.
    """
    on_path = version_on_path("nginx", "-v")
    if on_path is not None and on_path[1] >= _NGINX:
        for folder in _MODULE_FOLDERS:
            if (folder / _JS_MODULE).exists():
                return Nginx(on_path[0], folder / _JS_MODULE)
    unpacked = _unpacked(say)
    return Nginx(unpacked / "bin" / "nginx", unpacked / "usr/lib/nginx/modules" / _JS_MODULE)


def find_or_unpack_kubectl(say: Say) -> Path:
    """The kubectl on PATH if it is new enough, else the unpacked one.

    Raises:
        ToolMissing: neither is to be had.
    """
    on_path = version_on_path("kubectl", "version", "--client")
    if on_path is not None and on_path[1] >= _KUBECTL:
        return on_path[0]
    return _unpacked(say) / "bin" / "kubectl"


def _unpacked(say: Say) -> Path:
    root = cache_directory() / "debian"
    if root.exists():
        return root
    with only_one("debian"):
        if not root.exists():
            _unpack(root, say)
    return root


def _unpack(root: Path, say: Say) -> None:
    if not shutil.which("apt-get") or not _KEYRING.exists():
        raise ToolMissing(
            f"nginx {_dotted(_NGINX)} or newer with njs and kubectl {_dotted(_KUBECTL)} or newer "
            "are needed on PATH: install nginx, its njs module and kubectl"
        )
    say(f"unpacking {', '.join(_PACKAGES)} of Debian {_SUITE} into the cache")
    work = root.with_name(f".debian.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    try:
        for archive in _download(work / "apt"):
            _run(["dpkg", "-x", str(archive), str(work)])
        shutil.rmtree(work / "apt")
        _write_launcher(work, root, "nginx", "usr/sbin/nginx")
        _write_launcher(work, root, "kubectl", "usr/bin/kubectl")
        work.replace(root)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download(folder: Path) -> list[Path]:
    """The packages and all that they depend on, as if nothing were installed."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {_SUITE} main\n")
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
    _run(["apt-get", "-q", "update"], environment)
    _run(["apt-get", "-q", "-y", "--download-only", "install", *_PACKAGES], environment)
    return sorted((folder / "cache" / "archives").glob("*.deb"))


def _mirror() -> str:
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
    raise ToolMissing("no Debian mirror is named below /etc/apt: install nginx with njs yourself")


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


def _run(words: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ToolMissing(
            f"{' '.join(words[:3])} failed ({' '.join(last)}): check that Debian's packages can "
            f"be reached, or install nginx {_dotted(_NGINX)} or newer with njs, and kubectl"
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
