"""Answers that several questions need, asked for once though these are asked side by side."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

_Answer = TypeVar("_Answer")


class SharedAnswers:
    """Keeps what was answered, and what was raised, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, Future[Any]] = {}

    def of(self, name: str, ask: Callable[[], _Answer]) -> _Answer:
        """The answer of that name; whoever comes first asks, and the others wait.

        Raises:
            Exception: what `ask` raised, to everybody.
        """
        with self._lock:
            first = name not in self._found
            found = self._found.setdefault(name, Future())
        if first:
            try:
                found.set_result(ask())
            except Exception as error:
                found.set_exception(error)
        return found.result()
