"""For a variant of which nobody may stand: who asks for it is told when to come again."""

from collections.abc import Sequence

from r1_on_eks.plan.nginx.settings import Site, Sleeper
from r1_on_eks.plan.nginx.text import indented

# What `$asleep` holds where nobody stood, and is nothing else.
ASLEEP = "asleep"


def may_sleep(site: Site) -> dict[str, Sleeper]:
    """Those of which nobody may stand, by the name of their Service."""
    return {one.name: one.sleeper for one in site.services if one.sleeper is not None}


def sleepers(site: Site) -> str:
    """Who may sleep, what is told of him, and whether this request found him asleep."""
    found = may_sleep(site)
    if not found:
        return ""
    return "\n".join(
        [
            _map("$sleeper", [(name, "yes") for name in found]),
            _map("$again_in", [(name, one.again_in) for name, one in found.items()]),
            _map("$told_asleep", [(name, f'"{one.told}"') for name, one in found.items()]),
            # No server was reached: one that is there and says that it is full is awake.
            'map "$upstream_connect_time:$sleeper" $asleep {\n    default "";\n'
            f'    "~^-(, -| : -)*:." {ASLEEP};\n}}',
            "",
        ]
    )


def _map(target: str, entries: Sequence[tuple[str, object]]) -> str:
    lines = "\n".join(['default "";', *(f"{key} {value};" for key, value in entries)])
    return f"map $target {target} {{\n{indented(lines)}\n}}"
