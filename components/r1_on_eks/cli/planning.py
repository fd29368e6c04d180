"""`r1 variants`, `r1 recommend` and `r1 plan`: their words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command, add_stack, positive

_VARIANTS_HELP = """\
The cheapest placement of each variant that meets a workload, and the cheapest on p4d: every
instance type, every split over its GPUs and every number of replicas is looked at. The limits'
defaults are those of MLPerf's interactive DeepSeek-R1 server (2 s, 80 ms).

  r1 variants
  r1 variants --region ap-northeast-1
  r1 variants --rate 5 --output 4000 --tpot 0.05
  r1 variants --json
"""

_RECOMMEND_HELP = """\
The cheapest variant that is meant for a task, meets the limits and stays within a budget, and
for each of the others why not. Tasks, from light to heavy: classification, answers, chat,
writing, domain, reasoning, science, code, mathematics.

Exits with 1 where none is recommended.

  r1 recommend --task chat
  r1 recommend --task reasoning --rate 2 --budget 50 --precision bf16 --precision int4
  r1 recommend --task writing --languages en,ja --region us-west-2
"""

_PLAN_HELP = """\
What a stack would stand up, before Pulumi: placements, memory of each GPU, the expected time to
the first token and per token with their intervals, tokens per second, dollars.

Placements are pinned in stacks/placements/STACK.yaml with the workload that they were made for:
`pulumi up` reads them and resizes nothing by itself. --refresh decides them anew, as the stack
file asks, and writes that file. Exits with 1 where a variant doesn't fit or misses its limits.

  r1 plan prod-70b
  r1 plan prod-70b --refresh
  r1 plan prod-70b --json
"""


def add(subcommands: Any) -> None:
    """Adds the commands that plan."""
    _add_variants(subcommands)
    _add_recommend(subcommands)
    _add_plan(subcommands)


def _run(arguments: argparse.Namespace) -> int:
    from r1_on_eks.planning import commands

    return commands.run(arguments)


def _add_variants(subcommands: Any) -> None:
    variants = add_command(
        subcommands,
        "variants",
        "the seven variants: where each is cheapest, how fast, for how much",
        _VARIANTS_HELP,
        _run,
    )
    _add_workload(variants)
    variants.add_argument("--json", action="store_true", help="print it as JSON")


def _add_recommend(subcommands: Any) -> None:
    from r1_on_eks.catalog.model_shapes import TASKS

    recommend = add_command(
        subcommands,
        "recommend",
        "which variant for a task, and why the others not",
        _RECOMMEND_HELP,
        _run,
    )
    recommend.add_argument("--task", required=True, choices=TASKS, help="what it is for")
    recommend.add_argument("--budget", type=positive, help="dollars an hour for instances")
    recommend.add_argument(
        "--precision", action="append", choices=["bf16", "fp8", "int8", "int4"],
        help="checkpoints that will do, again for each (the published one)",
    )  # fmt: skip
    recommend.add_argument(
        "--languages", type=_languages, default=(), metavar="CODES",
        help="that it must have been made for, as zh,en,de",
    )  # fmt: skip
    _add_workload(recommend)
    recommend.add_argument("--json", action="store_true", help="print it as JSON")


def _add_workload(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prompt", type=_tokens, default=1000, help="prompt tokens of a request (1000)"
    )
    parser.add_argument(
        "--output", type=_tokens, default=2000, help="output tokens, thinking included (2000)"
    )
    parser.add_argument("--rate", type=positive, default=1.0, help="requests per second (1)")
    parser.add_argument(
        "--context", type=_tokens, help="longest sequence in tokens (prompt and 4 × the output)"
    )
    parser.add_argument(
        "--ttft", type=positive, default=2.0, help="limit on the first token, in seconds (2)"
    )
    parser.add_argument(
        "--tpot", type=positive, default=0.08, help="limit per output token, in seconds (0.08)"
    )
    parser.add_argument("--region", default="us-east-1", help="whose on-demand prices (us-east-1)")


def _add_plan(subcommands: Any) -> None:
    plan = add_command(
        subcommands, "plan", "what a stack would stand up: memory, speed, price", _PLAN_HELP, _run
    )
    add_stack(plan)
    plan.add_argument(
        "--refresh", action="store_true", help="decide the placements anew and pin them"
    )
    plan.add_argument("--json", action="store_true", help="print it as JSON")


def _tokens(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no number of tokens; write 1000")
    return int(text)


def _languages(text: str) -> tuple[str, ...]:
    from r1_on_eks.catalog.languages import KNOWN

    codes = tuple(text.lower().split(","))
    if foreign := [code for code in codes if code not in KNOWN]:
        raise argparse.ArgumentTypeError(
            f"{', '.join(foreign)}: no variant was made for it; there are {', '.join(KNOWN)}"
        )
    return codes
