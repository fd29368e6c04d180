"""`r1 new`: its words."""

import argparse
from typing import Any

_HELP = """\
Writes a project of your own: Pulumi.yaml, the program, a test stack with its placements pinned,
policies and a pyproject.toml that requires this version of r1-on-eks. It looks nothing up. The
same project comes of `pulumi new` with the folder that `r1 new --template` prints.

  r1 new my-models
  r1 new my-models --variant 7b --variant 32b --stack trial
  pulumi new "$(r1 new --template)" --dir my-models --stack dev
"""


def add(subcommands: Any) -> None:
    """Adds `r1 new`."""
    new = subcommands.add_parser(
        "new",
        help="write a project of your own",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    new.add_argument("directory", nargs="?", metavar="DIR", help="where: an empty or a new folder")
    new.add_argument(
        "--variant", action="append", metavar="VARIANT", help="what it serves, again for each (7b)"
    )
    new.add_argument(
        "--stack", dest="new_stack", default="dev", metavar="NAME", help="name of its stack (dev)"
    )
    new.add_argument("--name", metavar="PROJECT", help="name of the project (the folder's)")
    new.add_argument(
        "--template", action="store_true", help="print the template's folder, and write nothing"
    )
    new.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from r1_on_eks import new_project

    return new_project.run(arguments)
