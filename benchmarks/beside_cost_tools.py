"""What Infracost and finfocus would price of each stack: derived from their source, not run.

    python benchmarks/beside_cost_tools.py > docs/cost_tools.md

Neither was run: Infracost reads no Pulumi at all (infracost#187), so its column is what its rules
would make of the same resources in Terraform (infracost/infracost, 2026-08-21); finfocus reads a
preview (plugin-aws-public, 4f81f05). Each rule below is one that was read there.
"""

import sys
from pathlib import Path

from r1_on_eks.cost.bill import Line, Terms, bill_of
from r1_on_eks.cost.declared import Declaration
from r1_on_eks.cost.trees import Declaring
from r1_on_eks.stack_file import stack_names

PROJECT = Path(__file__).parent.parent
# A month of a control plane: what finfocus takes for every resource of EKS
# (internal/plugin/projected.go, normalizeResourceType takes the service alone).
_EKS_MONTH = 73.0
_HEAD = """\
*Derived, not run*: `python benchmarks/beside_cost_tools.py` applies the rules that were read in
their source. Infracost reads no Pulumi; its column is the same resources in Terraform.
"""
_FINFOCUS_PRICES = ("aws:ec2/natGateway:NatGateway", "aws:lb/loadBalancer:LoadBalancer")


def infracost(lines: tuple[Line, ...]) -> float:
    """Its month: no FSx for Lustre (#1600), no address in use, no use that nobody told."""
    return sum(
        line.monthly.desired
        for line in lines
        if line.price.service != "FSx"
        and line.price.what != "public IPv4 address"
        and not line.price.what.endswith("capacity block")
        and not line.assumed
    )


def finfocus(lines: tuple[Line, ...], declared: Declaration) -> float:
    """Its month: $73 for whatever is of EKS, node groups among them, which cost nothing else."""
    of_eks = sum(one.type.startswith("aws:eks/") for one in declared)
    others = sum(
        line.monthly.desired
        for line in lines
        if line.type in _FINFOCUS_PRICES and not line.assumed
    )
    return of_eks * _EKS_MONTH + others


def main() -> int:
    """Prints the page."""
    names = stack_names(PROJECT / "stacks")
    declared = Declaring(PROJECT, names).declarations()
    print("# What other tools would price of the same stacks\n")
    print(_HEAD)
    print("| stack | here, $/month | Infracost | off by | finfocus | off by |")
    print("|---|--:|--:|--:|--:|--:|")
    for name in names:
        bill = bill_of(declared[name], Terms())
        own, theirs = bill.monthly.desired, infracost(bill.lines)
        other = finfocus(bill.lines, declared[name])
        print(f"| {name} | {own:,.2f} | {theirs:,.2f} | {theirs - own:+,.2f} | {other:,.2f}"
              f" | {other - own:+,.2f} |")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
