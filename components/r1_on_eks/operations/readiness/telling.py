"""Findings as a person reads them, and as a program does."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from r1_on_eks.operations.readiness.finding import Finding, Standing, is_ready
from r1_on_eks.operations.readiness.ground import Ground

_COLOURS = {Standing.READY: "green", Standing.LACKING: "red", Standing.UNKNOWN: "yellow"}


@dataclass(frozen=True)
class Words:
    """How a command calls what it found.

    Attributes:
        whole: Of all findings together: the key of the JSON that says whether nothing is lacking.
        of: Each standing.
    """

    whole: str
    of: Mapping[Standing, str]


def as_json(ground: Ground, found: Sequence[Finding], seconds: float, words: Words) -> str:
    """For programs: standings in words."""
    return json.dumps(
        {
            "stack": ground.stack,
            "account": ground.config.owner,
            "region": ground.config.region,
            words.whole: is_ready(found),
            "seconds": round(seconds, 2),
            "findings": [
                {
                    "standing": words.of[one.standing],
                    "subject": one.subject,
                    "found": one.found,
                    "fix": one.fix,
                }
                for one in found
            ],
        },
        indent=1,
        ensure_ascii=False,
    )


def print_findings(
    console: Console, ground: Ground, found: Sequence[Finding], seconds: float, words: Words
) -> None:
    """One line each, and below it what to type."""
    console.print(f"{ground.stack} in account {ground.config.owner}, {ground.config.region}\n")
    width = max(len(one.subject) for one in found)
    for one in found:
        line = Text(f"{one.standing.value} ", style=_COLOURS[one.standing])
        line.append(f"{one.subject:{width}}  {one.found}", style="default")
        # Not wrapped: commands are copied from here.
        console.print(line, soft_wrap=True)
        if one.fix:
            console.print(
                f"{'':{width + 2}}  → {one.fix}", soft_wrap=True, style="dim", markup=False
            )
    counts = ", ".join(
        f"{sum(one.standing is standing for one in found)} {word}"
        for standing, word in words.of.items()
    )
    console.print(f"\n{counts}; {seconds:.1f} s")
    unknown = sum(one.standing is Standing.UNKNOWN for one in found)
    if unknown and is_ready(found):
        # The exit status is that of "all is well": this says what it is worth.
        word = words.of[Standing.LACKING]
        console.print(f"nothing is known to be {word}; {unknown} of {len(found)} are not known")
