"""`r1 recover`, `r1 sweep`, `r1 expire`, `r1 extend`: their words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command, add_stack, lacks

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

_SWEEP_HELP = """\
Asks AWS itself what is left of a stack that was destroyed: everything with its tag, and what
others left in its network or for its cluster (interfaces, security groups, load balancers,
volumes, log groups), with dollars per month. Exits with 1 where anything is left.

--delete removes what carries the stack's tag, after showing it; it can be repeated. Nothing is
deleted of a stack that Pulumi still knows resources of, and never what has no tag of ours: its
line says what to type.

  r1 sweep test-7b
  r1 sweep test-7b --delete           show, ask, delete
  r1 sweep test-7b --region us-west-2 --json     of a stack whose file is gone
"""

_EXPIRE_HELP = """\
Lists the stacks of the project, on whatever backend Pulumi is logged in to, and destroys those
that have outlived the `lifetime` of their file (90m, 8h, 2d), counted from the update that began
their life. Never one that is protected, being updated, or without a lifetime.

Safe to run from cron: it can be repeated, and goes on where it was interrupted. Exits with 1
where a stack has expired and still stands.

  r1 expire               show, then ask
  r1 expire --yes         in cron and workflows
  r1 expire --json
"""

_EXTEND_HELP = """\
Gives a stack more time: adds to the `lifetime` in stacks/Pulumi.STACK.yaml. Nothing in AWS
changes; commit the file, so that whoever runs `r1 expire` reads it.

  r1 extend test-7b 4h
"""


def add(subcommands: Any) -> None:
    """Adds the commands around `pulumi up`."""
    recover = add_command(
        subcommands, "recover", "after a crash: adopt what was made, delete what is doubled",
        _RECOVER_HELP, _run,
    )  # fmt: skip
    sweep = add_command(
        subcommands, "sweep", "after a destroy: prove that nothing is left", _SWEEP_HELP, _run
    )
    expire = add_command(
        subcommands, "expire", "destroy test stacks that outlived their time", _EXPIRE_HELP, _run
    )
    extend = add_command(subcommands, "extend", "give a test stack more time", _EXTEND_HELP, _run)
    for command in (recover, sweep, extend):
        add_stack(command)
    extend.add_argument("by", type=_span, metavar="TIME", help="90m, 8h or 2d")
    sweep.add_argument("--delete", action="store_true", help="remove what carries its tag")
    sweep.add_argument("--region", help="AWS Region (that of its state or its file)")
    for command in (recover, sweep, expire):
        command.add_argument("--yes", action="store_true", help="do it without asking")
    for command in (recover, sweep, expire, extend):
        command.add_argument("--json", action="store_true", help="print what was found as JSON")


def _span(text: str) -> Any:
    from r1_on_eks.operations.expiry import duration_of

    try:
        return duration_of(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


def _run(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations import commands
    except ModuleNotFoundError as missing:
        return lacks(missing, arguments.subcommand, "operations")
    return commands.run(arguments)
