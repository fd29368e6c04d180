"""docs/runbooks.md: what each alert means, and the first things to type."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_on_eks.plan.monitoring.rules import rule_groups
from r1_on_eks.stack_file import plan_of, stack_names

ROOT = Path(__file__).parent.parent
_HEAD = """\
# Runbooks

First, whatever it is:

```sh account
r1 status prod-70b        what is wrong first, each line with the next thing to type
r1 recover prod-70b       where it says that an update died: finds what was made and not written down
```

What it asks and how it ends: [the command line](commands.md#at-night-r1-status). Then by the alert that woke you; the same words are its
annotation `runbook`. Written from `plan/monitoring` by `python tools/pages.py`; in each, VARIANT, POD and the like stand
for what the alert names, STACK for its stack. When each fires: [monitoring](monitoring.md).
"""
_SEVERITIES = ("critical", "warning", "info")
_STEP = re.compile(r" (?=[1-9]\. )")
_LABEL = re.compile(r"{{ *\$labels\.(\w+) *}}")
_VALUE = re.compile(r"{{ *\$value[^}]*}}")
# Each alert is the last stack's that has it; the page is for all.
_STACK = re.compile(r"\b(r1 (?:plan|check|cost|status|recover)) [a-z][\w.-]*\w")


def page() -> str:
    """The whole page."""
    found = {one["alert"]: one for one in _alerts()}
    parts = [_HEAD]
    for severity in _SEVERITIES:
        of_it = [one for one in found.values() if one["labels"]["severity"] == severity]
        parts.append(f"## {severity.capitalize()}")
        parts += [_told(one) for one in of_it]
    return "\n\n".join(one.strip("\n") for one in parts) + "\n"


def _alerts() -> Iterator[dict[str, Any]]:
    """Of every stack: some have alerts that others lack."""
    for stack in stack_names(ROOT / "stacks"):
        for group in rule_groups(plan_of(stack, ROOT / "stacks")):
            yield from (rule for rule in group["rules"] if "alert" in rule)


def _told(alert: dict[str, Any]) -> str:
    notes = alert["annotations"]
    means, *steps = _STEP.split(_plain(notes["runbook"]))
    lines = [f"### {alert['alert']}", f"*{_plain(notes['summary'])}*, for {alert['for']}. {means}"]
    return "\n\n".join([*lines, "\n".join(steps)]).rstrip()


def _plain(text: str) -> str:
    labelled = _LABEL.sub(lambda found: found[1].upper(), text)
    return _STACK.sub(r"\1 STACK", _VALUE.sub("…", labelled))
