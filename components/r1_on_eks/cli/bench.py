"""`r1 bench`: its words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command, positive

_HELP = """\
Load on the route of a variant, and what came of it beside the plan's prediction: time to the
first token, time per token, throughput, each marked inside or outside the interval of the plan,
and the limits of the stack file. By default as the stack file says: its lengths, at its rate with
arrivals at random. --concurrency or --full keeps so many under way instead, and compares
throughput as well. Exits with 1 where a figure is outside, a limit missed or a request refused.

The key is read from R1_KEY. Inside a rehearsal key, address and certificate are known; a
stand-in answers there, at the pace of `r1 rehearse pace`. The load tool is NVIDIA's AIPerf, of
which the first run installs one version by its hashes (1.2 GB); `prepare` does that alone.

  R1_KEY=r1-… r1 bench prod-70b --gateway https://your.name
  r1 bench prod-70b --gateway https://your.name --full --record measured-here.csv
  r1 bench all-variants --gateway https://your.name --variant 7b --variant 14b \\
      --accuracy 7b=0.62 --accuracy 14b=0.7     what 14b costs more than 7b, and gains
  r1 bench https://your.name/api/v1/70b --prompt 500 --output 200 --concurrency 8
  r1 rehearse -- r1 bench prod-70b --output 50 --requests 20
  r1 bench prepare
"""


def add(subcommands: Any) -> None:
    """Adds `r1 bench`."""
    bench = add_command(
        subcommands, "bench", "load on a route, held against what the plan predicts", _HELP, _run
    )
    bench.add_argument(
        "target", metavar="STACK|URL", help="a stack, the URL of one route, or `prepare`"
    )
    bench.add_argument("--gateway", help="of a stack's gateway: https://your.name (R1_GATEWAY)")
    bench.add_argument("--ca", metavar="FILE", help="who signed its certificate (R1_GATEWAY_CA)")
    bench.add_argument(
        "--variant", action="append", default=[], metavar="V",
        help="which, again for each; they are compared with the first (the stack's first)",
    )  # fmt: skip
    bench.add_argument("--prompt", type=_count, help="prompt tokens (the plan's, or 1000)")
    bench.add_argument(
        "--output", type=_two, help="output tokens, 2 or more (the plan's, or 2000)"
    )
    how = bench.add_mutually_exclusive_group()
    how.add_argument("--rate", type=positive, help="requests per second (the plan's)")
    how.add_argument("--concurrency", type=_count, help="requests at a time instead of a rate")
    how.add_argument(
        "--full", action="store_true", help="as many at a time as the plan is made for"
    )
    bench.add_argument(
        "--requests",
        type=_count,
        help="how many are measured (60 at a rate; else 20, or 4 for each at a time if more)",
    )
    bench.add_argument(
        "--accuracy", type=_accuracy, action="append", default=[], metavar="V=SHARE",
        help="right answers of a variant, as a quality check of the stack or you found them",
    )  # fmt: skip
    bench.add_argument(
        "--record", metavar="ROWS.csv", help="add a row for r1 calibrate to this table"
    )
    bench.add_argument("--json", action="store_true", help="print it as JSON")


def _run(arguments: argparse.Namespace) -> int:
    from r1_on_eks.benchmarking import commands

    return commands.run(arguments)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 on; write 20")
    return int(text)


def _two(text: str) -> int:
    if (count := _count(text)) < 2:
        raise argparse.ArgumentTypeError(
            f"{text} token has no time after the first; write 2 or more"
        )
    return count


def _accuracy(text: str) -> tuple[str, float]:
    variant, _, share = text.partition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not variant or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: write a variant and a share, 7b=0.71")
    return variant, value
