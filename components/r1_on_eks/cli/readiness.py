"""`r1 check`, `r1 status`, `r1 verify`: their words."""

import argparse
import re
from typing import Any

from r1_on_eks.cli.parsing import add_command, add_stack, lacks

_CHECK_HELP = """\
Is this account ready for a stack? Asks, side by side and within five seconds: whose credentials
these are, vCPU quotas against what the plan needs beside what runs, zones and what they sell,
capacity, limits of the network, EKS's support of the Kubernetes version, machine images, the
weights in the bucket, permissions (simulated by IAM), pins, the cluster's endpoint, tags that
Cost Explorer knows, budget, certificate, whom alerts tell. Changes nothing. AWS bills $0.01 for a
question to Cost Explorer.

Each line is ✓ ready, ✗ lacking, with the command that changes it, or ? where it can't be known;
one question that is refused hides no other. Without credentials it says so and checks what is
written in the files. Exits with 1 where anything is ✗, with 2 where the stack's file is wrong.

  r1 check prod-70b
  r1 check prod-70b --json
  r1 check prod-70b --policy > policy.json      the IAM policy that pulumi up needs
  r1 check prod-70b --policy preview            that of pulumi preview; of r1 check itself: check;
                                                of r1 recover and r1 sweep: sweep
  r1 check prod-70b --role arn:aws:iam::111122223333:role/deployer
  r1 rehearse -- r1 check prod-70b
"""

_STATUS_HELP = """\
How is a stack that stands? Asks Pulumi, AWS, the cluster and the gateway, side by side and within
eight seconds: whether an update runs, died or failed, cluster, node groups, nodes, replicas of
each variant and why one is not ready, all other pods, each route by a request for one token, file
system, weights, dollars an hour, lifetime. Changes nothing.

What is wrong comes first: ✗ wrong, with what to type next, ? where it isn't known or under way,
✓ well. What can't be reached is one line, and all else is asked. Exits with 1 where anything is ✗,
with 2 where the stack's file is wrong. What isn't known is no "no": it leaves 0, and the last line
says how much that is.

R1_KEY is a key of the gateway; without one the routes are not asked. The gateway is asked at the
address that the stack exports, or at --gateway (R1_GATEWAY). The key is sent to no certificate
that isn't believed: by the balancer's own name give the gateway's as --ca (R1_GATEWAY_CA).

  r1 status prod-70b
  r1 status prod-70b --json
  R1_KEY=r1-… r1 status prod-70b --gateway https://your.name
  R1_KEY=r1-… r1 status prod-70b --ca gateway.pem
  r1 rehearse -- r1 status prod-70b
"""

_VERIFY_HELP = """\
Runs what only a real account can show, and writes dated evidence: evidence/STACK-DAY.json and .md,
with a verdict for each line of README and docs that nobody has tried on AWS yet. First it prints
what each experiment does, needs and costs; nothing runs before somebody says so, or --yes.

Some need the account alone (prices, images, a dry run of RunInstances, a capacity reservation that
is given back at once), some a stack that stands (kubectl and aws on PATH; R1_KEY for a key of the
gateway), some a person: those are listed and not run. Exits with 1 where a claim did not hold.

  r1 verify test-7b                      show, ask, run
  r1 verify test-7b --yes --json
  r1 verify prod-70b --only prices --only images
"""


def add(subcommands: Any) -> None:
    """Adds `r1 check`, `r1 status` and `r1 verify`."""
    check = add_command(
        subcommands,
        "check",
        "is this account ready: quotas, zones, capacity, versions, weights, permissions",
        _CHECK_HELP,
        _check,
    )
    add_stack(check)
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.add_argument(
        "--policy",
        nargs="?",
        const="up",
        choices=("up", "preview", "check", "sweep"),
        help="print the IAM policy that pulumi up needs; or another command",
    )
    check.add_argument(
        "--role",
        type=_role,
        metavar="ARN",
        help="the role that runs pulumi up, whose permissions are simulated; else who asks",
    )
    status = add_command(
        subcommands,
        "status",
        "how a stack is that stands: update, nodes, replicas, routes, weights, cost",
        _STATUS_HELP,
        _status,
    )
    add_stack(status)
    status.add_argument("--gateway", metavar="URL", help="where its gateway is reached")
    status.add_argument(
        "--ca", metavar="FILE", help="the gateway's certificate, or who signed it (R1_GATEWAY_CA)"
    )
    status.add_argument("--json", action="store_true", help="print the findings as JSON")
    verify = add_command(
        subcommands,
        "verify",
        "run what only a real account can show, and write evidence (states its cost first)",
        _VERIFY_HELP,
        _verify,
    )
    add_stack(verify)
    verify.add_argument("--yes", action="store_true", help="do it without asking")
    verify.add_argument("--only", action="append", metavar="NAME", help="one experiment; repeat")
    verify.add_argument("--json", action="store_true", help="print the evidence as JSON")


def _role(value: str) -> str:
    if not re.fullmatch(r"arn:aws(-[a-z-]+)?:iam::\d{12}:(role|user)/[\w+=,.@/-]+", value):
        raise argparse.ArgumentTypeError(
            f"{value!r} is no role's ARN; write arn:aws:iam::<account>:role/<name>"
        )
    return value


def _check(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations.readiness import commands
    except ModuleNotFoundError as missing:
        return lacks(missing, "check", "operations")
    return commands.run(arguments)


def _status(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations.status import commands
    except ModuleNotFoundError as missing:
        return lacks(missing, "status", "operations")
    return commands.run(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations.evidence import commands
    except ModuleNotFoundError as missing:
        return lacks(missing, "verify", "operations")
    return commands.run(arguments)
