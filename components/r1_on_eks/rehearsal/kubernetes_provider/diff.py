"""What an update would change, property by property, and whether it replaces the object.

As in the official provider, the new inputs are compared with the live state of the last operation,
cut down to the shape of the old inputs: what the server or a controller added is no difference.
"""

from typing import Any

from pulumi.runtime.proto import provider_pb2

from r1_on_eks.rehearsal.kubernetes_provider.force_new import forces_new
from r1_on_eks.rehearsal.property_values import UNKNOWN

Kind = provider_pb2.PropertyDiff.Kind
Path = list[str | int]
MISSING = object()

_REPLACING = {
    provider_pb2.PropertyDiff.ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    provider_pb2.PropertyDiff.DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    provider_pb2.PropertyDiff.UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def pruned(live: Any, shape: Any) -> Any:
    """The live value without the keys that the inputs don't have, lists matched by position."""
    if isinstance(live, dict) and isinstance(shape, dict):
        return {key: pruned(value, shape[key]) for key, value in live.items() if key in shape}
    if isinstance(live, list) and isinstance(shape, list):
        return [pruned(value, like) for value, like in zip(live, shape, strict=False)]
    return live


def detailed_diff(
    live: dict[str, Any],
    inputs: dict[str, Any],
    force_new: tuple[str, ...],
) -> dict[str, provider_pb2.PropertyDiff]:
    """Every property that differs.

    Args:
        live: The pruned live state.
        inputs: The new inputs; may hold `UNKNOWN`.
        force_new: From `force_new_paths`.
    """
    found: dict[str, provider_pb2.PropertyDiff] = {}
    _compare([], live, inputs, force_new, found)
    return found


def replacing(differences: dict[str, provider_pb2.PropertyDiff]) -> list[str]:
    """The paths among the differences that force replacement."""
    kinds = set(_REPLACING.values())
    return [
        path
        for path, difference in differences.items()
        if difference.kind in kinds
        or (path == "metadata" and difference.kind == provider_pb2.PropertyDiff.DELETE)
    ]


def _compare(
    path: Path,
    old: Any,
    new: Any,
    force_new: tuple[str, ...],
    found: dict[str, provider_pb2.PropertyDiff],
) -> None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            _compare([*path, key], old.get(key, MISSING), new.get(key, MISSING), force_new, found)
        return
    if isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            _compare(
                [*path, index],
                old[index] if index < len(old) else MISSING,
                new[index] if index < len(new) else MISSING,
                force_new,
                found,
            )
        return
    if (old is MISSING or old is None) and (new is MISSING or new is None):
        return
    if old is not MISSING and new is not UNKNOWN and _same(old, new):
        return
    removed = new is MISSING or new is None
    if removed:
        kind = provider_pb2.PropertyDiff.DELETE
    else:
        added = old is MISSING
        kind = provider_pb2.PropertyDiff.ADD if added else provider_pb2.PropertyDiff.UPDATE
    if forces_new(path, None if removed else new, force_new):
        kind = _REPLACING[kind]
    found[path_text(path)] = provider_pb2.PropertyDiff(kind=kind, inputDiff=removed)


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, bool) != isinstance(new, bool):
        return False
    return bool(old == new)


def path_text(path: Path) -> str:
    """A property path as Pulumi writes it: `spec.ports[0].port`, `data["nginx.conf"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif any(character in step for character in '."[]'):
            text += '["' + step.replace('"', '\\"') + '"]'
        else:
            text += f".{step}" if text else step
    return text


def parsed_path(text: str) -> Path:
    """The inverse of `path_text`."""
    path: Path = []
    rest = text
    while rest:
        if rest.startswith('["'):
            end = rest.index('"]')
            path.append(rest[2:end].replace('\\"', '"'))
            rest = rest[end + 2 :]
        elif rest.startswith("["):
            end = rest.index("]")
            step = rest[1:end]
            path.append(int(step) if step.isdigit() else step)
            rest = rest[end + 1 :]
        else:
            rest = rest.removeprefix(".")
            end = min((i for i in (rest.find("."), rest.find("[")) if i >= 0), default=len(rest))
            path.append(rest[:end])
            rest = rest[end:]
    return path


def without_ignored(
    differences: dict[str, provider_pb2.PropertyDiff],
    ignored: list[str],
) -> dict[str, provider_pb2.PropertyDiff]:
    """The differences that no `ignoreChanges` path covers."""
    patterns = [parsed_path(text) for text in ignored]
    return {
        path: difference
        for path, difference in differences.items()
        if not any(_covers(pattern, parsed_path(path)) for pattern in patterns)
    }


def _covers(pattern: Path, path: Path) -> bool:
    return len(pattern) <= len(path) and all(
        step in ("*", there) for step, there in zip(pattern, path, strict=False)
    )
