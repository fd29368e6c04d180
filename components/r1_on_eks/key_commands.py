"""What `r1 key` does."""

import argparse
import json
import sys

from r1_on_eks.api_keys import fingerprint, new_key
from r1_on_eks.config_errors import EXAMPLES
from r1_on_eks.stack_config import StackConfigError, key_name
from r1_on_eks.stack_file import StackNotFound, read_stack


def run(arguments: argparse.Namespace) -> int:
    """Carries out `new` or `list`; returns the exit status."""
    action = _new if arguments.action == "new" else _list
    try:
        return action(arguments)
    except (StackConfigError, StackNotFound) as error:
        print(f"r1 key: {error}", file=sys.stderr)
        return 2


def _new(arguments: argparse.Namespace) -> int:
    name, key = key_name(arguments.name), new_key()
    entry = {"name": name, "sha256": fingerprint(key)}
    if arguments.json:
        print(json.dumps({"key": key, **entry}))
        return 0
    print(key)
    # The key alone on standard output: `r1 key new alice > alice.key` keeps it off the screen.
    print(
        "It is shown this once. For the stack file, below gateway.keys:\n"
        f"  - {{name: {name}, sha256: {entry['sha256']}}}",
        file=sys.stderr,
    )
    return 0


def _list(arguments: argparse.Namespace) -> int:
    gateway = read_stack(arguments.stack).gateway_section
    rows = [
        {
            "name": key.name,
            "sha256": key.sha256,
            **(key.limits or gateway.limits).model_dump(),
        }
        for key in gateway.keys
    ]
    if arguments.json:
        print(json.dumps(rows))
    for row in () if arguments.json else rows:
        print(
            f"{row['name']:<32} {row['sha256'][:8]}…  {row['per_minute']} a minute,"
            f" {row['at_a_time']} at a time"
        )
    if not rows and not arguments.json:
        print(f"none, so nobody gets in; write {EXAMPLES['keys']}")
    return 0
