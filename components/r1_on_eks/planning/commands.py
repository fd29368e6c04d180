"""What `r1 variants`, `r1 recommend` and `r1 plan` do: read, decide, print."""

import argparse
import json
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from r1_on_eks.catalog.instances import INSTANCE_TYPES, InstanceType
from r1_on_eks.catalog.model_shapes import Variant
from r1_on_eks.catalog.prices import PRICED_REGIONS, PURCHASES, sold_in
from r1_on_eks.catalog.variants import VARIANTS
from r1_on_eks.decisions_files import read_decisions
from r1_on_eks.placement_file import read_file_system, read_pins, write_pins
from r1_on_eks.plan import DoesNotFit, NotPinned, Plan, placements_of
from r1_on_eks.plan.choice import Option, best, options
from r1_on_eks.plan.outlook import Outlook, outlooks
from r1_on_eks.plan.recommend import Wish, growth, recommend
from r1_on_eks.plan.sharing import NothingMeets, cheapest_groups
from r1_on_eks.plan.stages import stages_of
from r1_on_eks.plan.storage import sized, told_size
from r1_on_eks.planning.choice_tables import print_recommendation, print_variants
from r1_on_eks.planning.plan_tables import print_plan
from r1_on_eks.stack_config import (
    Overrides,
    Pin,
    StackConfig,
    StackConfigError,
    WantedVariant,
    Workload,
    workload_of,
)
from r1_on_eks.stack_file import STACKS, StackNotFound, read_stack

HOME_GROUND = "p4d.24xlarge"


def run(arguments: argparse.Namespace) -> int:
    """`r1 variants`, `r1 recommend` or `r1 plan`.

    Returns:
        Its exit status; 2 where a number was misused.
    """
    try:
        return _COMMANDS[arguments.subcommand](arguments)
    except StackConfigError as error:
        print(f"r1 {arguments.subcommand}: {error}", file=sys.stderr)
        return 2


def run_variants(arguments: argparse.Namespace) -> int:
    """`r1 variants`: the cheapest placement of each, and the cheapest on a p4d."""
    workload = _workload(arguments)
    instances = _sold_in(arguments.region)
    found = {
        name: _best(options(variant, workload, instances=instances))
        for name, variant in VARIANTS.items()
    }
    if arguments.json:
        print(json.dumps({"workload": workload.model_dump(), "variants": {
            name: {way: option and _plain(option) for way, option in ways.items()}
            for name, ways in found.items()
        }, "licences": {name: _licences(VARIANTS[name]) for name in found}},
            indent=1, ensure_ascii=False))  # fmt: skip
    else:
        print_variants(workload, found, arguments.region)
    return 0


def _licences(variant: Variant) -> dict[str, Any]:
    return {"weights": variant.licence, "base": variant.base and asdict(variant.base)}


def run_recommend(arguments: argparse.Namespace) -> int:
    """`r1 recommend`: which variant for a task, and why the others not.

    Returns:
        0 one is recommended, 1 none is.
    """
    precisions = arguments.precision
    wish = Wish(
        task=arguments.task,
        workload=_workload(arguments),
        budget=arguments.budget,
        languages=arguments.languages,
        accepted=precisions and (lambda one: one.precision in precisions),
        instances=_sold_in(arguments.region),
    )
    candidates = recommend(wish)
    if arguments.json:
        print(json.dumps([
            {"variant": one.variant.name, "taken": one.taken, "verdict": one.verdict,
             "option": one.option and _plain(one.option),
             "purchases": _purchases(one.option.instance.name) if one.option else [],
             "grows_to": growth(one.variant.name)} for one in candidates
        ], indent=1, ensure_ascii=False))  # fmt: skip
    else:
        print_recommendation(wish, candidates, arguments.region)
    return 0 if any(one.taken for one in candidates) else 1


def _purchases(instance: str) -> list[dict[str, Any]]:
    return [asdict(way) for way in PURCHASES.get(instance, ())]


def _sold_in(region: str) -> list[InstanceType]:
    if region not in PRICED_REGIONS:
        raise StackConfigError(
            f"--region: {region}; no price of a GPU instance was read there,"
            f" only in {', '.join(PRICED_REGIONS)}"
        )
    return sold_in(region)


def _workload(arguments: argparse.Namespace) -> Workload:
    return workload_of(
        prompt=arguments.prompt,
        output=arguments.output,
        rate=arguments.rate,
        context=arguments.context or arguments.prompt + 4 * arguments.output,
        first_token_s=arguments.ttft,
        per_token_s=arguments.tpot,
    )


def _best(ways: list[Option]) -> dict[str, Option | None]:
    """The cheapest, and the cheapest on the package's home ground."""
    at_home = [option for option in ways if option.instance.name == HOME_GROUND]
    return {"cheapest": best(ways), HOME_GROUND: best(at_home)}


def run_plan(arguments: argparse.Namespace) -> int:
    """`r1 plan STACK`: what would stand up, and how fast it is expected to be.

    Returns:
        0 fine, 1 it doesn't fit or misses its limits, 2 there is no such stack or its file is
        wrong.
    """
    try:
        config = read_stack(arguments.stack, STACKS)
        if arguments.refresh:
            pin_anew(config)
        plan = Plan.of(config, read_decisions(STACKS, config.name))
    except StackNotFound as error:
        print(f"r1 plan: {error}", file=sys.stderr)
        return 2
    except StackConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (DoesNotFit, NotPinned, NothingMeets) as error:
        print(f"{STACKS}/Pulumi.{arguments.stack}.yaml\n{error}", file=sys.stderr)
        return 1
    expected = outlooks(plan.models, plan.region)
    cheaper = _cheaper(config, outlooks(plan.models))
    if arguments.json:
        print(json.dumps(_plain_plan(plan, expected, cheaper), indent=1, ensure_ascii=False))
    else:
        print_plan(plan, expected, cheaper, config.usage)
    return 0 if all(one.meets for one in expected) else 1


