"""`r1 rehearse …`: from parsed words to the local cloud and back to printed lines."""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from r1_on_eks.rehearsal.cloud import AWS_CLOUD, Rehearsal, find_or_make_tools
from r1_on_eks.rehearsal.fault_names import check_name
from r1_on_eks.rehearsal.fault_words import NoSuchFault, parse
from r1_on_eks.rehearsal.pace import parse_pace, write_pace
from r1_on_eks.rehearsal.processes import ProcessFailed
from r1_on_eks.rehearsal.project_copy import ProjectNotFound, SecretInStackFile, find_project
from r1_on_eks.rehearsal.report import print_report
from r1_on_eks.rehearsal.toolchain import ToolMissing
from r1_on_eks.stack_file import not_found, stack_names

# A failure that a person can act on; anything else is a defect and keeps its traceback.
_PLAIN_FAILURES = (
    ProjectNotFound,
    SecretInStackFile,
    ToolMissing,
    ProcessFailed,
    FileNotFoundError,
)


def run(arguments: argparse.Namespace) -> int:
    """Carries out one `r1 rehearse …`; returns the exit status."""
    command = arguments.command
    wrong = _misuse(arguments, command)
    if wrong:
        print(f"r1 rehearse: {wrong}\n{arguments.usage}", file=sys.stderr, end="")
        return 2
    try:
        if arguments.action == "prepare":
            find_or_make_tools(_say)
            return 0
        rehearsal = Rehearsal(find_project(Path.cwd()), _say)
        if command:
            return rehearsal.run(command, arguments.fault)
        return _act(rehearsal, arguments)
    except _PLAIN_FAILURES as failure:
        print(f"r1 rehearse: {failure}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failure:
        print(f"r1 rehearse: {failure}\n{failure.stderr}", file=sys.stderr)
        return 1


def _act(rehearsal: Rehearsal, arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "pace":
            return _pace(rehearsal, arguments.words)
        case "status":
            return _status(rehearsal, as_json=arguments.json)
        case "report":
            return _report(rehearsal, arguments.words)
        case _:
            return _stop(rehearsal, expect_empty=arguments.expect_empty)


def _report(rehearsal: Rehearsal, stack: str) -> int:
    """Of a stack of any program, here or in the local cloud's state."""
    stacks = rehearsal.project / "stacks"
    made = rehearsal.state.backend.glob(f".pulumi/stacks/*/{stack}.json")
    if stacks.is_dir() and stack not in stack_names(stacks) and not any(made):
        print(f"r1 rehearse: {not_found(stack, stacks)}", file=sys.stderr)
        return 2
    return print_report(rehearsal, stack)


def _misuse(arguments: argparse.Namespace, command: Sequence[str]) -> str | None:
    if command and arguments.action:
        return f"either `{arguments.action}` or `-- COMMAND`, not both"
    try:
        for fault in arguments.fault:
            check_name(parse(fault))
    except NoSuchFault as wrong:
        return f"--fault {wrong}"
    if arguments.fault and not command:
        return "--fault needs a command that it happens to: --fault slow:0.1 -- pulumi up"
    if not command and not arguments.action:
        return "say what to run after `--`, for example: r1 rehearse -- pulumi preview"
    if arguments.action == "pace":
        try:
            parse_pace(arguments.words or "")
        except ValueError as wrong:
            return f"pace {wrong}"
    elif (arguments.action == "report") != (arguments.words is not None):
        return "`report` needs the name of a stack, for example: r1 rehearse report prod-70b"
    return None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _pace(rehearsal: Rehearsal, words: str) -> int:
    pace = parse_pace(words)
    rehearsal.state.root.mkdir(parents=True, exist_ok=True)
    write_pace(rehearsal.state.pace, pace)
    print(
        f"stand-ins answer with the first token after {pace.first_token_s * 1e3:g} ms"
        f" and one each {pace.per_token_s * 1e3:g} ms, from the next request on"
    )
    return 0


def _status(rehearsal: Rehearsal, *, as_json: bool) -> int:
    status = rehearsal.status()
    if as_json:
        print(json.dumps(vars(status), indent=2))
        return 0
    if AWS_CLOUD not in status.processes:
        print("no rehearsal is up; it starts with: r1 rehearse -- COMMAND")
        return 1
    held = sum(len(ids) for ids in status.resources.values())
    print(f"the local cloud holds {held} resources")
    print("clusters: " + (", ".join(status.clusters) or "none"))
    for name, pid in status.processes.items():
        print(f"  {pid:>8}  {name}")
    return 0


def _stop(rehearsal: Rehearsal, *, expect_empty: bool) -> int:
    left = rehearsal.status().resources
    for kind, ids in left.items():
        print(f"still up in the local cloud: {kind} {', '.join(ids)}")
    ended = rehearsal.stop()
    count = sum(len(ids) for ids in left.values())
    print(f"local cloud: {count} resources were left; {len(ended)} processes ended")
    return 1 if left and expect_empty else 0
