"""`r1 verify`: what it would do and cost, then evidence in a file."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from r1_on_eks.gateway_words import WrongGatewayWord, key_of
from r1_on_eks.operations.account import FAILURES, PATIENT
from r1_on_eks.operations.evidence.experiment import Bench, Experiment, NotNow, Verdict
from r1_on_eks.operations.evidence.experiments import (
    EXPERIMENTS,
    as_json,
    as_markdown,
    carry_out,
    usd_of,
)
from r1_on_eks.operations.readiness.commands import ground_of
from r1_on_eks.operations.readiness.ground import Ground, Undecided
from r1_on_eks.plan.names import cluster_name
from r1_on_eks.stack_config import StackConfigError
from r1_on_eks.stack_file import StackNotFound

_KUBECTL_S = 120


def run(arguments: argparse.Namespace) -> int:
    """`r1 verify STACK`.

    Returns:
        0 where nothing that was run did not hold; 1 where something did not, or nothing was run;
        2 for misuse.
    """
    try:
        key = key_of(os.environ.get("R1_KEY"), "R1_KEY")
        ground = ground_of(arguments.stack, PATIENT)
        wanted = _chosen(arguments.only)
        cost = usd_of(wanted, ground)
    except (
        StackNotFound, StackConfigError, WrongGatewayWord, Undecided, NotNow, *FAILURES
    ) as error:  # fmt: skip
        print(f"r1 verify: {error}", file=sys.stderr)
        return 2
    _announce(ground, wanted, cost)
    if not _may_go_on(arguments.yes):
        return 1
    with tempfile.TemporaryDirectory() as folder, Console(stderr=True).status("") as status:
        bench = Bench(
            ground=ground,
            kubectl=kubectl_of(ground, Path(folder)),
            key=key,
        )
        outcomes = carry_out(wanted, bench, status.update)
    text = as_json(ground, outcomes)
    written = _written(ground, text, as_markdown(ground, outcomes))
    if arguments.json:
        print(text)
    else:
        for one, outcome in outcomes:
            print(f"{outcome.verdict.value:13} {one.name}: {outcome.seen}")
        print(f"written: {' and '.join(map(str, written))}")
    return int(any(outcome.verdict is Verdict.FAILED for _, outcome in outcomes))


def _chosen(only: Sequence[str] | None) -> tuple[Experiment, ...]:
    names = {one.name for one in EXPERIMENTS}
    if foreign := [name for name in only or () if name not in names]:
        raise NotNow(f"--only {foreign[0]}: write one of {', '.join(sorted(names))}")
    return tuple(one for one in EXPERIMENTS if not only or one.name in only)


def _announce(ground: Ground, wanted: Sequence[Experiment], cost: float | None) -> None:
    for one in wanted:
        usd = one.usd(ground)
        price = "not priced" if usd is None else f"${usd:.2f}" if usd else "free"
        by_hand = "" if one.run else ", by hand"
        print(f"{one.name:18} {price:>10}  needs {one.needs}{by_hand}: {one.steps}",
              file=sys.stderr)  # fmt: skip
    total = "not priced" if cost is None else f"${cost:.2f}"
    print(f"\nrun by themselves, together: {total}; account {ground.config.owner},"
          f" {ground.config.region}", file=sys.stderr)  # fmt: skip


def _may_go_on(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        print("nothing was run; add --yes to do it", file=sys.stderr)
        return False
    return input("Run them? [y/N] ").strip().lower() in ("y", "yes")


def _written(ground: Ground, text: str, page: str) -> list[Path]:
    """Both forms, dated; an earlier one of the same minute is replaced."""
    folder = Path("evidence")
    folder.mkdir(exist_ok=True)
    name = f"{ground.stack}-{ground.now:%Y-%m-%dT%H%M}"
    found = []
    for suffix, content in ((".json", text + "\n"), (".md", page)):
        path = folder / f"{name}{suffix}"
        path.write_text(content)
        found.append(path)
    return found


def kubectl_of(ground: Ground, folder: Path) -> Callable[..., str]:
    """Runs kubectl against the stack's cluster with a kubeconfig of its own.

    Args:
        ground: Whose cluster.
        folder: For the kubeconfig.

    Returns:
        From words to what kubectl prints; raises `NotNow` where it refuses or is not there.
    """
    config = folder / "kubeconfig"

    def kubectl(*words: str) -> str:
        if not config.exists():
            _call(
                "aws", "eks", "update-kubeconfig", "--name", cluster_name(ground.stack),
                "--region", ground.config.region, "--kubeconfig", str(config),
            )  # fmt: skip
        return _call("kubectl", "--kubeconfig", str(config), *words)

    return kubectl


def _call(*words: str) -> str:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_KUBECTL_S, check=False
        )
    except FileNotFoundError:
        raise NotNow(f"there is no `{words[0]}` on PATH") from None
    except subprocess.TimeoutExpired:
        raise NotNow(f"{words[0]} did not answer in {_KUBECTL_S} s") from None
    if done.returncode:
        raise NotNow(f"{words[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
    return done.stdout
