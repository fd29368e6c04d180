"""What `r1 bench` does: read the plan, send the load, hold what came against it."""

import argparse
import datetime
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from r1_on_eks.benchmarking import rows, tool
from r1_on_eks.benchmarking.compare import differences
from r1_on_eks.benchmarking.load import Load, default_requests, words_for
from r1_on_eks.benchmarking.measured import NotMeasured, read
from r1_on_eks.benchmarking.route import NotReached, Route
from r1_on_eks.benchmarking.run import Run
from r1_on_eks.benchmarking.tables import print_differences, print_run
from r1_on_eks.benchmarking.verdict import figures, predicted
from r1_on_eks.gateway_words import WrongGatewayWord, address_of, key_of
from r1_on_eks.plan import DoesNotFit, Model, NotPinned, Plan
from r1_on_eks.plan.outlook import outlooks
from r1_on_eks.screen import Screen
from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_file import StackNotFound, plan_of

# A rehearsal tells its commands where its own gateway is.
_URL, _KEY, _AUTHORITY = "R1_GATEWAY", "R1_KEY", "R1_GATEWAY_CA"


class Misused(ValueError):
    """The words don't fit together; says what would work."""


def run(arguments: argparse.Namespace) -> int:
    """`r1 bench`.

    Returns:
        0 everything is as planned, 1 something isn't or no run was possible, 2 misuse.
    """
    runs: list[Run] = []
    console = Screen(highlight=False)
    failed = False
    try:
        if arguments.target == "prepare":
            print(tool.find_or_install(_say))
            return 0
        for one in _runs(arguments):
            runs.append(one)
            # At once: a later variant that fails takes nothing away.
            if not arguments.json:
                print_run(console, one)
    except (Misused, WrongGatewayWord, StackNotFound, StackConfigError) as error:
        print(f"r1 bench: {error}", file=sys.stderr)
        return 2
    except (
        DoesNotFit, NotPinned, NotReached, NotMeasured, tool.ToolFailed, rows.NotRecorded, OSError
    ) as error:  # fmt: skip
        print(f"r1 bench: {error}", file=sys.stderr)
        if not runs:
            return 1
        failed = True
    compared = differences(runs, dict(arguments.accuracy))
    if arguments.json:
        told = {"runs": [one.plain() for one in runs], "differences": list(map(asdict, compared))}
        print(json.dumps(told, indent=1))
    else:
        print_differences(console, compared)
    return 0 if all(one.holds for one in runs) and not failed else 1


def _runs(arguments: argparse.Namespace) -> Iterator[Run]:
    _check_accuracy(arguments)
    if "://" in arguments.target:
        yield _on_a_url(arguments)
        return
    plan = plan_of(arguments.target)
    base = arguments.gateway or os.environ.get(_URL)
    if not base:
        raise Misused(
            f"where is the gateway of {plan.stack}? Name it: --gateway https://your.name"
            f" (or {_URL}), or rehearse it: r1 rehearse -- r1 bench {plan.stack}"
        )
    base = address_of(base, "--gateway" if arguments.gateway else _URL)
    by_name = {model.server.variant: model for model in plan.models}
    wanted = arguments.variant or [next(iter(by_name))]
    if unknown := [name for name in wanted if name not in by_name]:
        raise Misused(f"--variant {unknown[0]}: {plan.stack} has {', '.join(by_name)}")
    if arguments.record:
        rows.check(Path(arguments.record), [by_name[name] for name in wanted])
    prices = {
        one.placement.variant.name: one.usd_per_hour for one in outlooks(plan.models, plan.region)
    }
    routes = [_route(f"{base}/api/v1/{name}", name, arguments) for name in wanted]
    program = tool.find_or_install(_say)
    for name, route in zip(wanted, routes, strict=True):
        one = _measured(program, route, by_name[name], prices[name], plan, arguments)
        _record(one, plan, arguments)
        yield one


def _check_accuracy(arguments: argparse.Namespace) -> None:
    """What is given of variants that are not compared would be told nowhere."""
    for name, _ in arguments.accuracy:
        if len(arguments.variant) < 2 or name not in arguments.variant:
            raise Misused(
                f"--accuracy {name}=…: it is told beside the other variant's; write --variant"
                f" {name} and another --variant"
            )


def _on_a_url(arguments: argparse.Namespace) -> Run:
    if arguments.record:
        raise Misused("--record needs a stack: nothing else says which GPUs answer a URL")
    if arguments.rate is None and arguments.concurrency is None:
        raise Misused("a URL has no plan: say --rate or --concurrency, and --prompt and --output")
    if len(arguments.variant) > 1:
        raise Misused("a URL is one route: --variant once, for the name that requests say")
    name = (arguments.variant or [arguments.target.rstrip("/").rpartition("/")[2]])[0]
    route = _route(address_of(arguments.target, "URL"), name, arguments)
    return _measured(tool.find_or_install(_say), route, None, None, None, arguments)


def _route(url: str, model: str, arguments: argparse.Namespace) -> Route:
    authority = arguments.ca or os.environ.get(_AUTHORITY)
    if authority and not Path(authority).is_file():
        raise Misused(f"--ca {authority}: there is no such file")
    key = key_of(os.environ.get(_KEY), _KEY) or ""
    return Route(url=url, model=model, key=key, authority=Path(authority) if authority else None)


def _load(model: Model | None, arguments: argparse.Namespace) -> Load:
    workload = model and model.workload
    concurrency = arguments.concurrency
    if model and arguments.full:
        concurrency = model.placement.concurrency * model.placement.replicas
    rate = None if concurrency else arguments.rate or (workload and workload.rate)
    return Load(
        prompt=arguments.prompt or (workload.prompt if workload else 1000),
        output=arguments.output or (workload.output if workload else 2000),
        rate=rate,
        concurrency=concurrency,
        requests=arguments.requests or default_requests(concurrency),
    )


def _measured(
    program: Path,
    route: Route,
    model: Model | None,
    usd_per_hour: float | None,
    plan: Plan | None,
    arguments: argparse.Namespace,
) -> Run:
    load = _load(model, arguments)
    words = words_for(load.prompt, route.count)
    shown = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True),
    )  # fmt: skip
    with shown:
        task = shown.add_task(f"{route.model}: {load.told()}", total=load.requests)
        results = tool.run(
            program, route, load, words, lambda done: shown.update(task, completed=done)
        )
    found = read(results)
    estimate = predicted(model, load, plan.region) if model and plan else None
    return Run(
        name=route.model,
        route=route,
        load=load,
        measured=found,
        figures=figures(found, load, model, estimate),
        model=model,
        usd_per_hour=usd_per_hour,
        rehearsed="R1_REHEARSAL_STATE" in os.environ,
    )


def _record(one: Run, plan: Plan, arguments: argparse.Namespace) -> None:
    if not arguments.record or one.model is None:
        return
    row = rows.row_of(
        one.model,
        one.load,
        one.measured,
        source=f"r1 bench {plan.stack}",
        rehearsed=one.rehearsed,
        day=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    rows.append(Path(arguments.record), row)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
