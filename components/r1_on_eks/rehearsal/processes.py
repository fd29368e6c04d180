"""The background processes of one rehearsal: started, recorded, found again and ended.

A record holds the process id together with the time at which that process started, so that a
stranger who was given the same id later is never signalled.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from r1_on_eks.rehearsal.paths import State

_LOG_LINES_SHOWN = 12
_LOOKS_EVERY_S = 0.05
# A start time is read off the boot time, which a clock correction moves.
_CLOCK_STEP_S = 2.0


# Held, so that whoever started a process also reaps it: a zombie would look alive to others.
_children: list[subprocess.Popen[bytes]] = []


class ProcessFailed(Exception):
    """A background process died or was not ready in time; the message ends with its last lines."""


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of the loopback interface at this moment."""
    with socket.socket() as probe:
        # As nginx binds: connections that have ended are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Processes:
    """What runs in the background for the rehearsal whose state directory is `state_root`."""

    def __init__(self, state_root: Path) -> None:
        self._state = State(state_root)

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> int:
        """Starts `argv` in a session of its own, so that no Ctrl-C of a terminal reaches it.

        Returns the process id. Output goes to `logs/NAME.log`. A process of that name that
        already runs is left alone and its id returned.
        """
        if (running := self._find(name)) is not None:
            return running.pid
        self._state.logs.mkdir(parents=True, exist_ok=True)
        self._state.processes.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            child = subprocess.Popen(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(os.environ if env is None else env),
                cwd=cwd,
                start_new_session=True,
            )
        _children.append(child)
        record = {"pid": child.pid, "argv": [str(word) for word in argv]}
        with contextlib.suppress(psutil.Error):
            record["start_time"] = psutil.Process(child.pid).create_time()
        partial = self._record(name).with_suffix(".partial")
        partial.write_text(json.dumps(record))
        partial.replace(self._record(name))
        return child.pid

    def stop(self, name: str, timeout: float = 10.0) -> None:
        """Ends one process and waits until it is gone; nothing happens if it is gone already."""
        for send in ("terminate", "kill"):
            if (process := self._find(name)) is None:
                break
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, send)()
            deadline = time.monotonic() + timeout
            while self._find(name) is not None and time.monotonic() < deadline:
                time.sleep(_LOOKS_EVERY_S)
        self._record(name).unlink(missing_ok=True)

    def command(self, name: str) -> list[str]:
        """The command line that a process was started with."""
        return json.loads(self._record(name).read_text())["argv"]

    def reload(self, name: str) -> None:
        """Tells a process to read its configuration again (SIGHUP)."""
        if (process := self._find(name)) is not None:
            process.send_signal(signal.SIGHUP)

    def stop_all(self) -> list[str]:
        """Ends everything that is recorded, the newest first; returns the names that ran."""
        ended = []
        records = sorted(
            self._state.processes.glob("*.json"), key=lambda f: f.stat().st_mtime, reverse=True
        )
        for record in records:
            if self._find(record.stem) is not None:
                ended.append(record.stem)
            self.stop(record.stem)
        return ended

    def running(self) -> dict[str, int]:
        """Name and process id of everything that is alive."""
        found = {}
        for record in sorted(self._state.processes.glob("*.json")):
            if (process := self._find(record.stem)) is not None:
                found[record.stem] = process.pid
        return found

    def wait_until(self, name: str, ready: Callable[[], bool], timeout: float) -> None:
        """Waits until `ready()`.

        Raises:
            ProcessFailed: the process died first, or `timeout` seconds passed.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if self._find(name) is None:
                raise ProcessFailed(f"{name} ended before it was ready:\n{self._last_lines(name)}")
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"{name} was not ready after {timeout:.0f} s:\n{self._last_lines(name)}"
                )
            time.sleep(_LOOKS_EVERY_S)

    def log(self, name: str) -> Path:
        """Where the process's output goes."""
        return self._state.logs / f"{name}.log"

    def _record(self, name: str) -> Path:
        return self._state.processes / f"{name}.json"

    def _find(self, name: str) -> psutil.Process | None:
        _children[:] = [child for child in _children if child.poll() is None]
        try:
            record = json.loads(self._record(name).read_text())
            process = psutil.Process(record["pid"])
            if abs(process.create_time() - record["start_time"]) > _CLOCK_STEP_S:
                return None
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
        except (FileNotFoundError, KeyError, psutil.NoSuchProcess):
            return None
        return process

    def _last_lines(self, name: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            lines = self.log(name).read_text(errors="replace").splitlines()
            return "\n".join(lines[-_LOG_LINES_SHOWN:])
        return "(no output)"
