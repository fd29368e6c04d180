"""For a variant of which nobody may stand: who asks for it is told when to come again."""

import math
from collections.abc import Sequence

from r1_on_eks.plan.nginx.settings import Service, Site
from r1_on_eks.plan.nginx.text import indented

# What `$asleep` holds where nobody stood, and is nothing else.
ASLEEP = "asleep"


def waking(site: Site) -> tuple[Service, ...]:
    """Those that a request wakes."""
    return tuple(one for one in site.services if one.wakes_in is not None)


def sleepers(site: Site) -> str:
    """Who may sleep, for how long one waits for him, and whether this request found him asleep."""
    found = waking(site)
    if not found:
        return ""
    minutes = [(one.name, math.ceil((one.wakes_in or 0) / 60)) for one in found]
    return "\n".join(
        [
            _map("$sleeper", [(one.name, one.variant) for one in found]),
            _map("$wakes_in", [(one.name, one.wakes_in) for one in found]),
            _map("$wakes_in_minutes", minutes),
            # No server was reached: one that is there and says that it is full is awake.
            'map "$upstream_connect_time:$sleeper" $asleep {\n    default "";\n'
            f'    "~^-(, -| : -)*:." {ASLEEP};\n}}',
            "",
        ]
    )


def _map(target: str, entries: Sequence[tuple[str, object]]) -> str:
    lines = "\n".join(['default "";', *(f"{key} {value};" for key, value in entries)])
    return f"map $target {target} {{\n{indented(lines)}\n}}"
