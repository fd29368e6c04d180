"""Runs a person's command in place of this process, until it ends."""

import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path


def run_in_foreground(command: Sequence[str], *, env: dict[str, str], cwd: Path) -> int:
    """Its exit status; 128 and the signal's number where a signal ended it.

    A Ctrl-C reaches it from the terminal itself; what ends this process is passed on to it.

    Args:
        command: What to run, found on the PATH of `env`.
        env: Its environment, whole.
        cwd: Where it runs.

    Raises:
        FileNotFoundError: there is no such command.
    """
    found = shutil.which(command[0], path=env["PATH"])
    if found is None:
        raise FileNotFoundError(f"{command[0]}: no such command inside the rehearsal")
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    # A function, not SIG_IGN: what is ignored stays ignored in the child.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        child = subprocess.Popen([found, *command[1:]], env=env, cwd=cwd)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda n, _: child.send_signal(n))
        status = child.wait()
    finally:
        for number, action in before.items():
            signal.signal(number, action)
    return status if status >= 0 else 128 - status
