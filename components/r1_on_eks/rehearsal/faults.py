"""What goes wrong on purpose in a rehearsal: `r1 rehearse --fault … -- COMMAND`."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import psutil

from r1_on_eks.rehearsal.fault_words import Fault, parse
from r1_on_eks.rehearsal.latencies import seconds_of
from r1_on_eks.rehearsal.paths import State


def write(state: State, texts: list[str]) -> None:
    """Makes `texts` the faults of whatever runs in this rehearsal from now on."""
    _file(state).unlink(missing_ok=True)
    if texts:
        _happened(state).unlink(missing_ok=True)
        _file(state).write_text(json.dumps(texts))


def active(state: State, kind: str) -> list[Fault]:
    """The faults of a kind that were asked for."""
    try:
        texts: list[str] = json.loads(_file(state).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return []
    return [fault for fault in map(parse, texts) if fault.kind == kind]


def note(state: State, text: str) -> None:
    """A fault happened, in whichever process."""
    with _happened(state).open("a") as file:
        file.write(f"{text}\n")


def happened(state: State) -> set[str]:
    """The faults that happened in the last command that was given any, as they were written."""
    file = _happened(state)
    return set(file.read_text().splitlines()) if file.exists() else set()


def _happened(state: State) -> Path:
    return state.root / "faults-that-happened"


def _file(state: State) -> Path:
    return state.root / "faults.json"


class Faults:
    """The faults of one provider process, which counts what it was asked for."""

    def __init__(self) -> None:
        root = os.environ.get("R1_REHEARSAL_STATE")
        self._state = State(Path(root)) if root else None
        self._seen: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def of(self, work: str, urn: str) -> "Step":
        """The step that begins now.

        Args:
            work: `create`, `update` or `delete`.
            urn: of the resource.
        """
        if self._state is None:
            return Step(None, work, urn, {})
        kind = _type_of(urn)
        with self._lock:
            number = self._seen[work, kind] = self._seen.get((work, kind), 0) + 1
        moments = {
            moment: fault.text
            for fault in active(self._state, "die")
            for moment, of_work, of_kind, of_number in [fault.words]
            if of_work == work and fnmatchcase(kind, of_kind) and int(of_number) == number
        }
        return Step(self._state, work, urn, moments)


@dataclass(frozen=True)
class Step:
    """One create, update or delete, and when the engine dies in it."""

    state: State | None
    work: str
    urn: str
    moments: Mapping[str, str]

    def begins(self) -> None:
        """Before AWS or Kubernetes is called."""
        self._note("begins")
        if "before" in self.moments:
            self._die("before")

    def answered(self) -> float:
        """AWS or Kubernetes has answered; returns the seconds that it goes on working."""
        if "after" in self.moments:
            self._die("after")
        scales = active(self.state, "slow") if self.state else []
        return sum(float(one.words[0]) for one in scales) * seconds_of(
            _type_of(self.urn), self.work
        )

    def ends(self) -> None:
        """The engine is about to be told."""
        self._note("ends")
        if "recorded" in self.moments:
            threading.Thread(target=self._kill_when_recorded, daemon=True).start()

    def _note(self, what: str) -> None:
        if self.state is not None and active(self.state, "slow"):
            line = {"urn": self.urn, "work": self.work, what: time.time()}
            with (self.state.root / "steps.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")

    def _kill_when_recorded(self) -> None:
        assert self.state is not None
        while self._is_recorded() != (self.work != "delete"):
            time.sleep(0.01)
        self._die("recorded")

    def _die(self, moment: str) -> None:
        """The engine, and this provider with it, before it does anything more here."""
        assert self.state is not None
        note(self.state, self.moments[moment])
        # Meanwhile this step stands still, and others get to where they are to die.
        time.sleep(sum(float(one.words[0]) for one in active(self.state, "die-late")))
        engine = psutil.Process(os.getppid())
        if "pulumi" in engine.name():
            engine.send_signal(signal.SIGKILL)
        os._exit(137)

    def _is_recorded(self) -> bool:
        assert self.state is not None
        return any(
            one["urn"] == self.urn and (one.get("id") or not one.get("custom"))
            for checkpoint in _checkpoints(self.state)
            for one in checkpoint.get("resources") or []
        )


def _checkpoints(state: State) -> Iterator[dict[str, list[dict[str, str]]]]:
    for file in (state.backend / ".pulumi" / "stacks").glob("*/*.json"):
        try:
            yield json.loads(file.read_text())["checkpoint"]["latest"] or {}
        except (json.JSONDecodeError, KeyError, FileNotFoundError):
            continue


def _type_of(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]
