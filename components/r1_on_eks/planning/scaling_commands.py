"""What `r1 scale` does: read, replay, print."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import yaml

from r1_on_eks.catalog.prices import on_demand
from r1_on_eks.decisions_files import read_decisions
from r1_on_eks.plan import DoesNotFit, Model, NotPinned, Plan
from r1_on_eks.plan.outlook import outlook
from r1_on_eks.plan.scaling import Scaling, busy, scaled_object
from r1_on_eks.planning import traces
from r1_on_eks.planning.replay import STEP, Day, Server, noisy, replay
from r1_on_eks.screen import Screen
from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_file import STACKS, StackNotFound, read_stack

# Any will do; the same one gives the same day.
_SEED = 9
_COLUMNS = 72


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One variant's scaling, and its day.

    Attributes:
        model: Of the plan.
        scaling: How it is scaled.
        day: What the replay came to; None where no speed is predicted, without a GPU.
        usd_per_replica_hour: On demand; None where no price was read.
    """

    model: Model
    scaling: Scaling
    day: Day | None
    usd_per_replica_hour: float | None

    @property
    def holds(self) -> bool:
        """Whether nothing flaps, and nobody waits when the day ends."""
        day = self.day
        return day is None or (not self.reversals and day.waiting[-1] < 1)

    @property
    def reversals(self) -> int:
        """How often replicas turned back before a further one could have answered."""
        return self.day.reversals(self.scaling.start_seconds) if self.day else 0


def run(arguments: argparse.Namespace) -> int:
    """`r1 scale STACK`.

    Returns:
        0 fine, 1 replicas flap, requests still wait, or the stack doesn't fit; 2 there is no such
        stack or trace, or its file is wrong.
    """
    if arguments.objects and (arguments.json or arguments.trace):
        other = "--json" if arguments.json else "--trace"
        print(
            f"r1 scale: --objects prints KEDA's objects and replays nothing; leave {other} out",
            file=sys.stderr,
        )
        return 2
    try:
        config = read_stack(arguments.stack, STACKS)
        plan = Plan.of(config, read_decisions(STACKS, config.name))
        trace = traces.read(arguments.trace) if arguments.trace else None
    except (StackNotFound, traces.WrongTrace) as error:
        print(f"r1 scale: {error}", file=sys.stderr)
        return 2
    except StackConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except (DoesNotFit, NotPinned) as error:
        print(f"{STACKS}/Pulumi.{arguments.stack}.yaml\n{error}", file=sys.stderr)
        return 1
    scaled = [(model, model.scaling) for model in plan.models if model.scaling]
    if not scaled:
        print(
            f"r1 scale: no variant of {plan.stack} is scaled; write scale: {{min: 1}} below one"
            " with two replicas or more",
            file=sys.stderr,
        )
        return 2
    if arguments.objects:
        objects = [scaled_object(scaling, arguments.prometheus) for _, scaling in scaled]
        print(yaml.safe_dump_all(objects, sort_keys=False), end="")
        return 0
    replayed = [replay_of(model, scaling, plan.region, trace) for model, scaling in scaled]
    if arguments.json:
        print(json.dumps([_plain(one) for one in replayed], indent=1))
    else:
        _print(replayed, str(arguments.trace) if arguments.trace else None)
    return 0 if all(one.holds for one in replayed) else 1


def replay_of(
    model: Model,
    scaling: Scaling,
    region: str,
    trace: Sequence[float] | None = None,
    seed: int = _SEED,
) -> Replayed:
    """Replays a day against one variant.

    Args:
        model: Of the plan.
        scaling: How it is scaled.
        region: Whose on-demand prices.
        trace: Requests per second in steps of 15 s; the example's, if not given.
        seed: Of the chance by which single requests come.
    """
    server = _server(model, region)
    rates = traces.example(model.workload.rate) if trace is None else trace
    price = on_demand(model.placement.instance, region)
    nodes = model.placement.nodes / model.placement.replicas
    return Replayed(
        model=model,
        scaling=scaling,
        day=replay(noisy(rates, seed), scaling, server) if server else None,
        usd_per_replica_hour=None if price is None else price * nodes,
    )


def _server(model: Model, region: str) -> Server | None:
    found = outlook(model.placement, model.workload, region=region)
    answer = busy(model.placement, model.workload)
    if found.most_rate is None or answer is None:
        return None
    first = answer.first_token_s.likely
    return Server(
        rate=found.most_rate / model.placement.replicas,
        answer_s=first + answer.per_token_s.likely * model.workload.output,
        first_token_s=first,
        at_a_time=model.placement.concurrency,
    )


