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
    """Adds `r1 check` and `r1 verify`."""
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
    verify = subcommands.add_parser(
        "verify",
        help="run what only a real account can show, and write evidence (states its cost first)",
        description=_VERIFY_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument("stack", metavar="STACK")
    verify.add_argument("--yes", action="store_true", help="do it without asking")
    verify.add_argument("--only", action="append", metavar="NAME", help="one experiment; repeat")
    verify.add_argument("--json", action="store_true", help="print the evidence as JSON")
    verify.set_defaults(run=_verify)


def _check(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations.readiness import commands
    except ModuleNotFoundError as missing:
        return _needs(missing, "check")
    return commands.run(arguments)


def _verify(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations.evidence import commands
    except ModuleNotFoundError as missing:
        return _needs(missing, "verify")
    return commands.run(arguments)


def _needs(missing: ModuleNotFoundError, command: str) -> int:
    if missing.name not in ("boto3", "botocore"):
        raise missing
    print(f"r1 {command}: needs boto3: pip install 'r1-on-eks[operations]'")
    return 1
