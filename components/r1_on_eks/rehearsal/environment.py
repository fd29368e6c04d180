"""What a command inside a rehearsal sees of the machine: nothing that leads to a real account."""

import os
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from r1_on_eks.rehearsal.paths import State

_KEPT = (
    "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR",
    "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME", "CI",
    "XDG_CACHE_HOME", "R1_REHEARSAL_PATIENCE",
)  # fmt: skip
# The official plug-ins take the stand-ins' place where a user has them. The one for AWS never
# does: it would look for the real AWS.
_LANGUAGE_HOST = "pulumi-language-python"
_PROVIDERS = {
    "aws": "r1_on_eks.rehearsal.aws_provider",
    "kubernetes": "r1_on_eks.rehearsal.kubernetes_provider",
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
        # Else a provider of the user's PATH would go before the ones of this rehearsal.
        "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def install_executables(state: State, tools: Mapping[str, Path], users: Mapping[str, str]) -> None:
    """Fills `bin` with the tools, and puts the plug-ins where the engine looks for them."""
    state.bin.mkdir(parents=True, exist_ok=True)
    for name, target in tools.items():
        _replace(state.bin / name, same_as=target.resolve())
    # The engine takes the language host that lies next to itself.
    host = state.bin / _LANGUAGE_HOST
    official = official_plugin(_LANGUAGE_HOST, users)
    _install_plugin(host, official, "r1_on_eks.rehearsal.language_host")
    for provider, module in _PROVIDERS.items():
        name = f"pulumi-resource-{provider}"
        folder = f"resource-{provider}-v{version(f'pulumi-{provider}')}"
        official = None if provider == "aws" else official_plugin(name, users)
        _install_plugin(state.pulumi_home / "plugins" / folder / name, official, module)


def official_plugin(name: str, users: Mapping[str, str]) -> Path | None:
    """The user's own `name`, from PATH or the newest in the user's plug-in folder."""
    if found := shutil.which(name, path=users.get("PATH")):
        return Path(found).resolve()
    home = Path(users.get("PULUMI_HOME") or Path(users.get("HOME", "/")) / ".pulumi")
    kind = name.removeprefix("pulumi-")
    versions = [f for f in (home / "plugins").glob(f"{kind}-v*/{name}") if os.access(f, os.X_OK)]
    return max(versions, key=_version_of, default=None)


def _version_of(plugin: Path) -> tuple[int, ...]:
    text = plugin.parent.name.rsplit("-v", 1)[-1]
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _install_plugin(path: Path, official: Path | None, module: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if official is not None:
        _replace(path, script=f'exec "{official}" "$@"')
    else:
        _replace(path, script=f'exec "{sys.executable}" -m {module} "$@"')


def _replace(path: Path, *, same_as: Path | None = None, script: str = "") -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    if same_as is None:
        partial.write_text(f"#!/bin/sh\n{script}\n")
        partial.chmod(0o755)
    else:
        try:
            # Not a symbolic link: the engine looks next to where its file really lies.
            partial.hardlink_to(same_as)
        except OSError:
            shutil.copy2(same_as, partial)
    partial.replace(path)
