"""`r1 weights`: its words."""

import argparse
from typing import Any

from r1_on_eks.cli.parsing import add_command, lacks, positive

_HELP = """\
The weights of a stack: of each variant the repository and its pinned revision, the licence, what
of it lies in the bucket, and what its way takes and costs. Exits with 1 where something is not
complete and verified.

`sync` brings them into the bucket from this machine: safetensors, configuration, tokenizer and
licence, each held against the hub's own hash, and a manifest.json last, which says that all is
there. Nothing touches this machine's disk. End it at any moment, or kill it: the same command goes
on from the last whole part. HF_TOKEN is sent to the hub where it is set.

  r1 weights prod-70b
  r1 weights prod-70b --json
  r1 weights sync prod-70b
  r1 weights sync prod-70b --variant 70b --from https://mirror.example.com/huggingface
  r1 weights sync prod-70b --from /mnt/disk            a folder that hf download --local-dir filled
  r1 weights sync prod-70b --from s3://central-weights another bucket, with its manifests
"""


def add(subcommands: Any) -> None:
    """Adds `r1 weights`."""
    weights = add_command(
        subcommands, "weights",
        "the weights: what is in the bucket; sync brings them from the hub", _HELP, _run,
        usage="r1 weights [-h] [--json] [sync] STACK [--from SOURCE] [--variant V] [--replace]",
    )  # fmt: skip
    weights.add_argument("words", nargs="+", metavar="STACK", help="of stacks/Pulumi.<STACK>.yaml")
    weights.add_argument("--json", action="store_true", help="print it as JSON")
    weights.add_argument(
        "--gbps", type=positive, default=1.0, metavar="GBIT",
        help="speed that the hub's time is told at (1 Gbit/s, an assumption)",
    )  # fmt: skip
    weights.add_argument(
        "--from", dest="source", default="", metavar="SOURCE",
        help="sync: a folder, s3://BUCKET/PREFIX or a mirror's https://… (the hub)",
    )  # fmt: skip
    weights.add_argument("--variant", metavar="V", help="sync: this variant alone")
    weights.add_argument(
        "--at-a-time", type=int, choices=range(1, 33), default=4, metavar="FILES",
        help="sync: files at a time, each takes 64 MiB of memory (4)",
    )  # fmt: skip
    weights.add_argument(
        "--replace", action="store_true",
        help="sync: put this revision in place of another one that is complete",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    try:
        from r1_on_eks.operations.weights import commands
    except ModuleNotFoundError as missing:
        return lacks(missing, "weights", "operations")
    return commands.run(arguments)
