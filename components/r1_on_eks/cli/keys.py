"""`r1 key`: its words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command, add_stack

_KEY_HELP = """\
Keys of the gateway. A stack file lists the SHA-256 of each, which is no secret; the key itself is
printed once and kept by whoever uses it.

  r1 key new alice         prints a key and the line for the stack file
  r1 key list prod-70b     whose keys a stack accepts

To change a key: add a second one of the same name, `pulumi up`, let its owner change over, take
the first one out, `pulumi up`. Both are one caller, with one allowance.
"""


def add(subcommands: Any) -> None:
    """Adds `r1 key`."""
    key = add_command(
        subcommands, "key", "keys of the gateway: make one, list a stack's", _KEY_HELP, _run
    )
    actions = key.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser("new", help="make a key", description="r1 key new alice")
    new.add_argument("name", metavar="NAME", help="whose it is: small letters, digits, dashes")
    listed = actions.add_parser(
        "list", help="whose keys a stack accepts", description="r1 key list prod-70b"
    )
    add_stack(listed)
    for parser in (new, listed):
        parser.add_argument("--json", action="store_true", help="print it as JSON")


def _run(arguments: argparse.Namespace) -> int:
    from r1_on_eks import key_commands

    return key_commands.run(arguments)