def pin_anew(config: StackConfig, stacks: Path = STACKS) -> None:
    """Decides every placement of a stack anew, and says of each whether it is another.

    Raises:
        NothingMeets: one line for each variant that no placement meets the workload of.
    """
    before = read_pins(stacks, config.name)
    on_cpu, on_gpus = _by_processor(config)
    pins = {name: Pin(workload=wanted.workload, placement=_fixed_on_cpu(wanted))
            for name, wanted in on_cpu.items()}  # fmt: skip
    for group in cheapest_groups(on_gpus):
        for option in group.options:
            wanted = config.variants[option.variant.name]
            pins[option.variant.name] = Pin(
                workload=wanted.workload, placement=_decided(option, group.pool)
            )
    pins = {variant: pins[variant] for variant in config.variants}
    stood = read_file_system(stacks, config.name)
    file_system = sized(config.weights, placements_of(config, pins), stood)
    if not write_pins(stacks, config.name, pins, file_system):
        print(f"{config.name}: every placement is as it was", file=sys.stderr)
        return
    for variant, pin in pins.items():
        told = "as it was" if before.get(variant) == pin else _told(pin.placement)
        print(f"{config.name}: {variant} {told}", file=sys.stderr)
    if file_system:
        told = "as it was" if file_system == stood else told_size(file_system)
        print(f"{config.name}: file system {told}", file=sys.stderr)


def _by_processor(
    config: StackConfig,
) -> tuple[dict[str, WantedVariant], dict[str, WantedVariant]]:
    """Variants that their stack file puts on instances without GPU, and all others."""
    on_cpu = {
        name: wanted
        for name, wanted in config.variants.items()
        if wanted.instance and not INSTANCE_TYPES[wanted.instance].gpus
    }
    return on_cpu, {name: one for name, one in config.variants.items() if name not in on_cpu}


def _fixed_on_cpu(wanted: WantedVariant) -> Overrides:
    """What the stack file says: nothing is chosen by a speed that nobody knows."""
    unsaid = {"precision": "bf16", "tensor_parallel": 1, "stages": 1, "replicas": 1,
              "concurrency": 4}  # fmt: skip
    return Overrides.model_validate(unsaid | wanted.overrides.model_dump(exclude_none=True))


def _decided(option: Option, pool: str | None) -> Overrides:
    numbers = {
        "instance": option.instance.name,
        "precision": option.checkpoint.precision,
        "tensor_parallel": option.tensor_parallel,
        "stages": option.stages,
        "replicas": option.replicas,
        "concurrency": option.concurrency,
        "gpu_memory_utilization": option.utilization,
        "pool": pool,
    }
    return Overrides.model_validate(numbers)


def _told(placement: Overrides) -> str:
    pool = f" in pool {placement.pool}" if placement.pool else ""
    stages = f" × {placement.stages} nodes" if placement.stages != 1 else ""
    return (
        f"on {placement.instance}{pool}: {placement.replicas} × {placement.tensor_parallel}"
        f" GPUs{stages}, {placement.concurrency} at a time"
    )


def _cheaper(config: StackConfig, expected: list[Outlook]) -> float | None:
    """Dollars per hour of the cheapest placements now, where they cost less than the pinned.

    At the prices of the Region that all placements are chosen by.
    """
    try:
        cheapest = sum(group.usd_per_hour for group in cheapest_groups(_by_processor(config)[1]))
    except NothingMeets:
        return None
    prices = [one.usd_per_hour for one in expected if not one.placement.on_cpu]
    now = sum(price for price in prices if price is not None)
    return cheapest if None not in prices and cheapest < now - 0.005 else None


def _plain_plan(plan: Plan, expected: list[Outlook], cheaper: float | None) -> dict[str, Any]:
    return {
        "stack": plan.stack,
        "pools": [
            {
                "name": pool.name,
                "instance": pool.instance_type,
                "nodes": pool.nodes,
                "purchases": _purchases(pool.instance_type),
            }
            for pool in plan.gpu_pools
        ],
        "storage": plan.storage
        and {**asdict(plan.storage), "file_system": plan.storage.file_system.model_dump()},
        "models": [
            {
                "pool": model.pool,
                "arguments": model.arguments,
                "attention": model.placement.attention,
                "stages": [asdict(stage) for stage in stages_of(model, plan.storage, plan.sync)],
                **_plain(one),
            }
            for model, one in zip(plan.models, expected, strict=True)
        ],
        "cheaper_usd_per_hour": cheaper,
    }


def _plain(found: Option | Outlook) -> dict[str, Any]:
    """For programs: names in place of catalogue rows."""
    if isinstance(found, Option):
        return _named(asdict(found))
    flat = {field.name: getattr(found, field.name) for field in fields(found)}
    return flat | {
        "placement": _named(asdict(found.placement)),
        "workload": found.workload.model_dump(),
        "asked": found.asked and asdict(found.asked),
        "full": found.full and asdict(found.full),
        "meets": found.meets,
        "usd_per_million_asked": found.usd_per_million_asked,
        "usd_per_million_full": found.usd_per_million_full,
    }


def _named(flat: dict[str, Any]) -> dict[str, Any]:
    for row, key in (("variant", "name"), ("instance", "name"), ("checkpoint", "repository")):
        flat[row] = flat[row][key]
    return flat


_COMMANDS = {"variants": run_variants, "recommend": run_recommend, "plan": run_plan}
