"""The `pulumi` on PATH, as the operations call it: any backend, never a question asked."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1_on_eks.operations.locks import is_dead, is_locked


class PulumiFailed(Exception):
    """A `pulumi` command failed; its own last words."""


def is_no_stack(told: str) -> bool:
    """Whether `pulumi` failed because its backend has no such stack."""
    return "no stack named" in told


@dataclass(frozen=True)
class Pulumi:
    """Calls `pulumi` about one stack.

    Attributes:
        stack: Its name.
        project: The folder that holds Pulumi.yaml.
        seconds: For how long one answer is waited for; None for as long as it takes.
    """

    stack: str
    project: Path
    seconds: float | None = None

    def export(self) -> dict[str, Any]:
        """The stack's deployment, secrets encrypted as they are."""
        return json.loads(self._answer("stack", "export"))

    def import_(self, deployment: dict[str, Any]) -> None:
        """Puts an edited deployment in the place of the stack's."""
        self._run("stack", "import", given=json.dumps(deployment))

    def refresh(self, urns: list[str]) -> None:
        """Has the providers read some resources anew."""
        targets = [word for urn in urns for word in ("--target", urn)]
        self._run("refresh", "--yes", "--skip-preview", "--suppress-outputs", *targets, shown=True)

    def unlock(self) -> None:
        """Ends the update that holds the lock, in the backend's books alone."""
        self._run("cancel", "--yes")

    def destroy(self) -> None:
        """Destroys the stack. A lock of a process that died on this machine is no obstacle.

        Raises:
            PulumiFailed: the engine's own last words.
        """
        try:
            self._run("destroy", "--yes", "--skip-preview")
        except PulumiFailed as failure:
            if not (is_locked(str(failure)) and is_dead(str(failure))):
                raise
            self.unlock()
            self._run("destroy", "--yes", "--skip-preview")

    def history(self, newest: int = 0) -> list[dict[str, Any]]:
        """Its updates, the newest first.

        Args:
            newest: How many; 0 for all. Pulumi itself stops after ten.
        """
        return json.loads(
            self._answer("stack", "history", "--json", "--page-size", str(newest)) or "[]"
        )

    def backend(self) -> str:
        """URL of where its state is."""
        done = call(["whoami", "--json"], self.project, seconds=self.seconds)
        if done.returncode:
            raise PulumiFailed(f"pulumi whoami: {done.stderr.strip()}")
        return json.loads(done.stdout)["url"]

    def _answer(self, *words: str) -> str:
        return self._run(*words).stdout

    def _run(self, *words: str, given: str | None = None, shown: bool = False) -> Any:
        done = self._call(list(words), given=given, shown=shown)
        if done.returncode:
            told = (done.stderr or done.stdout or "").strip()
            raise PulumiFailed(
                f"pulumi {' '.join(words[:2])}: {told or f'exit status {done.returncode}'}"
            )
        return done

    def _call(self, words: list[str], *, given: str | None = None, shown: bool = False) -> Any:
        return call(
            [*words, "--stack", self.stack], self.project,
            given=given, shown=shown, seconds=self.seconds,
        )  # fmt: skip


def stacks_of(project: Path) -> list[dict[str, Any]]:
    """Name, last update and whether one runs, of every stack of the project."""
    done = call(["stack", "ls", "--json"], project)
    if done.returncode:
        raise PulumiFailed(f"pulumi stack ls: {done.stderr.strip()}")
    return json.loads(done.stdout)


def call(
    words: list[str],
    project: Path,
    *,
    given: str | None = None,
    shown: bool = False,
    seconds: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs `pulumi` in the project's folder.

    Args:
        words: What follows `pulumi`.
        project: The folder that holds Pulumi.yaml.
        given: What it reads on standard input.
        shown: Whether its output goes to the user's standard error instead of into the answer.
        seconds: After which it is ended; None for never.

    Raises:
        PulumiFailed: there is no `pulumi`, or no answer in time.
    """
    try:
        return subprocess.run(
            ["pulumi", *words, "--non-interactive"],
            cwd=project,
            input=given,
            text=True,
            stdout=sys.stderr if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PulumiFailed(f"pulumi {words[0]}: no answer within {seconds:g} s") from None
    except FileNotFoundError:
        raise PulumiFailed(
            "there is no `pulumi` on PATH; https://www.pulumi.com/docs/install/"
        ) from None
