"""Pins each action of .github to the commit of its tag, as `OWNER/NAME@COMMIT # vX.Y.Z`.

python tools/action_pins.py --check     exits with 1 where a commit is not its tag's
python tools/action_pins.py             moves each to the newest release
python tools/action_pins.py --source '/clones/{owner}/{name}'     asks clones in place of GitHub

It asks by `git ls-remote`, which needs no token. Renewals come from dependabot.yml as a rule.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
GITHUB = "https://github.com/{owner}/{name}"
_USES = re.compile(
    # Not in a comment.
    r"(?m)^(?P<before>[^#\n]*)uses: (?P<action>[\w-][\w.-]*/[\w.-]+)(?P<below>[\w./-]*)"
    r"@(?P<at>\S+)(?: # (?P<tag>\S+))?"
)
_RELEASE = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


class NoAnswer(LookupError):
    """Whom an action's tags were asked of does not answer, or knows no release of it."""


@cache
def tags(action: str, source: str) -> dict[str, str]:
    """The commit of each release of an action, by tag; the oldest first.

    Raises:
        NoAnswer: see the class.
    """
    owner, name = action.split("/")
    asked = source.format(owner=owner, name=name)
    told = subprocess.run(
        ["git", "ls-remote", "--tags", asked], capture_output=True, text=True, check=False
    )
    if told.returncode != 0:
        raise NoAnswer(f"{action}: {told.stderr.strip().splitlines()[0]}")
    found = {}
    for line in told.stdout.splitlines():
        commit, _, ref = line.partition("\t")
        # An annotated tag comes twice: as itself, then with ^{} as the commit that it points to.
        tag = ref.removeprefix("refs/tags/").removesuffix("^{}")
        if _RELEASE.fullmatch(tag):
            found[tag] = commit
    if not found:
        raise NoAnswer(f"{action}: no tag vX.Y.Z in {asked}")
    return dict(sorted(found.items(), key=lambda one: _numbers(one[0])))


def _numbers(tag: str) -> tuple[int, ...]:
    return tuple(int(part) for part in tag[1:].split("."))


def files(root: Path) -> Iterator[Path]:
    """Workflows and actions."""
    yield from sorted((root / ".github").rglob("*.yml"))


def wrong(text: str, source: str) -> Iterator[str]:
    """What in a file is not pinned to its tag's commit, a line each."""
    for use in _USES.finditer(text):
        action, tag = use["action"], use["tag"]
        if tag is None or tags(action, source).get(tag) != use["at"]:
            yield f"{action}@{use['at']} # {tag}: {tag} is {tags(action, source).get(tag, 'none')}"


def pinned(text: str, source: str) -> str:
    """The file with each action at its newest release."""

    def newest(use: re.Match[str]) -> str:
        tag, commit = list(tags(use["action"], source).items())[-1]
        return f"{use['before']}uses: {use['action']}{use['below']}@{commit} # {tag}"

    return _USES.sub(newest, text)


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """Writes the pins, or checks them; 1 where one is wrong or nobody answers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--source", default=GITHUB, help=f"where its repository is ({GITHUB})")
    given = parser.parse_args(argv)
    told = []
    try:
        for file in files(root):
            text = file.read_text()
            if given.check:
                told += [f"{file.name}: {line}" for line in wrong(text, given.source)]
            elif (new := pinned(text, given.source)) != text:
                file.write_text(new)
                print(f"{file.name} changed")
    except NoAnswer as error:
        told.append(str(error))
    print(*told, sep="\n", end="\n" if told else "")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
