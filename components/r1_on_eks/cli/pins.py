"""`r1 pins`: its words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command

_PINS_HELP = """\
What runs in a stack by version: container images by digest, EKS's machine images and add-ons by
release; each with its pin, or `unpinned`. Exits with 1 where something is unpinned: a production
stack is refused then, unless its file says allow_unpinned: true.

`refresh` looks everything up and writes stacks/pins.yaml, with the zones of this account and the
zones that offer the stacks' instance types. It asks AWS (with your credentials), the images'
registries and the hub. What fails is told in a line, and keeps the pin that it had. `pulumi up`
reads that file and looks nothing up.

  r1 pins                      every stack
  r1 pins prod-70b --json
  r1 pins refresh              for every stack
  r1 pins refresh prod-70b
"""


def add(subcommands: Any) -> None:
    """Adds `r1 pins`."""
    pins = add_command(
        subcommands, "pins", "what runs by version, pinned or not; refresh looks it up",
        _PINS_HELP, _run, usage="r1 pins [-h] [--json] [refresh] [STACK ...]",
    )  # fmt: skip
    pins.add_argument("words", nargs="*", metavar="STACK", help="of stacks/Pulumi.<STACK>.yaml")
    pins.add_argument("--json", action="store_true", help="print it as JSON")


def _run(arguments: argparse.Namespace) -> int:
    from r1_on_eks.pinning import commands

    return commands.run(arguments)
