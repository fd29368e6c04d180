"""What `r1 variants`, `r1 recommend` and `r1 plan` do: read, decide, print."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.plan import DoesNotFit, Plan
from r1_on_eks.plan.choice import Option, Workload, options
from r1_on_eks.plan.outlook import Outlook, outlook
from r1_on_eks.plan.recommend import recommend
from r1_on_eks.planning.tables import print_plan, print_recommendation, print_variants
from r1_on_eks.stack_config import StackConfigError, parse_stack_config

HOME_GROUND = "p4d.24xlarge"


def run_variants(arguments: argparse.Namespace) -> int:
    """`r1 variants`: the cheapest placement of each, and the cheapest on a p4d."""
    workload = _workload(arguments)
    found = {name: _best(options(variant, workload)) for name, variant in VARIANTS.items()}
    if arguments.json:
        print(json.dumps({"workload": asdict(workload), "variants": {
            name: {way: option and _plain(option) for way, option in ways.items()}
            for name, ways in found.items()
        }}, indent=1, ensure_ascii=False))  # fmt: skip
    else:
        print_variants(workload, found)
    return 0


def run_recommend(arguments: argparse.Namespace) -> int:
    """`r1 recommend`: which variant for a task, and why the others not.

    Returns:
        0 one is recommended, 1 none is.
    """
    workload = _workload(arguments)
    precisions = arguments.precision
    candidates = recommend(
        arguments.task,
        workload,
        budget=arguments.budget,
        accepted=precisions and (lambda one: one.precision in precisions),
    )
    if arguments.json:
        print(json.dumps([
            {"variant": one.variant.name, "taken": one.taken, "verdict": one.verdict,
             "option": one.option and _plain(one.option)} for one in candidates
        ], indent=1, ensure_ascii=False))  # fmt: skip
    else:
        print_recommendation(arguments.task, workload, candidates)
    return 0 if any(one.taken for one in candidates) else 1


def _workload(arguments: argparse.Namespace) -> Workload:
    return Workload(
        prompt=arguments.prompt,
        output=arguments.output,
        rate=arguments.rate,
        context=arguments.context or arguments.prompt + 4 * arguments.output,
        first_token_s=arguments.ttft,
        per_token_s=arguments.tpot,
    )


def _best(ways: list[Option]) -> dict[str, Option | None]:
    """The cheapest of measured layouts, and the cheapest on the package's home ground."""
    measured = [option for option in ways if not option.experimental]
    at_home = [option for option in ways if option.instance.name == HOME_GROUND]
    return {
        "cheapest": next(iter(measured or ways), None),
        HOME_GROUND: next(iter(at_home), None),
    }


def run_plan(arguments: argparse.Namespace) -> int:
    """`r1 plan STACK`: what would stand up, and how fast it is expected to be.

    Returns:
        0 fine, 1 it doesn't fit, 2 there is no such stack or its file is wrong.
    """
    path = Path("stacks") / f"Pulumi.{arguments.stack}.yaml"
    try:
        plan = _plan_of(path, arguments.stack)
    except OSError:
        known = ", ".join(sorted(_name(one) for one in Path("stacks").glob("Pulumi.*.yaml")))
        here = f"; there are {known}" if known else ": run it where stacks/ is"
        print(f"r1 plan: no {path}{here}", file=sys.stderr)
        return 2
    except StackConfigError as error:
        print(f"{path}\n{error}", file=sys.stderr)
        return 2
    except DoesNotFit as error:
        print(f"{path}\n{error}", file=sys.stderr)
        return 1
    outlooks = [
        outlook(model.placement, prompt=arguments.prompt, output=arguments.output)
        for model in plan.models
    ]
    if arguments.json:
        print(json.dumps({"stack": plan.stack, "models": [_plain(one) for one in outlooks]},
                         indent=1, ensure_ascii=False))  # fmt: skip
    else:
        print_plan(plan, outlooks)
    return 0


def _plan_of(path: Path, stack: str) -> Plan:
    content = yaml.safe_load(path.read_text()) or {}
    settings = content.get("config", {}).get("r1-on-eks:stack")
    if settings is None:
        raise StackConfigError("config has no r1-on-eks:stack")
    return Plan.of(parse_stack_config({"name": stack, **settings}))


def _name(path: Path) -> str:
    return path.name.removeprefix("Pulumi.").removesuffix(".yaml")


def _plain(found: Option | Outlook) -> dict[str, Any]:
    """For programs: names in place of catalogue rows."""
    flat = asdict(found)
    for row, key in (("variant", "name"), ("instance", "name"), ("checkpoint", "repository")):
        if row in flat:
            flat[row] = flat[row][key]
    if "placement" in flat:
        flat["placement"] = _plain_placement(flat["placement"])
    return flat


def _plain_placement(placement: dict[str, Any]) -> dict[str, Any]:
    return placement | {
        "variant": placement["variant"]["name"],
        "instance": placement["instance"]["name"],
        "checkpoint": placement["checkpoint"]["repository"],
    }
