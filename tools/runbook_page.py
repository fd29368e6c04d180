"""docs/runbooks.md: what each alert means, and the first things to type."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1_on_eks.plan.monitoring.rules import alert_groups
from r1_on_eks.plan.names import cluster_name
from r1_on_eks.stack_file import plan_of, stack_names

ROOT = Path(__file__).parent.parent
_HEAD = """\
# Runbooks

First, whatever it is:

```sh account
r1 status prod-70b        what is wrong first, each line with the next thing to type
r1 recover prod-70b       where it says that an update died: finds what was made and not written down
```

What it asks and how it ends: [the command line](commands.md#at-night-r1-status). Then by the alert that woke you. Its annotation
`runbook` has the steps below with everything filled in. To paste them from here, say once what the alert names:

```sh account
export AWS_REGION=us-west-2 STACK=prod-70b VARIANT=70b POD=r1-70b-6ccb4b86c5-xsld7
export NODE=ip-10-64-16-5.us-west-2.compute.internal CRONJOB=quality-70b DEPLOYMENT=keda-operator
aws eks update-kubeconfig --name "${STACK//./-}"
```

Written from `plan/monitoring` by `python tools/pages.py`. When each fires: [monitoring](monitoring.md).
"""
_SEVERITIES = ("critical", "warning", "info")
_LABEL = re.compile(r"{{ *\$labels\.(\w+) *}}")
_VALUE = re.compile(r"{{ *\$value[^}]*}}")
# The page is for all stacks: a name with a dot, which that of its cluster has not.
_STACK, _CLUSTER = "any.stack", cluster_name("any.stack")


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
        for group in alert_groups(plan_of(stack, ROOT / "stacks")).values():
            yield from (alert.rule(_STACK) for alert in group)


def _told(alert: dict[str, Any]) -> str:
    notes = alert["annotations"]
    means, *steps = notes["runbook"].splitlines()
    head = f"*{_plain(notes['summary'])}*, for {alert['for']}. {_plain(means)}"
    return "\n\n".join([f"### {alert['alert']}", head, "\n".join(map(_step, steps))])


def _step(line: str) -> str:
    """A line of the annotation: what to look at, or, indented, what to type."""
    if not line.startswith(" "):
        return _plain(line)
    typed = line.replace(_CLUSTER, "${STACK//./-}").replace(_STACK, "$STACK")
    typed = _LABEL.sub(lambda found: f"${found[1].upper()}", typed).strip()
    return f"\n   ```sh account\n   {typed}\n   ```\n"


def _plain(text: str) -> str:
    labelled = _LABEL.sub(lambda found: found[1].upper(), text)
    return _VALUE.sub("…", labelled).replace(_STACK, "STACK")
