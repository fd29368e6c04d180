"""`r1 check`, `r1 verify`: their words."""

import argparse
from typing import Any

_CHECK_HELP = """\
Is this account ready for a stack? Asks, side by side and within five seconds: whose credentials
these are, vCPU quotas against what the plan needs beside what runs, zones and what they sell,
capacity, limits of the network, EKS's support of the Kubernetes version, machine images, the
weights in the bucket, permissions (simulated by IAM), pins, the cluster's endpoint, tags that
Cost Explorer knows, budget, certificate. Changes nothing. AWS bills $0.01 for a question to Cost
Explorer.

Each line is ✓ ready, ✗ lacking, with the command that changes it, or ? where it can't be known;
one question that is refused hides no other. Without credentials it says so and checks what is
written in the files. Exits with 1 where anything is ✗, with 2 where the stack's file is wrong.

  r1 check prod-70b
  r1 check prod-70b --json
  r1 check prod-70b --policy > policy.json      the IAM policy that pulumi up needs
  r1 rehearse -- r1 check prod-70b
"""


def add(subcommands: Any) -> None:
    """Adds `r1 check`."""
    check = subcommands.add_parser(
        "check",
        help="is this account ready: quotas, zones, capacity, versions, weights, permissions",
        description=_CHECK_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("stack", metavar="STACK")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.add_argument("--policy", action="store_true", help="print the IAM policy it needs")
    check.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations.readiness import commands
    except ModuleNotFoundError as missing:
        return _needs(missing, "check")
    return commands.run(arguments)


def _needs(missing: ModuleNotFoundError, command: str) -> int:
    if missing.name not in ("boto3", "botocore"):
        raise missing
    print(f"r1 {command}: needs boto3: pip install 'r1-on-eks[operations]'")
    return 1