def _plain(one: Replayed) -> dict[str, Any]:
    hours = one.scaling.hours
    told: dict[str, Any] = {
        **asdict(one.scaling),
        "hours": hours and hours.model_dump(),
        "usd_per_replica_hour": one.usd_per_replica_hour,
        "day": None,
    }
    if one.day:
        told["day"] = {
            "step_seconds": STEP,
            "wanted": one.day.wanted,
            "ready": one.day.ready,
            "replica_hours": round(one.day.replica_hours, 2),
            "fixed_replica_hours": 24 * one.scaling.most,
            "reversals": one.reversals,
            "most_waiting": round(max(one.day.waiting), 1),
            "refused": round(one.day.refused),
        }
    return told


def _print(replayed: Sequence[Replayed], trace: str | None) -> None:
    console = Screen(highlight=False, soft_wrap=True)
    for one in replayed:
        for line in told(one, trace):
            console.print(line, markup=False)
        console.print()
    console.print(
        "Predicted: speeds and starts are the plan's, not measured; instances alone, on demand.",
        style="dim",
    )


def told(one: Replayed, trace: str | None) -> list[str]:
    """One variant's scaling and day, as lines of at most 80 columns."""
    scaling, hours = one.scaling, one.scaling.hours
    lines = [
        f"{scaling.variant}: {scaling.least} to {scaling.most} replicas of"
        f" {one.model.placement.instance.name}",
        *(
            [
                f"  {hours.replicas} at least on {hours.days}, {hours.start} to {hours.end}"
                f" {hours.zone}"
            ]
            if hours
            else []
        ),
        f"  one more above {scaling.under_way} requests under way for each,"
        f" or a first token after {scaling.first_token_s:g} s",
        f"  a further one answers after {_minutes(scaling.start_seconds)} min at most, expected;"
        f" given up after {_minutes(scaling.limit_seconds)}",
        f"  up when wanted for {scaling.up_seconds} s; down when needless for"
        f" {_minutes(scaling.down_seconds)} min, one at a time",
        *_prices(one),
    ]
    if one.day is None:
        return [*lines, "  no day is replayed: without a GPU no speed is predicted"]
    return [
        *lines,
        f"  a day: {trace or 'made up, an office of Monday'}; its busiest"
        f" {max(_hourly(one.day.asked)):.2g} requests/s over an hour",
        *plot(one.day, scaling.most),
        *_outcome(one, one.day),
    ]


def _prices(one: Replayed) -> list[str]:
    price = one.usd_per_replica_hour
    if price is None:
        return ["  not priced: no on-demand price of its instance was read here"]
    return [
        f"  ${price * one.scaling.least:.2f} an hour for the fewest,"
        f" ${price * one.scaling.most:.2f} for all; r1 cost holds the budget against all"
    ]


def _outcome(one: Replayed, day: Day) -> list[str]:
    fixed = 24 * one.scaling.most
    saved = 100 * (1 - day.replica_hours / fixed)
    price = one.usd_per_replica_hour
    money = (
        f", ${day.replica_hours * price:.2f} against ${fixed * price:.2f}"
        if price is not None
        else ""
    )
    waited = max(day.waiting)
    return [
        f"  {day.replica_hours:.1f} replica-hours against {fixed} of fixed size{money}:"
        f" {saved:.0f} % less",
        f"  at most {waited:.0f} waited at a time; {day.refused:.0f} found no replica (503);"
        f" turned back within a start: {one.reversals}",
    ]


def plot(day: Day, most: int) -> list[str]:
    """Replicas over time: `█` answers, `░` is paid and starts or lingers."""
    width = len(day.wanted) / _COLUMNS
    cells = [range(int(at * width), int((at + 1) * width)) for at in range(_COLUMNS)]
    ready = [max(day.ready[one] for one in cell) for cell in cells]
    paid = [max(day.paid[one] for one in cell) for cell in cells]
    top = max(most, *paid)
    rows = [
        f"  {level:>2} "
        + "".join(
            "█" if has >= level else "░" if pays >= level else " "
            for has, pays in zip(ready, paid, strict=True)
        ).rstrip()
        for level in range(top, 0, -1)
    ]
    clock = "".join(f"{hour:02d}:00".ljust(_COLUMNS // 6) for hour in range(0, 24, 4))
    return [*rows, f"     {clock.rstrip()}"]


def _hourly(rates: Sequence[float]) -> list[float]:
    size = 3600 // STEP
    return [
        sum(rates[begin : begin + size]) / size
        for begin in range(0, max(1, len(rates) - size + 1), size)
    ]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f}"
