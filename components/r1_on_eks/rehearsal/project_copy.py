"""The copy of the project that a rehearsal works on, so that `git status` stays clean.

`pulumi stack init` on a file backend writes an encryption salt into the stack file and removes
`secretsprovider` and `encryptedkey`; in a rehearsal it does that to the copy.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

PROJECT_FILE = "Pulumi.yaml"
_STACKS = "stacks"
_NOT_LINKED = {PROJECT_FILE, _STACKS, ".git", ".rehearsal"}
# They name a key in a real account, which a rehearsal neither has nor wants.
_REAL_KEYS = ("secretsprovider", "encryptedkey", "encryptionsalt")


class ProjectNotFound(Exception):
    """No Pulumi.yaml here or above."""


class SecretInStackFile(Exception):
    """A stack file holds an encrypted value that only its real key could open."""


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds a Pulumi.yaml.

    Raises:
        ProjectNotFound: there is none.
    """
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise ProjectNotFound(
        f"no {PROJECT_FILE} in {start} or above: run this inside a project; `r1 new` writes one"
    )


def copy_project(source: Path, copy: Path, *, accepted: str | None = None) -> None:
    """Brings `copy` up to date with `source`: stack files are copied, all else is linked.

    Args:
        source: The project.
        copy: Its copy.
        accepted: SHA-256 of a key that gateways are to know besides those of their stack files.

    Raises:
        SecretInStackFile: see the class.
    """
    (copy / _STACKS).mkdir(parents=True, exist_ok=True)
    (copy / PROJECT_FILE).write_text((source / PROJECT_FILE).read_text())
    _link(copy, [one for one in source.iterdir() if one.name not in _NOT_LINKED])
    ours = set(stack_files(source))
    _link(copy / _STACKS, [one for one in (source / _STACKS).iterdir() if one not in ours])
    for stack_file in stack_files(source):
        _copy_stack_file(stack_file, copy / _STACKS / stack_file.name, accepted)
    for stack_file in stack_files(copy):
        if not (source / _STACKS / stack_file.name).exists():
            stack_file.unlink()


def _link(copy: Path, entries: Collection[Path]) -> None:
    """Makes the links in `copy` those to `entries`, and no others."""
    for entry in entries:
        link = copy / entry.name
        if not link.is_symlink():
            link.symlink_to(entry)
    wanted = {entry.name for entry in entries}
    for link in copy.iterdir():
        if link.is_symlink() and link.name not in wanted:
            link.unlink()


def stack_files(project: Path) -> list[Path]:
    """`stacks/Pulumi.<stack>.yaml`, sorted by name."""
    return sorted((project / _STACKS).glob("Pulumi.*.yaml"))


def stack_name(stack_file: Path) -> str:
    """`prod-70b` of `Pulumi.prod-70b.yaml`."""
    return stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml")


def given_buckets(project: Path) -> set[str]:
    """The weights' buckets that the stack files name: each stack is given one."""
    buckets = set()
    for file in stack_files(project):
        stack = (yaml.safe_load(file.read_text()) or {}).get("config", {}).get("r1-on-eks:stack")
        weights = stack.get("weights") if isinstance(stack, dict) else None
        if isinstance(weights, dict) and isinstance(weights.get("bucket"), str):
            buckets.add(weights["bucket"])
    return buckets


def _copy_stack_file(source: Path, copy: Path, accepted: str | None) -> None:
    wanted: dict[str, Any] = yaml.safe_load(source.read_text()) or {}
    for key in _REAL_KEYS:
        wanted.pop(key, None)
    if secret := _first_secret(wanted.get("config", {}), "config"):
        raise SecretInStackFile(
            f"{source.name}: {secret} is encrypted with a key that a rehearsal does not have. "
            "Stack files hold no secrets: put a reference there (a Secrets Manager ARN)"
        )
    if accepted:
        _accept(wanted, accepted)
    if copy.exists():
        before: dict[str, Any] = yaml.safe_load(copy.read_text()) or {}
        if salt := before.get("encryptionsalt"):
            wanted["encryptionsalt"] = salt
    copy.write_text(yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True))


def _accept(content: dict[str, Any], sha256: str) -> None:
    stack = content.get("config", {}).get("r1-on-eks:stack")
    if not isinstance(stack, dict):
        return
    gateway = stack.get("gateway", "internal")
    if gateway == "internal":
        gateway = stack["gateway"] = {}
    # Whatever is wrong with it is for the program to say.
    if isinstance(gateway, dict) and isinstance(keys := gateway.setdefault("keys", []), list):
        keys.append({"name": "rehearsal", "sha256": sha256})


def _first_secret(value: Any, path: str) -> str | None:
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return path
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    else:
        return None
    return next((found for k, v in entries if (found := _first_secret(v, f"{path}.{k}"))), None)
