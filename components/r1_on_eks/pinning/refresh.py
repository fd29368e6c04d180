"""One refresh: every source is asked, what fails leaves what was."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from r1_on_eks.pinning.lookups import Lookup, LookupFailed
from r1_on_eks.plan.zones import choose
from r1_on_eks.stack_config.pinned import Pinned, parse_pinned


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """What came of it.

    Attributes:
        pinned: All pins, new and kept.
        changed: One line for each pin that is another.
        failed: One line for each lookup that failed.
    """

    pinned: Pinned
    changed: tuple[str, ...]
    failed: tuple[str, ...]


def refresh(
    before: Pinned, lookups: Iterable[Lookup], told: Callable[[str], None] = lambda _: None
) -> Refreshed:
    """Looks everything up.

    Args:
        before: The pins so far.
        lookups: What to ask.
        told: Hears of each lookup before it is made.
    """
    content = before.model_dump(mode="json", exclude_defaults=True)
    failed, kept = [], before
    for one in lookups:
        told(one.what)
        try:
            changed = _with(content, one.path, one.look())
            content, kept = changed, parse_pinned(_whole(changed))
        except LookupFailed as failure:
            failed.append(f"{one.what}: {failure}")
        except ValueError as wrong:
            failed.append(f"{one.what}: answered what is no pin: {str(wrong).splitlines()[0]}")
    return Refreshed(pinned=kept, changed=tuple(differences(before, kept)), failed=tuple(failed))


def with_zones(pinned: Pinned, wanted: Mapping[str, tuple[str, list[str]]]) -> Refreshed:
    """Chooses zones for stacks whose file names none; what was chosen once stays.

    Args:
        pinned: The pins.
        wanted: Stack to its Region and its instance types.
    """
    chosen, failed = dict(pinned.stacks), []
    for stack, (region, types) in wanted.items():
        if stack in chosen:
            continue
        seen = pinned.regions.get(region)
        found = choose(types, seen) if seen else None
        if found is None:
            failed.append(
                f"{stack}: no zone of {region} is known to offer {', '.join(types)}"
                " beside a control plane; write zones and gpu_zone in its file"
            )
        else:
            chosen[stack] = found
    after = pinned.model_copy(update={"stacks": chosen})
    return Refreshed(pinned=after, changed=tuple(differences(pinned, after)), failed=tuple(failed))


def differences(before: Pinned, after: Pinned) -> list[str]:
    """One line for each pin that is new, another, or gone; days are not told."""
    old, new = (dict(_leaves(one.model_dump(mode="json"))) for one in (before, after))
    return [
        f"{' '.join(path)}: {old.get(path, 'unpinned')} → {new.get(path, 'unpinned')}"
        for path in {**old, **new}
        if old.get(path) != new.get(path) and path[-1] != "looked_up"
    ]


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, ", ".join(value) if isinstance(value, list) else str(value)


def _with(content: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(content)
    here = changed
    for key in path[:-1]:
        here = here.setdefault(key, {})
    here[path[-1]] = value
    return changed


def _whole(content: Mapping[str, Any]) -> dict[str, Any]:
    """Without Regions and versions of which not even the day is known yet."""
    whole = copy.deepcopy(dict(content))
    regions = whole.get("regions", {})
    for name in [*regions]:
        if not {"account", "looked_up"} <= regions[name].keys():
            del regions[name]
            continue
        versions = regions[name].get("kubernetes", {})
        for version in [one for one in versions if "looked_up" not in versions[one]]:
            del versions[version]
    return whole
