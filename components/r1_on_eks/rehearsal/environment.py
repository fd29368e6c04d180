"""What a command inside a rehearsal sees of the machine: nothing that leads to a real account."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from r1_on_eks.rehearsal.paths import State

_KEPT = (
    "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR",
    "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME", "CI",
    "XDG_CACHE_HOME", "R1_REHEARSAL_PATIENCE",
)  # fmt: skip
# The official plug-ins that take the stand-ins' place where a user has them. The one for AWS is
# not among them: it would look for the real AWS.
_OFFICIAL_WELCOME = ("pulumi-language-python", "pulumi-resource-kubernetes")
_STAND_INS = {
    "pulumi-language-python": "r1_on_eks.rehearsal.language_host",
    "pulumi-resource-aws": "r1_on_eks.rehearsal.aws_provider",
    "pulumi-resource-kubernetes": "r1_on_eks.rehearsal.kubernetes_provider",
}


def command_environment(
    state: State, *, aws_endpoint: str, region: str, users: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of a command: an allow-list of the user's, then the rehearsal's own.

    Args:
        state: the rehearsal.
        aws_endpoint: URL of the local cloud, which every AWS client is pointed at.
        region: default region of AWS clients.
        users: the environment that the user typed the command in.
    """
    kept = {name: users[name] for name in _KEPT if name in users}
    cache = users.get("XDG_CACHE_HOME") or str(Path(users.get("HOME", "/")) / ".cache")
    search = [str(state.bin), str(Path(sys.executable).parent), users.get("PATH", os.defpath)]
    return kept | {
        "PATH": os.pathsep.join(search),
        "HOME": str(state.home),
        "XDG_CACHE_HOME": cache,
        "R1_REHEARSAL_STATE": str(state.root),
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": str(state.home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(state.home / ".aws" / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "PULUMI_HOME": str(state.pulumi_home),
        "PULUMI_BACKEND_URL": f"file://{state.backend}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def install_executables(state: State, tools: Mapping[str, Path], users: Mapping[str, str]) -> None:
    """Fills `bin`: the tools as links, the plug-ins official where there are, else stand-ins."""
    state.bin.mkdir(parents=True, exist_ok=True)
    for name, target in tools.items():
        _replace(state.bin / name, link_to=target)
    for name, module in _STAND_INS.items():
        official = official_plugin(name, users) if name in _OFFICIAL_WELCOME else None
        if official is not None:
            _replace(state.bin / name, link_to=official)
        else:
            _replace(
                state.bin / name, text=f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n'
            )


def official_plugin(name: str, users: Mapping[str, str]) -> Path | None:
    """The user's own `name`, from PATH or the newest in the user's plug-in folder."""
    if found := shutil.which(name, path=users.get("PATH")):
        return Path(found).resolve()
    home = Path(users.get("PULUMI_HOME") or Path(users.get("HOME", "/")) / ".pulumi")
    kind = name.removeprefix("pulumi-")
    versions = [f for f in (home / "plugins").glob(f"{kind}-v*/{name}") if os.access(f, os.X_OK)]
    return max(versions, key=_version, default=None)


def _version(plugin: Path) -> tuple[int, ...]:
    text = plugin.parent.name.rsplit("-v", 1)[-1]
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _replace(path: Path, *, link_to: Path | None = None, text: str = "") -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    if link_to is not None:
        partial.symlink_to(link_to)
    else:
        partial.write_text(text)
        partial.chmod(0o755)
    partial.replace(path)
