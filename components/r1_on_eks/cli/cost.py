"""`r1 cost`, `r1 cost-comment` and `r1 prices`: their words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command

_COST_HELP = """\
What a stack costs, before it is spent: per resource, component and variant, by the hour and the
month, scaled in and out; the ways to buy its instances; dollars per million tokens. Read from its
program as it declares, without engine or account, or from a preview. Prices have a date and a
standing; a remembered one is marked with ?, and what isn't known is named, never $0.

Exits with 1 where a budget of the stack file or --fail-over is exceeded.

  r1 cost prod-70b
  r1 cost prod-70b --against main             also at any revision
  r1 cost prod-70b --against main --fail-over 10%
  r1 cost prod-70b --format json > now.json;  r1 cost prod-70b --against now.json
  pulumi preview --json --show-sames --stack prod-70b | r1 cost --preview -
  r1 cost prod-70b --against main --format markdown      the pull-request comment
"""

_COMMENT_HELP = """\
Compares every stack that a pull request changes with its base, and tells it in one comment, which
is edited in place. Where commenting is refused, as for forks, it goes to the job's summary. Reads
GitHub's variables of a run (GITHUB_EVENT_PATH, GITHUB_TOKEN, …).

Exits with 1 where a budget is exceeded.

  r1 cost-comment --base origin/main
  r1 cost-comment --base origin/main --dry-run           print it
"""

_PRICES_HELP = """\
Renews the price book from AWS's own lists: the Price List, the rates of capacity blocks, the
history of spot prices, Savings Plans. Shows what changed; an ambiguous price is refused. Exits
with 1 where a price could not be told.

  r1 prices refresh                       with your AWS credentials
  r1 prices refresh --bulk                without: from the price list's files (hundreds of MB)
  r1 prices refresh --region eu-west-1 --dry-run
  r1 prices list p5.48xlarge              what is known, from where and when
"""


def add(subcommands: Any) -> None:
    """Adds the commands about money."""
    _add_cost(subcommands)
    _add_comment(subcommands)
    _add_prices(subcommands)


def _run(arguments: argparse.Namespace) -> int:
    from r1_on_eks.cost import commands

    return commands.run(arguments)


def _add_cost(subcommands: Any) -> None:
    cost = add_command(
        subcommands,
        "cost",
        "what a stack costs, and what a change of it costs more",
        _COST_HELP,
        _run,
    )
    cost.add_argument("stack", nargs="?", metavar="STACK", help="of stacks/Pulumi.<STACK>.yaml")
    cost.add_argument("--preview", metavar="FILE", help="a preview's JSON; - for standard input")
    cost.add_argument(
        "--against", metavar="REF|FILE", help="compare with a revision, or with --format json"
    )
    cost.add_argument(
        "--fail-over", metavar="AMOUNT|PERCENT", help="exit with 1 above it: 500, 10%%"
    )
    cost.add_argument(
        "--api-price", metavar="IN,OUT", help="an API's dollars per million tokens: 0.55,2.19"
    )
    cost.add_argument(
        "--actual", action="store_true", help="beside it what AWS billed (Cost Explorer)"
    )
    cost.add_argument(
        "--format", choices=["table", "json", "markdown"], default="table", help="(table)"
    )
    cost.add_argument("--json", action="store_true", help="as --format json")


def _add_comment(subcommands: Any) -> None:
    comment = add_command(
        subcommands,
        "cost-comment",
        "the comment of a pull request: what it costs more",
        _COMMENT_HELP,
        _run,
    )
    comment.add_argument("--base", required=True, metavar="REF", help="what it is compared with")
    comment.add_argument(
        "--previews", metavar="FOLDER",
        help="previews as STACK.json, for what happens to each resource",
    )  # fmt: skip
    comment.add_argument("--fail-over", metavar="AMOUNT|PERCENT", help="exit with 1 above it")
    comment.add_argument("--dry-run", action="store_true", help="print it, and write nowhere")


def _add_prices(subcommands: Any) -> None:
    prices = add_command(subcommands, "prices", "renew or list the price book", _PRICES_HELP, _run)
    prices.add_argument("action", choices=["refresh", "list"], help="what to do")
    prices.add_argument("what", nargs="?", default="", metavar="WORD", help="list: only with it")
    prices.add_argument("--region", action="append", help="refresh: only it (all in the book)")
    prices.add_argument(
        "--bulk", nargs="?", metavar="URL", const="https://pricing.us-east-1.amazonaws.com",
        help="refresh: from the files of the price list, without credentials",
    )  # fmt: skip
    prices.add_argument("--dry-run", action="store_true", help="refresh: show, and write nothing")
    prices.add_argument("--json", action="store_true", help="print it as JSON")
