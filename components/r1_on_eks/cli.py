"""`r1`: the command line. It parses, calls and prints; it decides nothing."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

_REHEARSE_HELP = """\
Runs any command inside a local cloud: AWS and Kubernetes on this machine, no account needed.
The cloud starts with the first command and stays up until it is stopped.

  r1 rehearse -- pulumi up --yes --stack prod-70b
  r1 rehearse -- kubectl get pods --all-namespaces -o wide
  r1 rehearse -- aws eks list-clusters
  r1 rehearse report prod-70b     what stands up, where, the routes, one streamed answer
  r1 rehearse prepare             make its tools ready (the first time: 15 minutes of building)
  r1 rehearse status              what runs now
  r1 rehearse stop                ends it; local cloud and stack states are forgotten together
"""

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

_CALIBRATE_HELP = """\
Fits the coefficients of the speed model to measured rows and writes them into the catalogue,
with the errors on rows left out of the fit (minutes). With --score it only says how far the
committed coefficients are off.

  r1 calibrate benchmarks/measured.csv more.csv
  r1 calibrate --score benchmarks/measured.csv
  r1 calibrate --score benchmarks/measured.csv --page docs/estimates.md
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The console script `r1`.

    Returns:
        0 fine, 1 the answer is no, 2 misuse; or the exit status of a rehearsed command.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    split = words.index("--") if "--" in words else len(words)
    command = words[split + 1 :]
    arguments = _parser().parse_args(words[:split])
    # Loaded here: planning commands must not wait for moto and the Kubernetes client.
    if arguments.subcommand in ("variants", "recommend", "plan"):
        from r1_on_eks.planning import commands as planning

        return planning.run(arguments)
    if arguments.subcommand == "calibrate":
        try:
            from r1_on_eks.calibration import commands as calibration
        except ModuleNotFoundError as missing:
            print(f"r1 calibrate needs {missing.name}: pip install 'r1-on-eks[calibration]'")
            return 2
        return calibration.run(arguments)
    from r1_on_eks.rehearsal import commands

    return commands.run(arguments, command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="r1", description="DeepSeek-R1 on Amazon EKS.")
    subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    _add_variants(subcommands)
    _add_recommend(subcommands)
    _add_plan(subcommands)
    _add_calibrate(subcommands)
    rehearse = subcommands.add_parser(
        "rehearse",
        help="run a command in a local cloud",
        description=_REHEARSE_HELP,
        usage="r1 rehearse [-h] [prepare | stop | status | report STACK] [-- COMMAND ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    rehearse.add_argument(
        "action",
        nargs="?",
        choices=["prepare", "stop", "status", "report"],
        help=argparse.SUPPRESS,
    )
    rehearse.add_argument("stack", nargs="?", help=argparse.SUPPRESS)
    rehearse.add_argument("--json", action="store_true", help="status: print it as JSON")
    rehearse.add_argument(
        "--expect-empty",
        action="store_true",
        help="stop: exit with 1 if the local cloud still held a resource",
    )
    rehearse.set_defaults(usage=rehearse.format_usage())
    return parser


def _add_variants(subcommands: Any) -> None:
    variants = subcommands.add_parser(
        "variants",
        help="the seven variants: where each is cheapest, how fast, for how much",
        description=_VARIANTS_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_workload(variants)
    variants.add_argument("--json", action="store_true", help="print it as JSON")


def _add_recommend(subcommands: Any) -> None:
    from r1_on_eks.catalog.model_shapes import TASKS

    recommend = subcommands.add_parser(
        "recommend",
        help="which variant for a task, and why the others not",
        description=_RECOMMEND_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    recommend.add_argument("--task", required=True, choices=TASKS, help="what it is for")
    recommend.add_argument("--budget", type=_positive, help="dollars an hour for instances")
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
    parser.add_argument("--rate", type=_positive, default=1.0, help="requests per second (1)")
    parser.add_argument(
        "--context", type=_tokens, help="longest sequence in tokens (prompt and 4 × the output)"
    )
    parser.add_argument(
        "--ttft", type=_positive, default=2.0, help="limit on the first token, in seconds (2)"
    )
    parser.add_argument(
        "--tpot", type=_positive, default=0.08, help="limit per output token, in seconds (0.08)"
    )
    parser.add_argument("--region", default="us-east-1", help="whose on-demand prices (us-east-1)")


def _add_plan(subcommands: Any) -> None:
    plan = subcommands.add_parser(
        "plan",
        help="what a stack would stand up: memory, speed, price",
        description=_PLAN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    plan.add_argument("stack", metavar="STACK", help="of stacks/Pulumi.<STACK>.yaml")
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


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no positive number; write 0.5")
    return value


def _add_calibrate(subcommands: Any) -> None:
    calibrate = subcommands.add_parser(
        "calibrate",
        help="fit the speed model to measured rows, or score it",
        description=_CALIBRATE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    calibrate.add_argument(
        "rows", nargs="+", metavar="ROWS.csv", help="tables with the columns of measured.csv"
    )
    calibrate.add_argument(
        "--score", action="store_true", help="print errors by group, without fitting"
    )
    calibrate.add_argument("--page", metavar="FILE", help="with --score: write the page there")
    calibrate.add_argument("--json", action="store_true", help="with --score: print it as JSON")


if __name__ == "__main__":
    sys.exit(main())
