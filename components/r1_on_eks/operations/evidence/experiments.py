"""Every experiment, and what came of them as a file."""

import json
import os
from collections.abc import Callable, Sequence

from r1_on_eks.operations.account import FAILURES
from r1_on_eks.operations.evidence.by_people import BY_PEOPLE
from r1_on_eks.operations.evidence.experiment import (
    CLUSTER,
    PERSON,
    Bench,
    Experiment,
    NotNow,
    Outcome,
    Verdict,
)
from r1_on_eks.operations.evidence.in_cluster import IN_CLUSTER
from r1_on_eks.operations.evidence.on_account import ON_ACCOUNT
from r1_on_eks.operations.readiness.ground import Ground

EXPERIMENTS = (*ON_ACCOUNT, *IN_CLUSTER, *BY_PEOPLE)
"""In the order in which they are run."""


def usd_of(experiments: Sequence[Experiment], ground: Ground) -> float | None:
    """What those that run by themselves cost together; None where a price is not known."""
    prices = [one.usd(ground) for one in experiments if one.run]
    return None if None in prices else sum(price or 0.0 for price in prices)


def carry_out(
    experiments: Sequence[Experiment], bench: Bench, told: Callable[[str], None]
) -> list[tuple[Experiment, Outcome]]:
    """Runs one after the other; one that fails takes no other with it.

    Args:
        experiments: Which.
        bench: What they stand on.
        told: Hears of each before it begins.
    """
    found = []
    stands: bool | None = None
    for one in experiments:
        told(one.name)
        if one.needs == CLUSTER:
            stands = _stands(bench) if stands is None else stands
            if not stands:
                why = "the stack does not stand: first pulumi up"
                found.append((one, Outcome(Verdict.NOT_RUN, why)))
                continue
        found.append((one, _outcome(one, bench)))
    return found


def _stands(bench: Bench) -> bool:
    try:
        cluster = bench.ground.cluster()
    except FAILURES:
        return False
    return cluster is not None and cluster["status"] == "ACTIVE"


def _outcome(one: Experiment, bench: Bench) -> Outcome:
    if one.run is None:
        return Outcome(Verdict.NOT_RUN, f"needs {PERSON}: {one.steps}")
    try:
        return one.run(bench)
    except NotNow as missing:
        return Outcome(Verdict.NOT_RUN, str(missing))
    except FAILURES as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        return Outcome(Verdict.NOT_RUN, f"AWS answered {why}")


def as_json(ground: Ground, outcomes: Sequence[tuple[Experiment, Outcome]]) -> str:
    """The evidence for programs."""
    return json.dumps(
        {
            "stack": ground.stack,
            "account": ground.config.owner,
            "region": ground.config.region,
            "day": ground.now.isoformat(timespec="minutes"),
            "asked": _asked(),
            "experiments": [
                {
                    "name": one.name,
                    "claims": list(one.claims),
                    "needs": one.needs,
                    "steps": one.steps,
                    "expected": one.expected,
                    "verdict": outcome.verdict.value,
                    "seen": outcome.seen,
                }
                for one, outcome in outcomes
            ],
        },
        indent=1,
        ensure_ascii=False,
    )


def as_markdown(ground: Ground, outcomes: Sequence[tuple[Experiment, Outcome]]) -> str:
    """The evidence for people: one row for each experiment."""
    rows = [
        f"| {one.name} | {_cell('; '.join(one.claims))} | {_cell(one.steps)} |"
        f" {_cell(one.expected)} | {outcome.verdict.value} | {_cell(outcome.seen)} |"
        for one, outcome in outcomes
    ]
    return "\n".join(
        (
            f"# {ground.stack} in account {ground.config.owner}, {ground.config.region}",
            "",
            f"By `r1 verify {ground.stack}`, {ground.now:%Y-%m-%d %H:%M} UTC, of {_asked()}.",
            "",
            "| experiment | claim | steps | expected | verdict | seen |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        )
    )


def _asked() -> str:
    """Who answered: evidence from a rehearsal is none of AWS."""
    stand_in = os.environ.get("AWS_ENDPOINT_URL")
    return f"{stand_in}, which is not AWS: this proves nothing of it" if stand_in else "AWS"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
