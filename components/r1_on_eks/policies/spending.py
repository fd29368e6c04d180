"""Rules about money: what may be rented, for how much, and until when."""

from collections.abc import Iterator
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from r1_on_eks.catalog.kubernetes import KUBERNETES_VERSIONS
from r1_on_eks.cost.bill import Terms, bill_of
from r1_on_eks.cost.charges import NOT_PRICED, UNKNOWN
from r1_on_eks.cost.declared import Declaration, Declared
from r1_on_eks.policies.rule import ADVISORY, MANDATORY, Rule, Setting, Settings, StackRule

_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_CONFIG = "r1-on-eks:stack"
_SHOWN = 3


def _instance_types(one: Declared, settings: Settings) -> Iterator[str]:
    several, single = one.get("instanceTypes"), one.get("instanceType")
    wanted = several if isinstance(several, list) else [single]
    for name in wanted:
        if isinstance(name, str) and not any(fnmatch(name, each) for each in settings["types"]):
            yield f"{name} is not among the allowed types: {', '.join(settings['types'])}"


def _retention(one: Declared, settings: Settings) -> Iterator[str]:
    days = one.get("retentionInDays")
    if days in (None, 0):
        yield "retentionInDays is not set: logs are kept, and paid for, for ever"
    elif isinstance(days, int | float) and days < settings["days"]:
        yield f"retentionInDays is {days:g}, under {settings['days']}"


def _extended_support(one: Declared, _: Settings) -> Iterator[str]:
    version = one.get("version")
    if not isinstance(version, str):
        return
    row = KUBERNETES_VERSIONS.get(version)
    if row is None and version < min(KUBERNETES_VERSIONS):
        ended = "has ended"
    elif row is not None and row.standard_support_ends < date.today():
        ended = f"ended on {row.standard_support_ends}"
    else:
        return
    yield (
        f"standard support of Kubernetes {version} {ended}: its control plane costs $0.60 an hour"
        " in place of $0.10"
    )


def _dollars(declared: Declaration, _: str, settings: Settings) -> Iterator[str]:
    most = settings["most"]
    if most is None:
        return
    bill = bill_of(declared, Terms(region=settings["region"]))
    hourly = bill.hourly.most
    if hourly > most:
        dearest = sorted(bill.lines, key=lambda line: -line.hourly.most)[:_SHOWN]
        told = ", ".join(f"{line.name} ${line.hourly.most:.2f}" for line in dearest)
        yield f"at its largest it costs ${hourly:.2f} an hour, over ${most:g}: {told} …"
    gaps = {gap.name: gap.why for gap in bill.gaps if gap.kind in (NOT_PRICED, UNKNOWN)}
    if gaps and not settings["allow_unpriced"]:
        told = "; ".join(f"{name}: {why}" for name, why in sorted(gaps.items()))
        yield f"not in the sum, for their price is not known: {told}"


def _lifetime(_: Declaration, stack: str, settings: Settings) -> Iterator[str]:
    yield from lifetime_broken(stack, written_config(stack, Path.cwd()), settings["stacks"])


def written_config(stack: str, start: Path) -> dict[str, Any]:
    """What a stack's file says under `r1-on-eks:stack`; empty where it says nothing.

    The engine tells a policy pack no configuration: the library (1.21) drops what it is told.

    Args:
        stack: Its name.
        start: A folder in its project.
    """
    for folder in (start, *start.parents):
        if (manifest := folder / "Pulumi.yaml").is_file():
            project = yaml.safe_load(manifest.read_text()) or {}
            file = folder / project.get("stackConfigDir", ".") / f"Pulumi.{stack}.yaml"
            told = yaml.safe_load(file.read_text()) if file.is_file() else None
            return ((told or {}).get("config") or {}).get(_CONFIG) or {}
    return {}


def lifetime_broken(stack: str, config: dict[str, Any], patterns: list[str]) -> Iterator[str]:
    """What is wrong with the lifetime of a stack.

    Args:
        stack: Its name.
        config: What it says under `r1-on-eks:stack`; empty for a stranger's, which nothing ends
            by its lifetime.
        patterns: Names of test stacks, as "test-*".
    """
    if not config:
        return
    a_test = config.get("production") is False or any(fnmatch(stack, each) for each in patterns)
    if a_test and not config.get("lifetime"):
        yield f"{stack} is a test stack without lifetime: write `lifetime: 8h` into {_CONFIG}"


_NODES = (
    "aws:eks/nodeGroup:NodeGroup", "aws:ec2/instance:Instance",
    "aws:ec2/launchTemplate:LaunchTemplate",
)  # fmt: skip

SPENDING = (
    Rule(name="allowed-instance-types", level=MANDATORY, types=_NODES, breaks=_instance_types,
         settings={"types": Setting(kind="array", default=["*"],
                                    says='patterns of types, as "g6.*"')},
         says="Only allowed types of instances are rented."),
    Rule(name="log-retention", level=MANDATORY, types=(_LOG_GROUP,), breaks=_retention,
         settings={"days": Setting(kind="integer", default=1, says="the least days")},
         says="Logs end, and not too soon."),
    Rule(name="standard-support", level=ADVISORY, types=("aws:eks/cluster:Cluster",),
         breaks=_extended_support, says="Kubernetes is in standard support."),
)  # fmt: skip
STACK_SPENDING = (
    StackRule(name="max-dollars-per-hour", level=MANDATORY, breaks=_dollars,
              settings={
                  "most": Setting(kind="number", default=None,
                                  says="dollars an hour, all node groups at their largest"),
                  "region": Setting(kind="string", default=None,
                                    says="whose prices, where no provider says its Region"),
                  "allow_unpriced": Setting(kind="boolean", default=False,
                                            says="whether what has no known price may be in it"),
              },
              says="A stack stays below a sum, by the price book of r1-on-eks."),
    StackRule(name="lifetime", level=MANDATORY, breaks=_lifetime,
              settings={"stacks": Setting(kind="array", default=["test-*", "pr-*"],
                                          says="names of test stacks")},
              says="Test stacks of r1-on-eks say when they end."),
)  # fmt: skip
