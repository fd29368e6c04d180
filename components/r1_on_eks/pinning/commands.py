"""What `r1 pins` does: read, ask, print."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from r1_on_eks.pinning import web
from r1_on_eks.pinning.lookups import Needs, Sources, layouts_of, lookups
from r1_on_eks.pinning.refresh import Refreshed, refresh, with_zones
from r1_on_eks.pins_file import read_pinned, write_pinned
from r1_on_eks.placement_file import read_pins
from r1_on_eks.plan.images import image_source, images_in
from r1_on_eks.plan.versions import UNPINNED, Versions, pins_of
from r1_on_eks.stack_config import Pin, StackConfig, StackConfigError
from r1_on_eks.stack_config.pinned import Pinned
from r1_on_eks.stack_file import STACKS, StackNotFound, read_stack, stack_names

_Stacks = Sequence[tuple[StackConfig, Mapping[str, Pin]]]


def run(arguments: argparse.Namespace) -> int:
    """`r1 pins` and `r1 pins refresh`.

    Returns:
        0 where all is pinned, or was looked up; 1 where something is not; 2 for misuse.
    """
    words = list(arguments.words)
    refreshing = words[:1] == ["refresh"]
    try:
        stacks = _read(words[1:] if refreshing else words)
        before = read_pinned(STACKS)
    except (StackNotFound, StackConfigError) as error:
        print(f"r1 pins: {error}", file=sys.stderr)
        return 2
    return _refresh(stacks, before, arguments.json) if refreshing else _show(
        stacks, before, arguments.json
    )  # fmt: skip


def _read(names: Sequence[str]) -> _Stacks:
    found = [read_stack(name) for name in names or stack_names()]
    if not found:
        read_stack("")
    return [(config, read_pins(STACKS, config.name)) for config in found]


def _show(stacks: _Stacks, pinned: Pinned, as_json: bool) -> int:
    told = {
        config.name: pins_of(
            Versions.of(config, pinned), image_source(config, pinned), images_in(config)
        )
        for config, _ in stacks
    }
    missing = any(value is None for pins in told.values() for value in pins.values())
    if as_json:
        print(json.dumps({"stacks": told}, indent=1))
        return int(missing)
    for stack, pins in told.items():
        print(stack)
        for what, value in pins.items():
            print(f"  {what:<62} {value or UNPINNED}")
    if missing:
        print("\nr1 pins refresh looks up what is unpinned (AWS credentials and the internet)")
    return int(missing)


def _refresh(stacks: _Stacks, before: Pinned, as_json: bool) -> int:
    try:
        from r1_on_eks.pinning.aws import Region
    except ModuleNotFoundError as missing:
        print(
            f"r1 pins refresh needs {missing.name}: pip install 'r1-on-eks[operations]'",
            file=sys.stderr,
        )
        return 2
    sources = Sources(digest=web.digest_of, revision=web.revision_of, region=Region)
    today = datetime.now(UTC).date().isoformat()
    wanted = lookups(Needs.of(stacks), sources, today)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(wanted))

        def told(what: str) -> None:
            progress.update(task, description=what, advance=1)

        looked_up = refresh(before, wanted, told)
    open_ones = {
        config.name: (config.region, sorted({one.instance for one in layouts.values()}))
        for config, pins in stacks
        if config.zones is None and (layouts := layouts_of(config, pins))
    }
    chosen = with_zones(looked_up.pinned, open_ones)
    write_pinned(STACKS, chosen.pinned)
    return _report(looked_up, chosen, as_json)


def _report(looked_up: Refreshed, chosen: Refreshed, as_json: bool) -> int:
    changed = [*looked_up.changed, *chosen.changed]
    failed = [*looked_up.failed, *chosen.failed]
    if as_json:
        answer: dict[str, Any] = {"changed": changed, "failed": failed}
        print(json.dumps(answer, indent=1, ensure_ascii=False))
        return int(bool(failed))
    for line in changed:
        print(line)
    for line in failed:
        print(f"not looked up, as before: {line}", file=sys.stderr)
    print(f"{len(changed)} pins changed, {len(failed)} lookups failed; {STACKS}/pins.yaml")
    return int(bool(failed))
