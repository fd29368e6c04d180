"""`r1 recover`, `r1 sweep`, `r1 expire`, `r1 extend`: their words."""

import argparse
from typing import Any

_RECOVER_HELP = """\
After the engine of `pulumi up` or `pulumi destroy` was killed, or the machine died: finds in AWS
what it made and did not write down, by tags, names and parts, and hands it to Pulumi, or deletes
what is broken or was made twice. Without this, the next `pulumi up` makes a second one.

Shows what it would do; does it when somebody says so, and takes the stack's lock with that.
It can be repeated at any time. Exits with 1 where something was found and nothing done.

  r1 recover prod-70b             show, then ask
  r1 recover prod-70b --yes
  r1 recover prod-70b --json      show as JSON, change nothing
  r1 rehearse -- r1 recover prod-70b --yes
"""


def add(subcommands: Any) -> None:
    """Adds the commands around `pulumi up`."""
    recover = _command(
        subcommands, "recover", "after a crash: adopt what was made, delete what is doubled",
        _RECOVER_HELP,
    )  # fmt: skip
    recover.add_argument("stack", metavar="STACK")


def _command(subcommands: Any, name: str, about: str, told: str) -> argparse.ArgumentParser:
    command = subcommands.add_parser(
        name,
        help=about,
        description=told,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--yes", action="store_true", help="do it without asking")
    command.add_argument("--json", action="store_true", help="print what was found as JSON")
    command.set_defaults(run=_run)
    return command


def _run(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations import commands
    except ModuleNotFoundError as missing:
        if missing.name not in ("boto3", "botocore"):
            raise
        print(f"r1 {arguments.subcommand}: needs boto3: pip install 'r1-on-eks[operations]'")
        return 1
    return commands.run(arguments)
